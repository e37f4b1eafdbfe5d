/* harness/tests/findings/near_inherited_cloexec.c: everything is close-on-exec, and the other program begins with a
 * clean table.
 *
 * Looks like: inherited
 */
#include "prove.h"

int
main(int argc, char **argv)
{
	int listen_fd, file_fd;
	pid_t child;

	if (argc > 1)
		return 0;
	listen_fd = listen_local();
	file_fd = open("/dev/null", O_RDONLY);
	fcntl(file_fd, F_SETFD, FD_CLOEXEC);
	child = fork();
	if (child == 0) {
		execl(argv[0], argv[0], "another program", (char *)NULL);
		_exit(127);
	}
	over(child);
	close(file_fd);
	close(listen_fd);
	return 0;
}
