/* harness/tests/findings/rounds.c: many events, as a server makes them: five a round.
 *
 * Try: rounds 1000000 select, or: rounds 1000000 epoll
 */
#include "prove.h"

enum { PAIRS = 8 };

static int here[PAIRS], there[PAIRS];

static int
wait_select(void)
{
	struct timeval timer = {2, 0};
	fd_set ready_set;

	FD_ZERO(&ready_set);
	for (int n = 0; n < PAIRS; n++)
		FD_SET(here[n], &ready_set);
	select(64, &ready_set, NULL, NULL, &timer);
	for (int n = 0; n < PAIRS; n++)
		if (FD_ISSET(here[n], &ready_set))
			return here[n];
	return -1;
}

static int
wait_epoll(int epoll_fd)
{
	struct epoll_event event = {0};

	epoll_wait(epoll_fd, &event, 1, -1);
	return event.data.fd;
}

int
main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1000;
	bool epoll = argc > 2 && argv[2][0] == 'e';
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	char buffer[64];

	for (int n = 0; n < PAIRS; n++) {
		struct epoll_event event = {EPOLLIN, {0}};
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
			return 1;
		here[n] = event.data.fd = pair[0];
		there[n] = pair[1];
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pair[0], &event);
	}
	for (long n = 0; n < rounds; n++) {
		send(there[n % PAIRS], "hello world\n", 12, MSG_NOSIGNAL);
		int fd = epoll ? wait_epoll(epoll_fd) : wait_select();

		echo(fd, buffer, recv(fd, buffer, sizeof buffer, 0));
		recv(there[n % PAIRS], buffer, sizeof buffer, 0);
	}
	for (int n = 0; n < PAIRS; n++) {
		close(here[n]);
		close(there[n]);
	}
	close(epoll_fd);
	return 0;
}
