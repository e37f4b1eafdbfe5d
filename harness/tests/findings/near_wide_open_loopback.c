/* harness/tests/findings/near_wide_open_loopback.c: 127.0.0.1 is this machine alone.
 *
 * Looks like: wide-open
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local();

	close(listen_fd);
	return 0;
}
