/* harness/tests/findings/bug_starved_send.c: a client that does not read stops the send, and the send stops everybody.
 *
 * Shows: starved
 */
#include "prove.h"

enum { MUCH = 16 << 20 };

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "much");
	nap(50); /* the server is inside its send by now */
	say(b, "hello?");
	nap(250);
	hear(a, MUCH);
	hang_up(a);
	hear(b, 6);
	hang_up(b);
}

static void
serve(struct pollfd *client)
{
	static const char block[MUCH];
	char buffer[64];
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);

	if (got <= 0) {
		close(client->fd);
		client->fd = -1;
	} else if (buffer[0] == 'm') {
		send(client->fd, block, sizeof block, MSG_NOSIGNAL); /* HERE starved */
	} else {
		echo(client->fd, buffer, got);
	}
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct pollfd list[2] = {
		{accept(listen_fd, NULL, NULL), POLLIN, 0}, {accept(listen_fd, NULL, NULL), POLLIN, 0}};

	while (list[0].fd >= 0 || list[1].fd >= 0) {
		poll(list, 2, -1);
		for (int n = 0; n < 2; n++)
			if (list[n].fd >= 0 && list[n].revents)
				serve(&list[n]);
	}
	close(listen_fd);
	over(child);
	return 0;
}
