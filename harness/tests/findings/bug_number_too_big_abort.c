/* harness/tests/findings/bug_number_too_big_abort.c: the same, built as distributions build: FD_SET itself ends the
 * program.
 *
 * Shows: number-too-big
 * Flags: -O1 -D_FORTIFY_SOURCE=2
 * Needs: glibc
 */
#include "prove.h"

int
main(void)
{
	struct rlimit no_core = {0, 0};
	int listen_fd = listen_local(), high_fd;
	fd_set watch_set;

	setrlimit(RLIMIT_CORE, &no_core);
	limit_descriptors(1100);
	high_fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 1030);
	FD_ZERO(&watch_set);
	FD_SET(high_fd, &watch_set); /* HERE number-too-big */
	return select(high_fd + 1, &watch_set, NULL, NULL, NULL);
}
