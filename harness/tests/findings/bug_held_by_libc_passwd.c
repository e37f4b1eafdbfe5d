/* harness/tests/findings/bug_held_by_libc_passwd.c: getpwent keeps a file open inside libc, so the next socket is not
 * the number one would expect.
 *
 * Shows: held-by-libc
 * Needs: glibc
 */
#include "prove.h"

#include <pwd.h>

int
main(void)
{
	int listen_fd;

	getpwent(); /* without endpwent() */
	listen_fd = listen_local();
	close(listen_fd);
	return 0;
}
