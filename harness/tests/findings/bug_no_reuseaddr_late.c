/* harness/tests/findings/bug_no_reuseaddr_late.c: the option is set, but after bind, where it comes too late.
 *
 * Shows: no-reuseaddr
 */
#include "prove.h"

int
main(void)
{
	struct sockaddr_in address;
	socklen_t size = sizeof address;
	int probe_fd = listen_local(), listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	getsockname(probe_fd, (struct sockaddr *)&address, &size); /* a port that is free in a moment */
	close(probe_fd);
	bind(listen_fd, (struct sockaddr *)&address, size); /* HERE no-reuseaddr */
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	listen(listen_fd, 8);
	close(listen_fd);
	return 0;
}
