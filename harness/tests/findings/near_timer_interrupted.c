/* harness/tests/findings/near_timer_interrupted.c: after a signal select goes on with what is left of its time: that
 * is what the rest is for.
 *
 * Looks like: timer-not-rearmed
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local();

	every_ms(10);
	for (int n = 0; n < 3; n++) {
		struct timeval timer = {0, 45000};
		fd_set ready_set;

		do {
			FD_ZERO(&ready_set);
			FD_SET(listen_fd, &ready_set);
		} while (select(listen_fd + 1, &ready_set, NULL, NULL, &timer) < 0 && errno == EINTR);
	}
	every_ms(0);
	close(listen_fd);
	return 0;
}
