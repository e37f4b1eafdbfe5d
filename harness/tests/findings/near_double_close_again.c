/* harness/tests/findings/near_double_close_again.c: the same number is closed twice, by the same line, and each time
 * it was another connection.
 *
 * Looks like: double-close
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
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	char buffer[64];

	for (int n = 0; n < 3; n++) {
		int client_fd = accept(listen_fd, NULL, NULL);
		ssize_t got;

		while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
			echo(client_fd, buffer, got);
		close(client_fd);
	}
	close(listen_fd);
	over(child);
	return 0;
}
