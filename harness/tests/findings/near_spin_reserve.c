/* harness/tests/findings/near_spin_reserve.c: no number is left, so a reserve is given up to take the connection, say
 * no, and close it.
 *
 * Looks like: spin
 */
#include "prove.h"

enum { TURNED_AWAY = 100 };

static void
clients(void)
{
	for (int n = 0; n < TURNED_AWAY; n++) {
		int fd = dial();

		hear_end(fd);
		hang_up(fd);
	}
}

int
main(void)
{
	int listen_fd = listen_local(), reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	struct pollfd listener = {listen_fd, POLLIN, 0};

	limit_descriptors(reserve_fd + 1);
	for (int n = 0; n < TURNED_AWAY; n++) {
		int client_fd;

		poll(&listener, 1, -1);
		client_fd = accept(listen_fd, NULL, NULL);
		if (client_fd < 0 && errno == EMFILE) {
			close(reserve_fd);
			client_fd = accept(listen_fd, NULL, NULL);
			close(client_fd);
			reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		}
	}
	close(reserve_fd);
	close(listen_fd);
	over(child);
	return 0;
}
