/* harness/tests/findings/near_error_checked.c: accept says EAGAIN, and the loop goes back to its wait, as it should.
 *
 * Looks like: error-as-descriptor
 */
#include "prove.h"

static void
clients(void)
{
	for (int n = 0; n < 3; n++) {
		int fd = dial();

		hear_end(fd);
		hang_up(fd);
	}
}

int
main(void)
{
	int listen_fd = listen_local(), taken = 0;
	pid_t child = play(listen_fd, clients);
	struct pollfd listener = {listen_fd, POLLIN, 0};

	nonblocking(listen_fd);
	while (taken < 3) {
		int client_fd;

		poll(&listener, 1, -1);
		while ((client_fd = accept(listen_fd, NULL, NULL)) >= 0) {
			send(client_fd, "bye", 3, MSG_NOSIGNAL);
			close(client_fd);
			taken++;
		}
	}
	close(listen_fd);
	over(child);
	return 0;
}
