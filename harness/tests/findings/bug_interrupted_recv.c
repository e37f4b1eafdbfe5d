/* harness/tests/findings/bug_interrupted_recv.c: a signal arrives while a client is being read from, and the client
 * is thrown out for it.
 *
 * Shows: interrupted
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial(), next;

	hear_end(fd); /* and what have I done? */
	hang_up(fd);
	next = dial();
	hang_up(next);
}

static void
serve(int client_fd)
{
	char buffer[64];
	ssize_t got;

	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0) /* HERE interrupted */
		echo(client_fd, buffer, got);
	close(client_fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);

	every_ms(20);
	serve(client_fd);
	every_ms(0);
	serve(accept(listen_fd, NULL, NULL));
	over(child);
	close(listen_fd);
	return 0;
}
