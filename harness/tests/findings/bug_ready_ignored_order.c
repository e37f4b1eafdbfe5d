/* harness/tests/findings/bug_ready_ignored_order.c: one ready client is served in each round, always the lowest
 * number: who talks without pause keeps the others out.
 *
 * Shows: ready-ignored
 */
#include "prove.h"

enum { BYTES = 100 };

static void
clients(void)
{
	int a = dial(), b = dial(), go = dial();
	char text[BYTES + 1];

	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	say(a, text);
	say(b, "hello?");
	say(go, "!");
	hear(a, BYTES);
	hang_up(a);
	hear(b, 1);
	hang_up(b);
	hang_up(go);
}

int
main(void)
{
	int listen_fd = listen_local(), served = 0;
	pid_t child = play(listen_fd, clients);
	int first = accept(listen_fd, NULL, NULL), last = accept(listen_fd, NULL, NULL),
	    go_fd = accept(listen_fd, NULL, NULL);
	char byte;

	recv(go_fd, &byte, 1, 0);
	while (served <= BYTES) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(first, &ready_set);
		FD_SET(last, &ready_set);
		select(last + 1, &ready_set, NULL, NULL, NULL); /* HERE ready-ignored */
		for (int fd = first; fd <= last; fd++)
			if (FD_ISSET(fd, &ready_set)) {
				if (served++ == BYTES)
					fd = last;
				if (recv(fd, &byte, 1, 0) > 0)
					echo(fd, &byte, 1);
				break;
			}
	}
	close(first);
	close(last);
	close(go_fd);
	close(listen_fd);
	over(child);
	return 0;
}
