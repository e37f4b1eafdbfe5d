/* harness/tests/findings/bug_peer_reset_exit.c: one client resets its connection, and the server ends for all.
 *
 * Shows: peer-reset-fatal
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(b, "x");
	hear(b, 1);
	vanish(b);
	hear_end(a);
	hang_up(a);
}

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	struct pollfd list[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
	char buffer[64];

	while (child > 0) {
		poll(list, 2, -1);
		for (int n = 0; n < 2; n++) {
			if (list[n].revents == 0)
				continue;
			ssize_t got = recv(list[n].fd, buffer, sizeof buffer, 0); /* HERE peer-reset-fatal */

			if (got < 0)
				die("recv");
			echo(list[n].fd, buffer, got);
		}
	}
	return 0;
}
