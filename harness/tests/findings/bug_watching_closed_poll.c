/* harness/tests/findings/bug_watching_closed_poll.c: a client is closed, but stays in poll's list: POLLNVAL, at once,
 * every time.
 *
 * Shows: watching-closed
 */
#include "prove.h"

enum { ROUNDS = 200 };

static void
clients(void)
{
	int a = dial(), b = dial();

	hang_up(a);
	hear_end(b);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd list[2] = {
		{accept(listen_fd, NULL, NULL), POLLIN, 0}, {accept(listen_fd, NULL, NULL), POLLIN, 0}};
	char buffer[64];

	for (int n = 0; n < ROUNDS; n++) {
		poll(list, 2, -1); /* HERE watching-closed */
		for (int m = 0; m < 2; m++)
			if (list[m].revents & POLLIN && recv(list[m].fd, buffer, sizeof buffer, 0) <= 0)
				close(list[m].fd);
	}
	close(list[1].fd);
	close(listen_fd);
	over(child);
	return 0;
}
