/* harness/tests/findings/bug_number_too_big_select.c: descriptor 1030 in an fd_set, which ends at 1023: FD_SET writes
 * beside it.
 *
 * Shows: number-too-big
 */
#include "prove.h"

/* What lies behind the set is overwritten; here it is room that nobody needs, so that the program lives to tell. */
static struct {
	fd_set set;
	char room[128];
} watched;

static void
set_bit(int fd)
{
	((unsigned char *)&watched)[fd / 8] |= (unsigned char)(1 << fd % 8); /* what FD_SET(fd, &watched.set) does */
}

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
	int listen_fd = listen_local(), high_fd, client_fd;
	pid_t child = play(listen_fd, clients);
	struct timeval timer = {1, 0};

	limit_descriptors(1100);
	high_fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 1030);
	set_bit(high_fd);
	select(high_fd + 1, &watched.set, NULL, NULL, &timer); /* HERE number-too-big */
	client_fd = accept(high_fd, NULL, NULL);
	close(client_fd);
	close(high_fd);
	close(listen_fd);
	over(child);
	return 0;
}
