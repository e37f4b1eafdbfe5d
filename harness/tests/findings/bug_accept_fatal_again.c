/* harness/tests/findings/bug_accept_fatal_again.c: another process was faster and took the connection; "nobody there"
 * ends this one.
 *
 * Shows: accept-fatal
 */
#include "prove.h"

static int listen_fd;

static void
faster(void)
{
	int fd = dial(), taken = accept(listen_fd, NULL, NULL);

	close(taken);
	close(fd);
	close(listen_fd);
}

int
main(void)
{
	pid_t child;

	listen_fd = listen_local();
	nonblocking(listen_fd);
	child = fork();
	if (child == 0) {
		faster();
		_exit(0);
	}
	over(child); /* stands for the moment between select and accept */
	for (;;) {
		int client_fd = accept(listen_fd, NULL, NULL); /* HERE accept-fatal */

		if (client_fd < 0)
			return 1;
		close(client_fd);
	}
}
