/* harness/tests/findings/bug_timer_shrinks.c: each event eats from a timer that was to begin anew with each event.
 *
 * Shows: timer-not-rearmed
 */
#include "prove.h"

enum { EVENTS = 6 };

static void
clients(void)
{
	int fd = dial();

	for (int n = 1; n < EVENTS; n++) {
		nap(3);
		say(fd, "x");
		hear(fd, 1);
	}
	hear_end(fd);
	hang_up(fd);
}

static bool
wait_for(int listen_fd, int client_fd, struct timeval *idle)
{
	fd_set ready_set;

	FD_ZERO(&ready_set);
	FD_SET(listen_fd, &ready_set);
	if (client_fd >= 0)
		FD_SET(client_fd, &ready_set);
	select(FD_SETSIZE, &ready_set, NULL, NULL, idle); /* HERE timer-not-rearmed */
	return FD_ISSET(listen_fd, &ready_set);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd = -1;
	pid_t child = play(listen_fd, clients);
	struct timeval idle = {5, 0};
	char buffer[64];

	for (int n = 0; n < EVENTS; n++) {
		if (wait_for(listen_fd, client_fd, &idle))
			client_fd = accept(listen_fd, NULL, NULL);
		else
			echo(client_fd, buffer, recv(client_fd, buffer, sizeof buffer, 0));
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
