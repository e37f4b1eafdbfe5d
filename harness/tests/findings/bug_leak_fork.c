/* harness/tests/findings/bug_leak_fork.c: a process for each client, and the parent keeps its own copy of every
 * connection: no client ever sees its end.
 *
 * Shows: leak
 */
#include "prove.h"

static void
clients(void)
{
	for (int n = 0; n < 3; n++) {
		int fd = dial();

		say(fd, "hello");
		hear(fd, 5);
		hang_up(fd);
	}
}

static void
serve(int client_fd)
{
	char buffer[64];
	ssize_t got;

	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
		echo(client_fd, buffer, got);
	close(client_fd);
	_exit(0);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);

	for (int n = 0; n < 3; n++) {
		int client_fd = accept(listen_fd, NULL, NULL); /* HERE leak */
		pid_t server = fork();

		if (server == 0) {
			close(listen_fd);
			serve(client_fd);
		}
		over(server);
	}
	over(child);
	close(listen_fd);
	return 0;
}
