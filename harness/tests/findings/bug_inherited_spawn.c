/* harness/tests/findings/bug_inherited_spawn.c: a client's connection goes along into a helper that is started for
 * another reason; the client does not see the end until the helper ends too.
 *
 * Shows: inherited
 */
#include "prove.h"

static void
clients(void)
{
	int fd = dial();

	hear_end(fd);
	hang_up(fd);
}

int
main(int argc, char **argv)
{
	char *const args[] = {argv[0], "helper", NULL};
	int listen_fd, client_fd;
	pid_t child, helper;

	if (argc > 1)
		return 0;
	listen_fd = listen_local();
	child = play(listen_fd, clients);
	client_fd = accept(listen_fd, NULL, NULL); /* accept4 with SOCK_CLOEXEC would have kept it here */
	posix_spawn(&helper, argv[0], NULL, NULL, args, environ); /* HERE inherited */
	over(helper);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
