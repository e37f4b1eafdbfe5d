/* harness/tests/findings/near_error_none.c: -1 where it means "none": in poll's list, and to signalfd, which then
 * makes a new one.
 *
 * Looks like: error-as-descriptor
 */
#include "prove.h"

#include <sys/signalfd.h>

int
main(void)
{
	int listen_fd = listen_local(), signal_fd;
	struct pollfd list[3] = {{listen_fd, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	list[2].fd = signal_fd;
	raise(SIGUSR1);
	poll(list, 3, -1);
	close(signal_fd);
	close(listen_fd);
	return 0;
}
