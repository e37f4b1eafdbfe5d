/* harness/tests/findings/near_starved_threads.c: each client has a thread that stays with it; nobody waits for anybody.
 *
 * Looks like: starved
 */
#include "prove.h"

static void
clients(void)
{
	int a = dial(), b = dial();

	say(a, "hi");
	hear(a, 2);
	say(b, "hello?");
	hear(b, 6);
	nap(250);
	hang_up(a);
	hang_up(b);
}

static void *
serve(void *client)
{
	int client_fd = *(int *)client;
	char buffer[64];
	ssize_t got;

	while ((got = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
		echo(client_fd, buffer, got);
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
		struct pollfd listener = {listen_fd, POLLIN, 0};

		poll(&listener, 1, -1);
		client_fds[n] = accept(listen_fd, NULL, NULL);
		pthread_create(&threads[n], NULL, serve, &client_fds[n]);
	}
	for (int n = 0; n < 2; n++)
		pthread_join(threads[n], NULL);
	close(listen_fd);
	over(child);
	return 0;
}
