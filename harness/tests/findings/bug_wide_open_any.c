/* harness/tests/findings/bug_wide_open_any.c: INADDR_ANY: the whole network may talk to a program that was meant for
 * this machine.
 *
 * Shows: wide-open
 */
#include "prove.h"

int
main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bind(listen_fd, (struct sockaddr *)&address, sizeof address); /* HERE wide-open */
	listen(listen_fd, 8);
	close(listen_fd);
	return 0;
}
