/* harness/tests/findings/bug_interrupted_select.c: a signal arrives, select returns -1, and the server gives up.
 *
 * Shows: interrupted
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local();
	fd_set ready_set;

	every_ms(20);
	for (;;) {
		FD_ZERO(&ready_set);
		FD_SET(listen_fd, &ready_set);
		if (select(listen_fd + 1, &ready_set, NULL, NULL, NULL) < 0) { /* HERE interrupted */
			perror("select");
			exit(1);
		}
		close(accept(listen_fd, NULL, NULL));
	}
}
