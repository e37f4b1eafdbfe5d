/* harness/tests/findings/near_peer_reset_closed.c: a reset ends the client who sent it, and nobody else.
 *
 * Looks like: peer-reset-fatal
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(b, "x");
	hear(b, 1);
	vanish(b);
	say(a, "x");
	hear(a, 1);
	hang_up(a);
}

int
main(void)
{
	int listen_fd = listen_local(), left = 2;
	pid_t child = play(listen_fd, clients);
	struct pollfd list[2] = {
		{accept(listen_fd, NULL, NULL), POLLIN, 0}, {accept(listen_fd, NULL, NULL), POLLIN, 0}};
	char buffer[64];

	while (left > 0) {
		poll(list, 2, -1);
		for (int n = 0; n < 2; n++) {
			if (list[n].fd < 0 || list[n].revents == 0)
				continue;
			ssize_t got = recv(list[n].fd, buffer, sizeof buffer, 0);

			if (got > 0 && echo(list[n].fd, buffer, got))
				continue;
			close(list[n].fd);
			list[n].fd = -1;
			left--;
		}
	}
	close(listen_fd);
	over(child);
	return 2;
}
