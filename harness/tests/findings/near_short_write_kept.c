/* harness/tests/findings/near_short_write_kept.c: what the socket did not take is kept, and sent when there is room
 * again.
 *
 * Looks like: short-write
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
	int client_fd = accept(listen_fd, NULL, NULL);
	size_t done = 0;
	char request[64];

	nonblocking(client_fd);
	for (unsigned n = 0; n < PAGE / sizeof(unsigned); n++)
		page[n] = n * 2654435761u;
	while (done < sizeof page) {
		fd_set read_set, write_set;

		FD_ZERO(&read_set);
		FD_ZERO(&write_set);
		FD_SET(client_fd, done > 0 ? &write_set : &read_set);
		select(client_fd + 1, &read_set, &write_set, NULL, NULL);
		if (FD_ISSET(client_fd, &read_set) && recv(client_fd, request, sizeof request, 0) <= 0)
			break;
		ssize_t sent = send(client_fd, (char *)page + done, sizeof page - done, MSG_NOSIGNAL);

		done += sent > 0 ? (size_t)sent : 0;
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
