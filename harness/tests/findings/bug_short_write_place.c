/* harness/tests/findings/bug_short_write_place.c: the rest is counted right and sent from the wrong place: from the
 * start again.
 *
 * Shows: short-write
 */
#include "prove.h"

enum { PAGE = 8 << 20 };

static void
clients(void)
{
	int fd = dial();

	say(fd, "a page, please");
	hear(fd, PAGE);
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	static unsigned page[PAGE / sizeof(unsigned)];
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd client = {accept(listen_fd, NULL, NULL), POLLIN, 0};
	size_t left = sizeof page;
	char request[64];

	nonblocking(client.fd);
	for (unsigned n = 0; n < PAGE / sizeof(unsigned); n++)
		page[n] = n * 2654435761u;
	poll(&client, 1, -1);
	recv(client.fd, request, sizeof request, 0);
	client.events = POLLOUT;
	while (left > 0) {
		ssize_t sent;

		poll(&client, 1, -1);
		sent = write(client.fd, page, left); /* HERE short-write */
		left -= sent > 0 ? (size_t)sent : 0;
	}
	close(client.fd);
	close(listen_fd);
	over(child);
	return 0;
}
