/* harness/tests/findings/bug_accept_fatal_emfile.c: one client too many, and the server ends for all of them.
 *
 * Shows: accept-fatal
 */
#include "prove.h"

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
	int listen_fd = listen_local(), client_fd;
	pid_t child = play(listen_fd, clients);
	struct pollfd listener = {listen_fd, POLLIN, 0};

	limit_descriptors(listen_fd + 2);
	while (child > 0) {
		poll(&listener, 1, -1);
		client_fd = accept(listen_fd, NULL, NULL); /* HERE accept-fatal */
		if (client_fd < 0) {
			perror("accept");
			exit(EXIT_FAILURE);
		}
		send(client_fd, "welcome", 7, MSG_NOSIGNAL);
	}
	return 0;
}
