/* harness/tests/findings/near_accept_fatal_setup.c: a call of the set-up fails, and then it is right to end: nothing
 * would work.
 *
 * Looks like: accept-fatal
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local(), second_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	struct sockaddr_in address;
	socklen_t size = sizeof address;

	getsockname(listen_fd, (struct sockaddr *)&address, &size);
	setsockopt(second_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(second_fd, (struct sockaddr *)&address, size) < 0) {
		perror("bind");
		exit(1);
	}
	return 0;
}
