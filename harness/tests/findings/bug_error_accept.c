/* harness/tests/findings/bug_error_accept.c: accept fails, and -1 goes into recv as if it were a client.
 *
 * Shows: error-as-descriptor
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local(), client_fd;
	char buffer[64];

	nonblocking(listen_fd);
	client_fd = accept(listen_fd, NULL, NULL); /* nobody is there: EAGAIN */
	recv(client_fd, buffer, sizeof buffer, 0); /* HERE error-as-descriptor */
	close(listen_fd);
	return 0;
}
