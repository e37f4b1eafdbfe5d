/* harness/tests/findings/near_accept_fatal_goes_on.c: accept fails, is tried again later, and the server ends much
 * later for a reason of its own.
 *
 * Looks like: accept-fatal
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	hear(a, 7);
	hang_up(a);
	hear(b, 7);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local(), served = 0, client_fd = -1;
	pid_t child = play(listen_fd, clients);

	limit_descriptors(listen_fd + 2);
	while (served < 2) {
		int fd = accept(listen_fd, NULL, NULL);

		if (fd < 0) { /* full: the one who is there has to leave */
			close(client_fd);
			continue;
		}
		client_fd = fd;
		send(client_fd, "welcome", 7, MSG_NOSIGNAL);
		served++;
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 3;
}
