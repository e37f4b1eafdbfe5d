/* harness/tests/findings/near_watching_closed_negative.c: poll passes over entries whose number is negative: that is
 * how one is taken out.
 *
 * Looks like: watching-closed
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	hang_up(a);
	nap(5);
	hang_up(b);
}

int
main(void)
{
	int listen_fd = listen_local(), left = 2;
	pid_t child = play(listen_fd, clients);
	struct pollfd list[2] = {
		{accept(listen_fd, NULL, NULL), POLLIN, 0}, {accept(listen_fd, NULL, NULL), POLLIN, 0}};
	char buffer[64];

	while (left > 0) {
		poll(list, 2, -1);
		for (int m = 0; m < 2; m++)
			if (list[m].revents && recv(list[m].fd, buffer, sizeof buffer, 0) <= 0) {
				close(list[m].fd);
				list[m].fd = -1;
				left--;
			}
	}
	close(listen_fd);
	over(child);
	return 0;
}
