/* harness/tests/findings/near_sigpipe_nosignal.c: MSG_NOSIGNAL makes EPIPE an error of that call, and it is heeded.
 *
 * Looks like: sigpipe
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

	over(child);
	while (send(client_fd, "news\n", 5, MSG_NOSIGNAL) > 0)
		;
	close(client_fd);
	close(listen_fd);
	return 0;
}
