/* harness/tests/findings/near_spin_tick.c: a program with a beat of its own: it looks at its sockets, does not wait
 * there, and sleeps elsewhere.
 *
 * Looks like: spin
 */
#include "prove.h"

enum { TICKS = 150 };

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd client = {accept(listen_fd, NULL, NULL), POLLIN, 0};

	for (int n = 0; n < TICKS; n++) {
		poll(&client, 1, 0);
		nap(1);
	}
	close(client.fd);
	close(listen_fd);
	over(child);
	return 0;
}
