/* harness/tests/findings/bug_inherited_exec.c: the listener goes along into a program that knows nothing of it, and
 * holds the port for as long as that one runs.
 *
 * Shows: inherited
 */
#include "prove.h"

static int
listen_leaky(void)
{
	struct sockaddr_in any_port = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	bind(fd, (struct sockaddr *)&any_port, sizeof any_port);
	listen(fd, 8);
	return fd;
}

int
main(int argc, char **argv)
{
	pid_t child;
	int listen_fd;

	if (argc > 1)
		return 0; /* the other program */
	listen_fd = listen_leaky();
	child = fork();
	if (child == 0) {
		execl(argv[0], argv[0], "another program", (char *)NULL); /* HERE inherited */
		_exit(127);
	}
	over(child);
	close(listen_fd);
	return 0;
}
