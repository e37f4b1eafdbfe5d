/* harness/tests/findings/bug_leak_late.c: a client that has left is only marked; it is closed when all have left, and until then the
 * new ones get higher and higher numbers.
 *
 * Shows: leak
 */
#include "prove.h"

enum { CLIENTS = 4 };

static void
clients(void)
{
	int first = dial();

	for (int n = 1; n < CLIENTS; n++) {
		int fd = dial();

		say(fd, "hi");
		hear(fd, 2);
		shutdown(fd, SHUT_WR);
		hear_end(fd);
		hang_up(fd);
	}
	hang_up(first);
}

/* Returns false when the client has left. */
static bool
serve(int client_fd)
{
	char buffer[64];
	ssize_t got = recv(client_fd, buffer, sizeof buffer, 0); /* HERE leak */

	if (got > 0 && echo(client_fd, buffer, got))
		return true;
	shutdown(client_fd, SHUT_RDWR); /* it sees the end, we keep the number */
	return false;
}

int
main(void)
{
	int listen_fd = listen_local(), fds[CLIENTS], taken = 0, left = 0;
	pid_t child = play(listen_fd, clients);
	bool there[CLIENTS] = {false};

	while (left < CLIENTS) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(listen_fd, &ready_set);
		for (int n = 0; n < taken; n++)
			if (there[n])
				FD_SET(fds[n], &ready_set);
		select(FD_SETSIZE, &ready_set, NULL, NULL, NULL);
		for (int n = 0; n < taken; n++)
			if (there[n] && FD_ISSET(fds[n], &ready_set)) {
				there[n] = serve(fds[n]);
				left += !there[n];
			}
		if (FD_ISSET(listen_fd, &ready_set)) {
			fds[taken] = accept(listen_fd, NULL, NULL);
			there[taken++] = true;
		}
	}
	for (int n = 0; n < taken; n++)
		close(fds[n]);
	close(listen_fd);
	over(child);
	return 0;
}
