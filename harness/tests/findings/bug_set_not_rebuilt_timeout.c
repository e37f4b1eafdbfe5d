/* harness/tests/findings/bug_set_not_rebuilt_timeout.c: after a timeout the set is empty, and the server waits for
 * nobody.
 *
 * Shows: set-not-rebuilt
 */
#include "prove.h"

static int pair[2]; /* the first timeout is over: now the client may come */

static void
clients(void)
{
	char byte;
	int fd;

	close(pair[1]);
	(void)!read(pair[0], &byte, 1);
	close(pair[0]);
	fd = dial(); /* connected, and never taken */
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local(), ready = pipe2(pair, O_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	fd_set read_set;

	close(pair[0]);

	FD_ZERO(&read_set);
	FD_SET(listen_fd, &read_set);
	for (int n = 0; n < 4 && ready == 0; n++) {
		struct timeval timer = {0, 20000};

		ready = select(listen_fd + 1, &read_set, NULL, NULL, &timer); /* HERE set-not-rebuilt */
		puts("time out!");
		if (n == 0)
			close(pair[1]);
	}
	close(listen_fd);
	over(child);
	return 0;
}
