/* harness/tests/findings/near_inherited_passed.c: a connection is handed to a helper on purpose: it serves it.
 *
 * Looks like: inherited
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	say(fd, "hi");
	hear(fd, 2);
	hang_up(fd);
}

static int
helper(int client_fd)
{
	char buffer[64];
	ssize_t got;

	while ((got = read(client_fd, buffer, sizeof buffer)) > 0)
		echo(client_fd, buffer, got);
	close(client_fd);
	return 0;
}

int
main(int argc, char **argv)
{
	int listen_fd, client_fd;
	pid_t child, server;
	char number[16];

	if (argc > 1)
		return helper(atoi(argv[1]));
	listen_fd = listen_local();
	child = play(listen_fd, clients);
	client_fd = accept(listen_fd, NULL, NULL);
	snprintf(number, sizeof number, "%d", client_fd);
	server = fork();
	if (server == 0) {
		execl(argv[0], argv[0], number, (char *)NULL);
		_exit(127);
	}
	close(client_fd);
	over(server);
	close(listen_fd);
	over(child);
	return 0;
}
