/* harness/tests/findings/bug_set_not_rebuilt_select.c: select leaves in the set only those that are ready, and the
 * loop hands that very set to the next select.
 *
 * Shows: set-not-rebuilt
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	say(b, "is anybody there?");
	say(a, "hi");
	hear(a, 2);
	hang_up(a);
	hear_end(b);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	fd_set watch_set;
	char buffer[64];
	ssize_t got = 1;

	FD_ZERO(&watch_set);
	FD_SET(a, &watch_set);
	FD_SET(b, &watch_set);
	while (got > 0) {
		select(FD_SETSIZE, &watch_set, NULL, NULL, NULL); /* HERE set-not-rebuilt */
		for (int fd = a; fd <= b; fd++)
			if (FD_ISSET(fd, &watch_set)) {
				got = recv(fd, buffer, sizeof buffer, 0);
				echo(fd, buffer, got);
			}
	}
	close(a);
	close(b);
	close(listen_fd);
	over(child);
	return 0;
}
