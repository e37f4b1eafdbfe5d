/* harness/tests/findings/near_timer_deadline.c: a moment for a whole answer, in however many pieces it comes: the
 * timer shrinks on purpose.
 *
 * Looks like: timer-not-rearmed
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	for (int n = 0; n < 5; n++) {
		say(fd, "piece");
		nap(2);
	}
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL), ready;
	struct timeval left = {0, 60000};

	do {
		fd_set ready_set;
		char buffer[64];

		FD_ZERO(&ready_set);
		FD_SET(client_fd, &ready_set);
		ready = select(client_fd + 1, &ready_set, NULL, NULL, &left);
		if (ready > 0)
			recv(client_fd, buffer, sizeof buffer, 0);
	} while (ready > 0);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
