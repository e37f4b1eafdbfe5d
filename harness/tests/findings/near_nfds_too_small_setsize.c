/* harness/tests/findings/near_nfds_too_small_setsize.c: nfds is FD_SETSIZE, always: more than needed, and right.
 *
 * Looks like: nfds-too-small
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	say(fd, "hi");
	hear(fd, 2);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	char buffer[64];
	ssize_t got = 1;

	while (got > 0) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(client_fd, &ready_set);
		select(FD_SETSIZE, &ready_set, NULL, NULL, NULL);
		got = recv(client_fd, buffer, sizeof buffer, 0);
		echo(client_fd, buffer, got);
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
