/* harness/tests/findings/near_sigpipe_ignored.c: SIGPIPE is ignored, so write says EPIPE. That the program ends with
 * a signal later has another reason.
 *
 * Looks like: sigpipe
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	vanish(fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);

	signal(SIGPIPE, SIG_IGN);
	over(child);
	while (write(client_fd, "news\n", 5) > 0)
		;
	close(client_fd);
	close(listen_fd);
	raise(SIGTERM);
	return 0;
}
