/* harness/tests/findings/bug_spin_emfile_select.c: no number is left for the next client: accept fails, the listener
 * stays readable, and the loop turns at full speed.
 *
 * Shows: spin
 */
#include "prove.h"

enum { ROUNDS = 500 };

static void
clients(void)
{
	int a = dial(), b = dial();

	hear_end(a);
	hear_end(b);
	hang_up(a);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local(), max_fd = listen_fd;
	pid_t child = play(listen_fd, clients);
	fd_set watch_set, ready_set;

	limit_descriptors(listen_fd + 2);
	FD_ZERO(&watch_set);
	FD_SET(listen_fd, &watch_set);
	for (int n = 0; n < ROUNDS; n++) {
		ready_set = watch_set;
		select(max_fd + 1, &ready_set, NULL, NULL, NULL); /* HERE spin */
		if (FD_ISSET(listen_fd, &ready_set)) {
			int client_fd = accept(listen_fd, NULL, NULL);

			if (client_fd < 0)
				continue; /* surely it will go better next time */
			FD_SET(client_fd, &watch_set);
			max_fd = client_fd;
		}
	}
	close(max_fd);
	close(listen_fd);
	over(child);
	return 0;
}
