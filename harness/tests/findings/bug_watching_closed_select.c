/* harness/tests/findings/bug_watching_closed_select.c: a client is closed, but stays in the set: select refuses the
 * whole set.
 *
 * Shows: watching-closed
 */
#include "prove.h"

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
	int listen_fd = listen_local(), ready = 0;
	pid_t child = play(listen_fd, clients);
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	fd_set watch_set, ready_set;
	char buffer[64];

	FD_ZERO(&watch_set);
	FD_SET(a, &watch_set);
	FD_SET(b, &watch_set);
	while (ready >= 0) {
		ready_set = watch_set;
		ready = select(b + 1, &ready_set, NULL, NULL, NULL); /* HERE watching-closed */
		for (int fd = a; ready > 0 && fd <= b; fd++)
			if (FD_ISSET(fd, &ready_set) && recv(fd, buffer, sizeof buffer, 0) <= 0)
				close(fd); /* without FD_CLR() */
	}
	perror("select");
	close(b);
	close(listen_fd);
	over(child);
	return 0;
}
