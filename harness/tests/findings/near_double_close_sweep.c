/* harness/tests/findings/near_double_close_sweep.c: a daemon that closes whatever may be open, number by number.
 *
 * Looks like: double-close
 */
#include "prove.h"

int
main(void)
{
	int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_RDONLY), listen_fd;

	close(first);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	listen_fd = listen_local();
	close(listen_fd);
	return second < 0;
}
