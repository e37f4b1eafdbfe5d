/* harness/tests/findings/bug_nfds_too_small_constant.c: nfds is set when there is but the listener, and not raised
 * when clients come.
 *
 * Shows: nfds-too-small
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b;

	say(a, "is anybody there?");
	b = dial();
	say(b, "me neither");
	hear_end(a);
	hang_up(a);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local(), taken = 0, nfds = listen_fd + 1, last_fd = listen_fd;
	pid_t child = play(listen_fd, clients);
	fd_set watch_set, ready_set;
	char buffer[64];

	FD_ZERO(&watch_set);
	FD_SET(listen_fd, &watch_set);
	while (taken < 3) {
		struct timeval patience = {0, 50000};

		ready_set = watch_set;
		if (select(nfds, &ready_set, NULL, NULL, taken < 2 ? NULL : &patience) == 0) /* HERE nfds-too-small */
			break;
		for (int fd = listen_fd + 1; fd < nfds; fd++)
			if (FD_ISSET(fd, &ready_set))
				echo(fd, buffer, recv(fd, buffer, sizeof buffer, 0));
		if (FD_ISSET(listen_fd, &ready_set)) {
			last_fd = accept(listen_fd, NULL, NULL);
			FD_SET(last_fd, &watch_set);
			taken++;
		}
	}
	for (int fd = last_fd; fd > listen_fd; fd--)
		close(fd);
	close(listen_fd);
	over(child);
	return 0;
}
