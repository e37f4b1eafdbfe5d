/* harness/tests/findings/bug_nfds_too_small_max.c: nfds is the largest descriptor, not the largest plus one: the last
 * client is never looked at.
 *
 * Shows: nfds-too-small
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(b, "is anybody there?");
	for (int n = 0; n < 3; n++) {
		say(a, "hi");
		hear(a, 2);
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
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	char buffer[64];
	ssize_t got = 1;

	while (got > 0) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(a, &ready_set);
		FD_SET(b, &ready_set);
		select(b, &ready_set, NULL, NULL, NULL); /* HERE nfds-too-small */
		for (int fd = a; fd < b; fd++)
			if (FD_ISSET(fd, &ready_set)) {
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
