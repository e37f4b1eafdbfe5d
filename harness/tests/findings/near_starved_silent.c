/* harness/tests/findings/near_starved_silent.c: the handler stays with one client for long, and the other one has
 * nothing to say meanwhile.
 *
 * Looks like: starved
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	nap(250);
	hang_up(a);
	nap(50);
	say(b, "hello");
	hear(b, 5);
	hang_up(b);
}

static void
serve(int client_fd)
{
	char buffer[64];
	ssize_t got;

	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
		echo(client_fd, buffer, got);
	close(client_fd);
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
			if (list[n].fd >= 0 && list[n].revents) {
				serve(list[n].fd);
				list[n].fd = -1;
			}
	}
	close(listen_fd);
	over(child);
	return 0;
}
