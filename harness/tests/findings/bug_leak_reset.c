/* harness/tests/findings/bug_leak_reset.c: a client that resets its connection is taken out of the list, and its descriptor is not
 * closed: only the good end was thought of.
 *
 * Shows: leak
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	vanish(a);
	for (int n = 0; n < 3; n++) {
		say(b, "hi");
		hear(b, 2);
	}
	hang_up(b);
}

static void
serve(struct pollfd *client)
{
	char buffer[64];
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0); /* HERE leak */

	if (got > 0 && echo(client->fd, buffer, got))
		return;
	if (got == 0)
		close(client->fd);
	client->fd = -1;
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
