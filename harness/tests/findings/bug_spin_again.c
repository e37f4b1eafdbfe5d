/* harness/tests/findings/bug_spin_again.c: a socket that does not block is asked again and again, with nothing to
 * wait in.
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
	int client_fd = accept(listen_fd, NULL, NULL);
	char buffer[64];

	nonblocking(client_fd);
	for (int n = 0; n < ROUNDS; n++)
		if (recv(client_fd, buffer, sizeof buffer, 0) >= 0) /* HERE spin */
			break;
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
