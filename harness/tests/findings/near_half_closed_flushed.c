/* harness/tests/findings/near_half_closed_flushed.c: after end of file the rest of the answer is still sent, and only
 * then is the client closed.
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
	shutdown(fd, SHUT_WR);
	nap(30);
	hear(fd, PAGE);
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
	short wanted = POLLIN;
	size_t done = 0;
	char request[64];

	nonblocking(client_fd);
	while (done < sizeof page) {
		struct pollfd client = {client_fd, wanted, 0};

		poll(&client, 1, -1);
		if (client.revents & POLLIN && recv(client_fd, request, sizeof request, 0) == 0)
			wanted = POLLOUT;
		ssize_t sent = send(client_fd, page + done, sizeof page - done, MSG_NOSIGNAL);

		done += sent > 0 ? (size_t)sent : 0;
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
