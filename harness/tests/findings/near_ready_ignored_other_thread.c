/* harness/tests/findings/near_ready_ignored_other_thread.c: one thread only waits, others do the work: who is
 * reported is served, but not by the thread that was told.
 *
 * Looks like: ready-ignored
 */
#include "prove.h"

enum { MESSAGES = 100 };

static pthread_barrier_t turn;
static int client_fd;

static void
clients(void)
{
	int fd = dial();

	for (int n = 0; n < MESSAGES; n++) {
		say(fd, "x");
		hear(fd, 1);
	}
	hear_end(fd);
	hang_up(fd);
}

static void *
worker(void *unused)
{
	char buffer[64];

	(void)unused;
	for (int n = 0; n < MESSAGES; n++) {
		pthread_barrier_wait(&turn);
		echo(client_fd, buffer, recv(client_fd, buffer, sizeof buffer, 0));
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

int
main(void)
{
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	struct epoll_event event = {EPOLLIN, {0}};
	pthread_t thread;

	client_fd = accept(listen_fd, NULL, NULL);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client_fd, &event);
	pthread_barrier_init(&turn, NULL, 2);
	pthread_create(&thread, NULL, worker, NULL);
	for (int n = 0; n < MESSAGES; n++) {
		epoll_wait(epoll_fd, &event, 1, -1);
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
	}
	pthread_join(thread, NULL);
	close(client_fd);
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
