/* harness/tests/findings/bug_wrong_life_epoll.c: an epoll event that was fetched with the others outlives its
 * descriptor: the number belongs to a new client when its turn comes.
 *
 * Shows: wrong-life
 */
#include "prove.h"

static int victim_fd;

static void
clients(void)
{
	int a = dial(), b = dial(), go = dial(), next;

	say(a, "kick");
	say(b, "old words");
	next = dial();
	say(next, "new words");
	say(go, "!");
	hear_end(next);
	for (int fd = a; fd <= next; fd++)
		hang_up(fd);
}

static void
watch(int epoll_fd, int fd)
{
	struct epoll_event event = {EPOLLIN, {.fd = fd}};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void
serve(int epoll_fd, int listen_fd, int client_fd)
{
	char buffer[64];
	ssize_t got = read(client_fd, buffer, sizeof buffer); /* HERE wrong-life */

	if (got <= 0 || buffer[0] != 'k')
		return;
	close(victim_fd);
	victim_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	watch(epoll_fd, victim_fd);
}

int
main(void)
{
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	int first_fd = accept(listen_fd, NULL, NULL), go_fd, count;
	struct epoll_event ready[8];
	char go;

	victim_fd = accept(listen_fd, NULL, NULL);
	go_fd = accept(listen_fd, NULL, NULL);
	recv(go_fd, &go, 1, 0);
	watch(epoll_fd, first_fd);
	watch(epoll_fd, victim_fd);
	count = epoll_wait(epoll_fd, ready, 8, -1);
	for (int n = 0; n < count; n++)
		serve(epoll_fd, listen_fd, ready[n].data.fd);
	close(victim_fd);
	close(first_fd);
	close(go_fd);
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
