/* harness/tests/findings/bug_blocking_accept_epoll.c: the same with epoll. SOCK_NONBLOCK of accept4 is about the new
 * descriptor, not about the listener.
 *
 * Shows: blocking-accept
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
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC), client_fd;
	pid_t child = play(listen_fd, clients);
	struct epoll_event event = {EPOLLIN, {.fd = listen_fd}};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
	epoll_wait(epoll_fd, &event, 1, -1);
	client_fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); /* HERE blocking-accept */
	close(client_fd);
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
