/* harness/tests/findings/bug_wide_open_no_bind.c: listen without bind: the kernel chooses a port, and every address.
 *
 * Shows: wide-open
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	listen(listen_fd, 8); /* HERE wide-open */
	close(listen_fd);
	return 0;
}
