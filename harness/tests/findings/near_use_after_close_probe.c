/* harness/tests/findings/near_use_after_close_probe.c: fcntl(F_GETFD) is how one asks whether a number is open; that
 * it is not is the answer.
 *
 * Looks like: use-after-close
 */
#include "prove.h"

int
main(void)
{
	int log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	for (int day = 0; day < 3; day++) {
		if (fcntl(log_fd, F_GETFD) < 0)
			log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		(void)!write(log_fd, "a line\n", 7);
		close(log_fd);
	}
	return 0;
}
