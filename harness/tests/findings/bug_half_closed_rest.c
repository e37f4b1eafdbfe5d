/* harness/tests/findings/bug_half_closed_rest.c: the client sends all, shuts down its side, and waits for its
 * answers; the server sees end of file and closes, with half an answer in its buffer.
 *
 * Shows: half-closed-dropped
 */
#include "prove.h"

enum { PAGE = 8 << 20 };

static void
clients(void)
{
	int fd = dial();

	say(fd, "a page, please");
	shutdown(fd, SHUT_WR);
	nap(30);
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	static char page[PAGE];
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	char request[64];
	ssize_t got, sent;

	nonblocking(client_fd);
	for (size_t done = 0;;) {
		struct pollfd client = {client_fd, (short)(POLLIN | (done > 0 ? POLLOUT : 0)), 0};

		poll(&client, 1, -1);
		if (client.revents & POLLIN) {
			got = recv(client_fd, request, sizeof request, 0);
			if (got == 0)
				break;
		}
		sent = send(client_fd, page + done, sizeof page - done, MSG_NOSIGNAL);
		done += sent > 0 ? (size_t)sent : 0;
	}
	close(client_fd); /* HERE half-closed-dropped */
	close(listen_fd);
	over(child);
	return 0;
}
