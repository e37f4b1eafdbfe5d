/* harness/tests/findings/bug_short_write_rest.c: a socket that does not block takes some of the bytes, and nobody
 * sends the others.
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
	fd_set ready_set;
	char request[64];

	nonblocking(client_fd);
	FD_ZERO(&ready_set);
	FD_SET(client_fd, &ready_set);
	select(client_fd + 1, &ready_set, NULL, NULL, NULL);
	if (recv(client_fd, request, sizeof request, 0) > 0)
		send(client_fd, page, sizeof page, MSG_NOSIGNAL); /* HERE short-write */
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
