/* harness/tests/findings/near_wrong_life_pool.c: a pool of threads: one thread takes connections, others serve them,
 * and the same numbers come round and round.
 *
 * Looks like: wrong-life
 */
#include "prove.h"

enum { WORKERS = 2, CONNECTIONS = 12 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int queue[CONNECTIONS], put, taken;

static void
clients(void)
{
	for (int n = 0; n < CONNECTIONS; n += 2) {
		int a = dial(), b = dial();

		say(a, "hello");
		say(b, "hello");
		hear(a, 5);
		hear(b, 5);
		hang_up(a);
		hang_up(b);
	}
}

static int
next_client(void)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	while (taken == put && taken < CONNECTIONS)
		pthread_cond_wait(&more, &lock);
	if (taken < CONNECTIONS)
		fd = queue[taken++];
	if (taken == CONNECTIONS)
		pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	return fd;
}

static void *
worker(void *unused)
{
	char buffer[64];
	ssize_t got;
	int fd;

	(void)unused;
	while ((fd = next_client()) >= 0) {
		while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
			echo(fd, buffer, got);
		close(fd);
	}
	return NULL;
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	pthread_t threads[WORKERS];

	for (int n = 0; n < WORKERS; n++)
		pthread_create(&threads[n], NULL, worker, NULL);
	for (int n = 0; n < CONNECTIONS; n++) {
		int fd = accept(listen_fd, NULL, NULL);

		pthread_mutex_lock(&lock);
		queue[put++] = fd;
		pthread_cond_signal(&more);
		pthread_mutex_unlock(&lock);
	}
	for (int n = 0; n < WORKERS; n++)
		pthread_join(threads[n], NULL);
	close(listen_fd);
	over(child);
	return 0;
}
