/* harness/tests/findings/bug_wrong_life_threads.c: while a worker thinks, its client is closed and a new one gets the
 * number: the answer goes to a stranger.
 *
 * Shows: wrong-life
 */
#include "prove.h"

static pthread_barrier_t turn;
static int client_fd;

static void
clients(void)
{
	int first = dial(), second = dial();

	say(first, "my secret?");
	hear_end(first);
	hear(second, 6); /* it never asked */
	hang_up(second);
	hang_up(first);
}

static void *
worker(void *unused)
{
	char buffer[64];
	int fd = client_fd;

	(void)unused;
	recv(fd, buffer, sizeof buffer, 0);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	send(fd, "answer", 6, MSG_NOSIGNAL); /* HERE wrong-life */
	return NULL;
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	pthread_t thread;

	client_fd = accept(listen_fd, NULL, NULL);
	pthread_barrier_init(&turn, NULL, 2);
	pthread_create(&thread, NULL, worker, NULL);
	pthread_barrier_wait(&turn);
	close(client_fd); /* too slow, it was decided */
	client_fd = accept(listen_fd, NULL, NULL);
	pthread_barrier_wait(&turn);
	pthread_join(thread, NULL);
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
