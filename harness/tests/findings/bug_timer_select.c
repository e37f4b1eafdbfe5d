/* harness/tests/findings/bug_timer_select.c: the timer is set once, outside the loop. Linux writes what is left back
 * into it, and after the first timeout that is nothing.
 *
 * Shows: timer-not-rearmed
 */
#include "prove.h"

enum { TIMEOUTS = 200 };

static void
clients(void)
{
	int fd = dial();

	say(fd, "hi");
	hear(fd, 2);
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd = -1, timeouts = 0;
	pid_t child = play(listen_fd, clients);
	struct timeval timer = {0, 50000};
	char buffer[64];

	while (timeouts < TIMEOUTS) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(listen_fd, &ready_set);
		if (client_fd >= 0)
			FD_SET(client_fd, &ready_set);
		timeouts += select(16, &ready_set, NULL, NULL, &timer) == 0; /* HERE timer-not-rearmed */
		if (client_fd >= 0 && FD_ISSET(client_fd, &ready_set))
			echo(client_fd, buffer, recv(client_fd, buffer, sizeof buffer, 0));
		if (FD_ISSET(listen_fd, &ready_set))
			client_fd = accept(listen_fd, NULL, NULL);
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
