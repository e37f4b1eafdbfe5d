/* harness/tests/findings/near_blocking_accept_nonblocking.c: the listener does not block.
 *
 * Looks like: blocking-accept
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd;
	pid_t child = play(listen_fd, clients);
	struct pollfd listener = {listen_fd, POLLIN, 0};

	nonblocking(listen_fd);
	poll(&listener, 1, -1);
	client_fd = accept(listen_fd, NULL, NULL);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
