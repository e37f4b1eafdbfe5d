/* harness/tests/findings/near_watching_closed_epoll.c: epoll forgets a descriptor by itself when its last copy is
 * closed.
 *
 * Looks like: watching-closed
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	hang_up(a);
	nap(5);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC), left = 2;
	pid_t child = play(listen_fd, clients);
	char buffer[64];

	for (int n = 0; n < left; n++) {
		struct epoll_event event = {EPOLLIN, {.fd = accept(listen_fd, NULL, NULL)}};

		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
	}
	while (left > 0) {
		struct epoll_event event;

		if (epoll_wait(epoll_fd, &event, 1, -1) == 1 && recv(event.data.fd, buffer, sizeof buffer, 0) == 0) {
			close(event.data.fd);
			left--;
		}
	}
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
