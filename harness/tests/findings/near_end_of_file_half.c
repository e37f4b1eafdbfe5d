/* harness/tests/findings/near_end_of_file_half.c: the client has shut down its sending side and waits for its answer:
 * the connection stays open, and nobody reads from it any more.
 *
 * Looks like: end-of-file-ignored
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial(), other = dial();

	say(fd, "all that I have");
	shutdown(fd, SHUT_WR);
	for (int n = 0; n < 30; n++) {
		say(other, "x");
		hear(other, 1);
	}
	hang_up(other);
	hear(fd, 6);
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL), other_fd = accept(listen_fd, NULL, NULL);
	char buffer[64];
	ssize_t got = 1;

	while (got > 0)
		got = recv(client_fd, buffer, sizeof buffer, 0);
	for (got = 1; got > 0;) { /* the answer takes its time */
		struct pollfd other = {other_fd, POLLIN, 0};

		poll(&other, 1, -1);
		got = recv(other_fd, buffer, sizeof buffer, 0);
		echo(other_fd, buffer, got);
	}
	send(client_fd, "answer", 6, MSG_NOSIGNAL);
	close(client_fd);
	close(other_fd);
	close(listen_fd);
	over(child);
	return 0;
}
