/* harness/tests/findings/near_peer_reset_child.c: a process for each client: it may end with its client, however that
 * one went. And so may a client whose server reset it.
 *
 * Looks like: peer-reset-fatal
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	say(fd, "x");
	hear(fd, 1);
	vanish(fd);
	fd = dial();
	say(fd, "y");
	char byte;

	if (recv(fd, &byte, 1, 0) < 0) /* the server vanished */
		_exit(1);
	hang_up(fd);
}

static void
serve(int listen_fd, int client_fd)
{
	char buffer[64];
	ssize_t got;

	close(listen_fd);
	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
		echo(client_fd, buffer, got);
	_exit(got < 0);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd, second_fd;
	pid_t child = play(listen_fd, clients), server;

	client_fd = accept(listen_fd, NULL, NULL);
	server = fork();
	if (server == 0)
		serve(listen_fd, client_fd);
	close(client_fd);
	over(server);
	second_fd = accept(listen_fd, NULL, NULL);
	vanish(second_fd);
	close(listen_fd);
	over(child);
	return 0;
}
