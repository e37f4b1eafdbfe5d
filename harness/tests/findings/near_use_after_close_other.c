/* harness/tests/findings/near_use_after_close_other.c: a number is used right after it was closed, by somebody who
 * got it anew.
 *
 * Looks like: use-after-close
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b;

	hang_up(a);
	b = dial();
	say(b, "hi");
	hear(b, 2);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int first_fd = accept(listen_fd, NULL, NULL), second_fd, copy_fd;
	char buffer[64];

	recv(first_fd, buffer, sizeof buffer, 0);
	copy_fd = dup(first_fd);
	close(first_fd);
	second_fd = accept(listen_fd, NULL, NULL); /* the number that was just closed */
	send(copy_fd, "bye", 3, MSG_NOSIGNAL);     /* the connection that was not */
	echo(second_fd, buffer, recv(second_fd, buffer, sizeof buffer, 0));
	close(copy_fd);
	close(second_fd);
	close(listen_fd);
	over(child);
	return 0;
}
