/* harness/tests/findings/near_timer_pselect.c: set once, outside the loop, and right: pselect leaves its timer alone.
 *
 * Looks like: timer-not-rearmed
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local();
	const struct timespec timer = {0, 5000000};

	for (int n = 0; n < 5; n++) {
		fd_set ready_set;

		FD_ZERO(&ready_set);
		FD_SET(listen_fd, &ready_set);
		pselect(listen_fd + 1, &ready_set, NULL, NULL, &timer, NULL);
	}
	close(listen_fd);
	return 0;
}
