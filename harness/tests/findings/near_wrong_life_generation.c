/* harness/tests/findings/near_wrong_life_generation.c: epoll's data holds the number and how often it was given out,
 * so that a stale event is known for what it is.
 *
 * Looks like: wrong-life
 */
#include "prove.h"

static uint32_t generation[64];

static void
clients(void)
{
	int a = dial(), b = dial(), go = dial(), next;

	say(a, "kick");
	say(b, "old words");
	next = dial();
	say(go, "!");
	say(next, "new words");
	hear(next, 9);
	for (int fd = a; fd <= next; fd++)
		hang_up(fd);
}

static int
take_client(int epoll_fd, int listen_fd)
{
	int fd = accept(listen_fd, NULL, NULL);
	struct epoll_event event = {EPOLLIN, {.u64 = (uint64_t)++generation[fd] << 32 | (uint32_t)fd}};

	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	return fd;
}

static bool
serve(int epoll_fd, int listen_fd, int client_fd, int victim_fd)
{
	char buffer[64];
	ssize_t got = recv(client_fd, buffer, sizeof buffer, 0);

	if (got > 0 && buffer[0] == 'k') {
		close(victim_fd);
		take_client(epoll_fd, listen_fd);
		return true;
	}
	return !echo(client_fd, buffer, got);
}

int
main(void)
{
	int listen_fd = listen_local(), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	pid_t child = play(listen_fd, clients);
	int a = take_client(epoll_fd, listen_fd), b = take_client(epoll_fd, listen_fd),
	    go_fd = accept(listen_fd, NULL, NULL);
	struct epoll_event ready[8];
	bool running = true;
	char go;

	recv(go_fd, &go, 1, 0);
	while (running) {
		int count = epoll_wait(epoll_fd, ready, 8, -1);

		for (int n = 0; n < count; n++)
			if (ready[n].data.u64 >> 32 == generation[(uint32_t)ready[n].data.u64])
				running = serve(epoll_fd, listen_fd, (int)(uint32_t)ready[n].data.u64, b);
	}
	for (int fd = a; fd <= go_fd; fd++)
		close(fd);
	close(epoll_fd);
	close(listen_fd);
	over(child);
	return 0;
}
