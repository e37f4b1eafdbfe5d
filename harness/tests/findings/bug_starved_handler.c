/* harness/tests/findings/bug_starved_handler.c: select finds out who is ready, and then the handler stays with one
 * client until it leaves.
 *
 * Shows: starved
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	say(b, "hello?");
	nap(250);
	hang_up(a);
	hear(b, 6);
	hang_up(b);
}

static void
serve(int client_fd)
{
	char buffer[64];
	ssize_t got;

	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0) /* HERE starved */
		echo(client_fd, buffer, got);
	close(client_fd);
}

int
main(void)
{
	int listen_fd = listen_local(), left = 0;
	pid_t child = play(listen_fd, clients);
	int client_fds[2] = {accept(listen_fd, NULL, NULL), accept(listen_fd, NULL, NULL)};

	while (left < 2) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		for (int n = 0; n < 2; n++)
			if (client_fds[n] >= 0)
				FD_SET(client_fds[n], &ready_set);
		select(FD_SETSIZE, &ready_set, NULL, NULL, NULL);
		for (int n = 0; n < 2; n++)
			if (client_fds[n] >= 0 && FD_ISSET(client_fds[n], &ready_set)) {
				serve(client_fds[n]);
				client_fds[n] = -1;
				left++;
			}
	}
	close(listen_fd);
	over(child);
	return 0;
}
