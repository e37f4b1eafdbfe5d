/* harness/tests/findings/bug_error_open.c: the file is not there, and what open returned is handed to epoll.
 *
 * Shows: error-as-descriptor
 */
#include "prove.h"

int
main(void)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fifo_fd = open("/nowhere/fifo", O_RDONLY | O_CLOEXEC);
	struct epoll_event event = {EPOLLIN, {.fd = fifo_fd}};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fifo_fd, &event); /* HERE error-as-descriptor */
	close(epoll_fd);
	return 0;
}
