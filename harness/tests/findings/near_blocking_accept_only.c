/* harness/tests/findings/near_blocking_accept_only.c: accept is where this server waits, so it is to block.
 *
 * Looks like: blocking-accept
 */
#include "prove.h"

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
	int client_fd = accept(listen_fd, NULL, NULL);
	struct pollfd client = {client_fd, POLLOUT, 0};

	poll(&client, 1, -1);
	send(client_fd, "bye", 3, MSG_NOSIGNAL);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
