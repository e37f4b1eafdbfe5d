/* harness/tests/findings/near_leak_busy.c: the server ends while clients are connected; it watched them to the last,
 * so they are no leak.
 *
 * Looks like: leak
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	say(b, "quit");
	hear_end(b);
	hear_end(a);
	hang_up(b);
	hang_up(a);
}

int
main(void)
{
	int listen_fd = listen_local(), max_fd = listen_fd;
	pid_t child = play(listen_fd, clients);
	fd_set watch_set, ready_set;
	char buffer[64] = "";

	FD_ZERO(&watch_set);
	FD_SET(listen_fd, &watch_set);
	while (buffer[0] != 'q') {
		ready_set = watch_set;
		select(max_fd + 1, &ready_set, NULL, NULL, NULL);
		for (int fd = listen_fd + 1; fd <= max_fd; fd++)
			if (FD_ISSET(fd, &ready_set))
				echo(fd, buffer, recv(fd, buffer, sizeof buffer, 0));
		if (FD_ISSET(listen_fd, &ready_set)) {
			int client_fd = accept(listen_fd, NULL, NULL);

			FD_SET(client_fd, &watch_set);
			max_fd = client_fd > max_fd ? client_fd : max_fd;
		}
	}
	return child < 0;
}
