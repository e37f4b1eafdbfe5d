/* harness/tests/findings/bug_double_close_error.c: the handler closes its client on an error, and so does its caller.
 *
 * Shows: double-close
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
	int client_fd = accept(listen_fd, NULL, NULL);

	serve(client_fd);
	close(client_fd); /* HERE double-close */
	close(listen_fd);
	over(child);
	return 0;
}
