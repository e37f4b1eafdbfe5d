/* harness/tests/findings/near_number_too_big_nfds.c: an nfds far above any descriptor is legal, and a client that
 * does not fit into the set is turned away.
 *
 * Looks like: number-too-big
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
	int listen_fd = listen_local(), client_fd, high_fd;
	pid_t child = play(listen_fd, clients);
	fd_set ready_set;

	limit_descriptors(1100);
	FD_ZERO(&ready_set);
	FD_SET(listen_fd, &ready_set);
	select(1100, &ready_set, NULL, NULL, NULL);
	client_fd = accept(listen_fd, NULL, NULL);
	high_fd = fcntl(client_fd, F_DUPFD_CLOEXEC, 1030);
	if (high_fd >= FD_SETSIZE) /* no place for it in a set */
		close(high_fd);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
