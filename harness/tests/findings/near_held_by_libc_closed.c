/* harness/tests/findings/near_held_by_libc_closed.c: libc opens a file, and closes it before the program goes on.
 *
 * Looks like: held-by-libc
 */
#include "prove.h"

#include <netdb.h>
#include <pwd.h>

int
main(void)
{
	struct addrinfo *list = NULL;
	int listen_fd;

	getpwuid(getuid());
	if (getaddrinfo("localhost", "80", NULL, &list) == 0)
		freeaddrinfo(list);
	listen_fd = listen_local();
	close(listen_fd);
	return 0;
}
