/* harness/tests/findings/bug_leak_full.c: the table of clients is full, and the one too many is neither served nor
 * closed: it waits for ever.
 *
 * Shows: leak
 */
#include "prove.h"

enum { LISTENER, FIRST, PLACES = 3 };

static void
clients(void)
{
	int a = dial(), b = dial(), c = dial();

	say(a, "one");
	hear(a, 3);
	say(b, "two");
	hear(b, 3);
	say(c, "three"); /* nobody hears it */
	hang_up(b);
	hang_up(a);
	hear_end(c);
	hang_up(c);
}

static void
take_client(struct pollfd *table)
{
	int client_fd = accept(table[LISTENER].fd, NULL, NULL); /* HERE leak */

	for (int n = FIRST; n < PLACES; n++)
		if (table[n].fd == -1) {
			table[n] = (struct pollfd){client_fd, POLLIN, 0};
			return;
		}
	puts("no place left");
}

static void
serve(struct pollfd *client)
{
	char buffer[64];
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);

	if (got > 0 && echo(client->fd, buffer, got))
		return;
	close(client->fd);
	client->fd = -1;
}

int
main(void)
{
	struct pollfd table[PLACES] = {{listen_local(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
	pid_t child = play(table[LISTENER].fd, clients);
	int left = 0;

	while (left < 2) {
		poll(table, PLACES, -1);
		if (table[LISTENER].revents)
			take_client(table);
		for (int n = FIRST; n < PLACES; n++)
			if (table[n].fd >= 0 && table[n].revents) {
				serve(&table[n]);
				left += table[n].fd == -1;
			}
	}
	return child < 0;
}
