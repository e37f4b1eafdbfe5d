/* harness/tests/findings/near_held_by_libc_end.c: getpwent with endpwent: the number was taken, and is given back.
 *
 * Looks like: held-by-libc
 */
#include "prove.h"

#include <pwd.h>

int
main(void)
{
	int listen_fd;

	while (getpwent() != NULL)
		;
	endpwent();
	listen_fd = listen_local();
	close(listen_fd);
	return 0;
}
