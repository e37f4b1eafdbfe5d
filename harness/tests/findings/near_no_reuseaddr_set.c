/* harness/tests/findings/near_no_reuseaddr_set.c: set before bind, on the listener: as it should be. Its second bind
 * fails for another reason: somebody listens there.
 *
 * Looks like: no-reuseaddr
 */
#include "prove.h"

int
main(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	int yes = 1;

	for (int n = 0; n < 2; n++) {
		int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
		if (bind(listen_fd, (struct sockaddr *)&address, size) == 0)
			listen(listen_fd, 8);
		if (n == 0)
			getsockname(listen_fd, (struct sockaddr *)&address, &size);
	}
	return 0;
}
