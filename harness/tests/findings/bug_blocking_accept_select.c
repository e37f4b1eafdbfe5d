/* harness/tests/findings/bug_blocking_accept_select.c: select reports the listener, and accept could block all the
 * same: the client may have gone in between.
 *
 * Shows: blocking-accept
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
	fd_set ready_set;

	FD_ZERO(&ready_set);
	FD_SET(listen_fd, &ready_set);
	select(listen_fd + 1, &ready_set, NULL, NULL, NULL);
	client_fd = accept(listen_fd, NULL, NULL); /* HERE blocking-accept */
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
