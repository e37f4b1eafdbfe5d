/* harness/tests/findings/bug_end_of_file_select.c: recv returns 0, the server takes it for "nothing yet", and select
 * reports the end of file again, and again.
 *
 * Shows: end-of-file-ignored
 */
#include "prove.h"

enum { ROUNDS = 200 };

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

	for (int n = 0; n < ROUNDS; n++) {
		fd_set ready_set;
		ssize_t got;

		FD_ZERO(&ready_set);
		FD_SET(listen_fd, &ready_set);
		FD_SET(client_fd, &ready_set);
		select(client_fd + 1, &ready_set, NULL, NULL, NULL);
		if (!FD_ISSET(client_fd, &ready_set))
			continue;
		got = recv(client_fd, buffer, sizeof buffer, 0); /* HERE end-of-file-ignored */
		if (got > 0)
			echo(client_fd, buffer, got);
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
