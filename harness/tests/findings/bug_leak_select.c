/* harness/tests/findings/bug_leak_select.c: at end of file a client is taken out of the set, and never closed.
 *
 * Shows: leak
 */
#include "prove.h"

static void
clients(void)
{
	int first = dial(), second;

	say(first, "hi");
	hear(first, 2);
	shutdown(first, SHUT_WR);
	second = dial();
	say(second, "quit");
	hear_end(second);
	hang_up(second);
	hang_up(first);
}

/* Returns false when a client asked us to end. */
static bool
serve(int client_fd, fd_set *watch_set)
{
	char buffer[64];
	ssize_t got = recv(client_fd, buffer, sizeof buffer, 0); /* HERE leak */

	if (got <= 0)
		FD_CLR(client_fd, watch_set); /* and close() is forgotten */
	else
		echo(client_fd, buffer, got);
	if (got <= 0 || buffer[0] != 'q')
		return true;
	close(client_fd);
	return false;
}

int
main(void)
{
	int listen_fd = listen_local(), max_fd = listen_fd;
	pid_t child = play(listen_fd, clients);
	fd_set watch_set, ready_set;
	bool running = true;

	FD_ZERO(&watch_set);
	FD_SET(listen_fd, &watch_set);
	while (running) {
		ready_set = watch_set;
		select(max_fd + 1, &ready_set, NULL, NULL, NULL);
		for (int fd = listen_fd + 1; fd <= max_fd; fd++)
			if (FD_ISSET(fd, &ready_set))
				running = serve(fd, &watch_set) && running;
		if (FD_ISSET(listen_fd, &ready_set)) {
			int client_fd = accept(listen_fd, NULL, NULL);

			FD_SET(client_fd, &watch_set);
			max_fd = client_fd > max_fd ? client_fd : max_fd;
		}
	}
	close(listen_fd);
	over(child);
	return 0;
}
