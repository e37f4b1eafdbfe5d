/* harness/tests/findings/bug_spin_writable_poll.c: POLLOUT is asked for all the time, and a socket can nearly always
 * be written to.
 *
 * Shows: spin
 */
#include "prove.h"

enum { ROUNDS = 500 };

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd client = {accept(listen_fd, NULL, NULL), POLLIN | POLLOUT, 0};
	char buffer[64];

	for (int n = 0; n < ROUNDS; n++) {
		poll(&client, 1, 1000); /* HERE spin */
		if (client.revents & POLLIN)
			echo(client.fd, buffer, recv(client.fd, buffer, sizeof buffer, 0));
	}
	close(client.fd);
	close(listen_fd);
	over(child);
	return 0;
}
