/* harness/tests/findings/bug_spin_zero_epoll.c: a timeout of 0 was to mean "no timer"; it means "do not wait".
 *
 * Shows: spin
 */
#include "prove.h"

enum { ROUNDS = 2000 };

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
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	struct epoll_event event = {EPOLLIN, {.fd = client_fd}};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client_fd, &event);
	for (int n = 0; n < ROUNDS; n++)
		epoll_wait(epoll_fd, &event, 1, 0); /* HERE spin */
	close(client_fd);
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
