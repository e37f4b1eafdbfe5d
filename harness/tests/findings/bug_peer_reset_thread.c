/* harness/tests/findings/bug_peer_reset_thread.c: a thread for each client; what ends one of them with exit() ends all.
 *
 * Shows: peer-reset-fatal
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(b, "x");
	hear(b, 1);
	vanish(b);
	hear_end(a);
	hang_up(a);
}

static void *
serve(void *client)
{
	int client_fd = *(int *)client;
	char buffer[64];

	for (;;) {
		ssize_t got = read(client_fd, buffer, sizeof buffer); /* HERE peer-reset-fatal */

		if (got < 0)
			exit(1);
		if (got == 0)
			break;
		echo(client_fd, buffer, got);
	}
	close(client_fd);
	return NULL;
}

int
main(void)
{
	int listen_fd = listen_local(), client_fds[2];
	pid_t child = play(listen_fd, clients);
	pthread_t threads[2];

	for (int n = 0; n < 2; n++) {
		client_fds[n] = accept(listen_fd, NULL, NULL);
		pthread_create(&threads[n], NULL, serve, &client_fds[n]);
	}
	for (int n = 0; n < 2; n++)
		pthread_join(threads[n], NULL);
	over(child);
	return 0;
}
