/* harness/tests/findings/near_set_not_rebuilt_full.c: a client whose answers pile up is not read from for a while; it
 * is in the write set instead.
 *
 * Looks like: set-not-rebuilt
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "much");
	for (int n = 0; n < 20; n++) {
		say(b, "x");
		hear(b, 1);
	}
	hang_up(b);
	hear_end(a);
	hang_up(a);
}

/* Sends what it takes of `left` bytes. */
static size_t
flush_some(int fd, size_t left)
{
	static const char block[1 << 16];
	ssize_t sent = 1;

	while (left > 0 && sent > 0) {
		sent = send(fd, block, left < sizeof block ? left : sizeof block, MSG_NOSIGNAL | MSG_DONTWAIT);
		left -= sent > 0 ? (size_t)sent : 0;
	}
	return left;
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	size_t left = 0;
	char buffer[64];

	for (ssize_t got = 1; b >= 0 || left > 0;) {
		fd_set read_set, write_set;

		FD_ZERO(&read_set);
		FD_ZERO(&write_set);
		FD_SET(a, left > 0 ? &write_set : &read_set);
		if (b >= 0)
			FD_SET(b, &read_set);
		select(FD_SETSIZE, &read_set, &write_set, NULL, NULL);
		if (FD_ISSET(a, &read_set) && recv(a, buffer, sizeof buffer, 0) > 0)
			left = 16u << 20;
		if (left > 0)
			left = flush_some(a, left);
		if (b >= 0 && FD_ISSET(b, &read_set) && (got = recv(b, buffer, sizeof buffer, 0)) > 0)
			echo(b, buffer, got);
		if (b >= 0 && got == 0) {
			close(b);
			b = -1;
		}
	}
	close(a);
	close(listen_fd);
	over(child);
	return 0;
}
