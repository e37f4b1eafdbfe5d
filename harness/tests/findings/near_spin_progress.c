/* harness/tests/findings/near_spin_progress.c: every wait returns at once, because every time there is work, and it
 * is done.
 *
 * Looks like: spin
 */
#include "prove.h"

enum { ROUNDS = 500 };

static void
clients(void)
{
	int fd = dial();
	char text[ROUNDS + 1];

	memset(text, 'x', ROUNDS);
	text[ROUNDS] = '\0';
	say(fd, text);
	hear(fd, ROUNDS);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd;
	pid_t child = play(listen_fd, clients);
	fd_set ready_set;
	char byte;

	client_fd = accept(listen_fd, NULL, NULL);
	for (;;) {
		FD_ZERO(&ready_set);
		FD_SET(client_fd, &ready_set);
		select(client_fd + 1, &ready_set, NULL, NULL, NULL);
		if (recv(client_fd, &byte, 1, 0) <= 0)
			break;
		echo(client_fd, &byte, 1);
	}
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
