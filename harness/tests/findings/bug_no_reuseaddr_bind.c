/* harness/tests/findings/bug_no_reuseaddr_bind.c: the server is started again, the last connections of its port are
 * in TIME_WAIT, and bind fails.
 *
 * Shows: no-reuseaddr
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	struct sockaddr_in address;
	socklen_t size = sizeof address;
	int listen_fd = listen_local(), again_fd, client_fd;
	pid_t child = play(listen_fd, clients);

	getsockname(listen_fd, (struct sockaddr *)&address, &size);
	client_fd = accept(listen_fd, NULL, NULL);
	close(client_fd); /* who closes first gets the TIME_WAIT */
	over(child);
	close(listen_fd);
	again_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(again_fd, (struct sockaddr *)&address, size) < 0) /* HERE no-reuseaddr */
		perror("bind");
	close(again_fd);
	return 0;
}
