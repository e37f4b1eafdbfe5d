/* harness/tests/findings/bug_wrong_life_second_close.c: a client is closed twice, and in between a new one got the
 * number: the second close hits it.
 *
 * Shows: wrong-life
 */
#include "prove.h"

struct client {
	int fd;
	bool idle;
};

static void
clients(void)
{
	int first = dial(), second;

	say(first, "x");
	hear(first, 1);
	hang_up(first);
	second = dial();
	say(second, "y");
	hear_end(second); /* thrown out, and it had done nothing */
	hang_up(second);
}

static void
drop(struct client *client)
{
	close(client->fd); /* HERE wrong-life */
	client->idle = true;
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct client first = {accept(listen_fd, NULL, NULL), false}, second;
	char buffer[64];
	ssize_t got;

	while ((got = recv(first.fd, buffer, sizeof buffer, 0)) > 0)
		echo(first.fd, buffer, got);
	drop(&first);
	second = (struct client){accept(listen_fd, NULL, NULL), false};
	if (first.idle)
		drop(&first); /* the sweep for idle ones finds it again */
	got = recv(second.fd, buffer, sizeof buffer, 0);
	close(listen_fd);
	over(child);
	return 0;
}
