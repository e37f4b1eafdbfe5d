/* harness/tests/findings/near_half_closed_reset.c: the client is gone for good, so what was left for it is thrown away.
 *
 * Looks like: half-closed-dropped
 */
#include "prove.h"

enum { PAGE = 8 << 20 };

static void
clients(void)
{
	int fd = dial();

	say(fd, "a page, please");
	hear(fd, 1000);
	vanish(fd);
}

int
main(void)
{
	static char page[PAGE];
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	char request[64];
	size_t done = 0;

	nonblocking(client_fd);
	for (;;) {
		struct pollfd client = {client_fd, (short)(POLLIN | (done > 0 ? POLLOUT : 0)), 0};

		poll(&client, 1, -1);
		if (client.revents & POLLIN && recv(client_fd, request, sizeof request, 0) <= 0)
			break;
		ssize_t sent = send(client_fd, page + done, sizeof page - done, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			break;
		done += sent > 0 ? (size_t)sent : 0;
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
