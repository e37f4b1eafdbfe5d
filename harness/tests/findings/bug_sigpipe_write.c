/* harness/tests/findings/bug_sigpipe_write.c: the client has gone; the first write is answered with a reset, the
 * second one kills.
 *
 * Shows: sigpipe
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	say(fd, "news, please");
	vanish(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	char buffer[64];

	over(child); /* it is gone by now */
	recv(client_fd, buffer, sizeof buffer, 0);
	for (int n = 0; n < 3; n++)
		(void)!write(client_fd, "news\n", 5); /* HERE sigpipe */
	close(client_fd);
	close(listen_fd);
	return 0;
}
