/* harness/tests/findings/near_interrupted_again.c: interrupted calls are made again.
 *
 * Looks like: interrupted
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	nap(50);
	say(fd, "hi");
	hear(fd, 2);
	nap(50);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = -1;
	char buffer[64];
	ssize_t got = 1;

	every_ms(10);
	while (client_fd < 0)
		client_fd = accept(listen_fd, NULL, NULL);
	while (got != 0) {
		got = recv(client_fd, buffer, sizeof buffer, 0);
		if (got < 0 && errno == EINTR)
			continue;
		echo(client_fd, buffer, got);
	}
	every_ms(0);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
