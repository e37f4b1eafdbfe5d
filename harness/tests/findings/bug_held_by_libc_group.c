/* harness/tests/findings/bug_held_by_libc_group.c: getgrent keeps its file open between calls, and the client that
 * comes then gets a number that is one too high.
 *
 * Shows: held-by-libc
 * Needs: glibc
 */
#include "prove.h"

#include <grp.h>

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	int listen_fd = listen_local(), client_fd;
	pid_t child = play(listen_fd, clients);

	getgrent(); /* for a look at the groups, and without endgrent() */
	client_fd = accept(listen_fd, NULL, NULL);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
