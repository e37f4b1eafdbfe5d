/* harness/tests/findings/bug_use_after_close_threads.c: one thread closes the connection while another one still
 * means to answer.
 *
 * Shows: use-after-close
 */
#include "prove.h"

static pthread_barrier_t turn;
static int client_fd;

static void
clients(void)
{
	int fd = dial();

	say(fd, "question");
	hear_end(fd);
	hang_up(fd);
}

static void *
worker(void *unused)
{
	char buffer[64];

	(void)unused;
	recv(client_fd, buffer, sizeof buffer, 0);
	pthread_barrier_wait(&turn); /* the answer takes its time ... */
	pthread_barrier_wait(&turn);
	send(client_fd, "answer", 6, MSG_NOSIGNAL); /* HERE use-after-close */
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
	close(client_fd); /* ... and here patience ends */
	pthread_barrier_wait(&turn);
	pthread_join(thread, NULL);
	close(listen_fd);
	over(child);
	return 0;
}
