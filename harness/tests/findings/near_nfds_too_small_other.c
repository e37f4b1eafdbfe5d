/* harness/tests/findings/near_nfds_too_small_other.c: a log and a queue of clients not yet begun have higher numbers
 * than nfds, and select is not to look at them now.
 *
 * Looks like: nfds-too-small
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	for (int n = 0; n < 3; n++) {
		say(a, "hi");
		hear(a, 2);
	}
	hang_up(a);
	say(b, "my turn");
	hear(b, 7);
	hang_up(b);
}

static void
serve(int client_fd, int log_fd)
{
	char buffer[64];
	ssize_t got = 1;

	while (got > 0) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(client_fd, &ready_set);
		select(client_fd + 1, &ready_set, NULL, NULL, NULL);
		got = recv(client_fd, buffer, sizeof buffer, 0);
		echo(client_fd, buffer, got);
		(void)!write(log_fd, buffer, (size_t)(got > 0 ? got : 0));
	}
	close(client_fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int a = accept(listen_fd, NULL, NULL), b = accept(listen_fd, NULL, NULL);
	int log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	serve(a, log_fd);
	serve(b, log_fd);
	close(log_fd);
	close(listen_fd);
	over(child);
	return 0;
}
