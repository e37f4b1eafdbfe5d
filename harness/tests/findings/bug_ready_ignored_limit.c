/* harness/tests/findings/bug_ready_ignored_limit.c: the server has as many clients as it wants, so it does not
 * accept; but it still asks about the listener.
 *
 * Shows: ready-ignored
 */
#include "prove.h"

enum { MESSAGES = 60 };

static void
clients(void)
{
	int a = dial(), b = dial();

	for (int n = 0; n < MESSAGES; n++) {
		say(a, "x");
		hear(a, 1);
	}
	hang_up(a);
	hear_end(b);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd list[2] = {{listen_fd, POLLIN, 0}, {-1, POLLIN, 0}};
	char buffer[64];
	ssize_t got = 1;

	while (got > 0) {
		poll(list, 2, -1); /* HERE ready-ignored */
		if (list[0].revents && list[1].fd < 0) {
			list[1].fd = accept(listen_fd, NULL, NULL);
		} else if (list[1].revents) {
			got = recv(list[1].fd, buffer, sizeof buffer, 0);
			echo(list[1].fd, buffer, got);
		}
	}
	close(list[1].fd);
	close(listen_fd);
	over(child);
	return 0;
}
