/* harness/tests/findings/near_number_too_big_poll.c: descriptor 1030 in poll, which takes any number.
 *
 * Looks like: number-too-big
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
	int listen_fd = listen_local(), client_fd;
	pid_t child = play(listen_fd, clients);
	struct pollfd listener;

	limit_descriptors(1100);
	listener = (struct pollfd){fcntl(listen_fd, F_DUPFD_CLOEXEC, 1030), POLLIN, 0};
	poll(&listener, 1, -1);
	client_fd = accept(listener.fd, NULL, NULL);
	close(client_fd);
	close(listener.fd);
	close(listen_fd);
	over(child);
	return 0;
}
