/* harness/tests/findings/near_set_not_rebuilt_paused.c: one client at a time, on purpose: the listener is not watched
 * while it is there.
 *
 * Looks like: set-not-rebuilt
 */
#include "prove.h"

static void
clients(void)
{
	for (int n = 0; n < 3; n++) {
		int fd = dial();

		say(fd, "hi");
		hear(fd, 2);
		hang_up(fd);
	}
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd = -1, served = 0;
	pid_t child = play(listen_fd, clients);
	char buffer[64];

	while (served < 3) {
		fd_set ready_set;
		int fd = client_fd >= 0 ? client_fd : listen_fd;

		FD_ZERO(&ready_set);
		FD_SET(fd, &ready_set);
		select(fd + 1, &ready_set, NULL, NULL, NULL);
		if (fd == listen_fd) {
			client_fd = accept(listen_fd, NULL, NULL);
			continue;
		}
		ssize_t got = recv(client_fd, buffer, sizeof buffer, 0);

		if (got > 0 && echo(client_fd, buffer, got))
			continue;
		close(client_fd);
		client_fd = -1;
		served++;
	}
	close(listen_fd);
	over(child);
	return 0;
}
