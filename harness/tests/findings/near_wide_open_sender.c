/* harness/tests/findings/near_wide_open_sender.c: a socket that is bound to any address and does not listen: nobody
 * can connect to it.
 *
 * Looks like: wide-open
 */
#include "prove.h"

int
main(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
	struct sockaddr_in there = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bind(fd, (struct sockaddr *)&any, sizeof any);
	sendto(fd, "x", 1, 0, (struct sockaddr *)&there, sizeof there);
	close(fd);
	return 0;
}
