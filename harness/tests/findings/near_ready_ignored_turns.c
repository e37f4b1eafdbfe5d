/* harness/tests/findings/near_ready_ignored_turns.c: one client is served in each round too, but they take turns.
 *
 * Looks like: ready-ignored
 */
#include "prove.h"

enum { CLIENTS = 4, BYTES = 30 };

static void
clients(void)
{
	int fds[CLIENTS];
	char text[BYTES + 1];

	memset(text, 'x', BYTES);
	text[BYTES] = '\0';
	for (int n = 0; n < CLIENTS; n++) {
		fds[n] = dial();
		say(fds[n], text);
	}
	for (int n = 0; n < CLIENTS; n++) {
		hear(fds[n], BYTES);
		hang_up(fds[n]);
	}
}

int
main(void)
{
	int listen_fd = listen_local(), next = 0;
	pid_t child = play(listen_fd, clients);
	struct pollfd list[CLIENTS];
	char byte;

	for (int n = 0; n < CLIENTS; n++)
		list[n] = (struct pollfd){accept(listen_fd, NULL, NULL), POLLIN, 0};
	for (int left = CLIENTS; left > 0; next++) {
		struct pollfd *client = &list[next % CLIENTS];

		poll(list, CLIENTS, -1);
		if (client->fd < 0 || client->revents == 0)
			continue;
		if (recv(client->fd, &byte, 1, 0) > 0) {
			echo(client->fd, &byte, 1);
			continue;
		}
		close(client->fd);
		client->fd = -1;
		left--;
	}
	close(listen_fd);
	over(child);
	return 0;
}
