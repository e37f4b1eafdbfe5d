/* must fail: half_close.echoed
 * finding: half-closed-dropped
 * The handler ends at end of file, with its ring still full of what the client has not got yet. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RING 32768
#define MAX_PORTS 100

static char ring[RING];
static size_t first, used;

static void die(const char *what, int port)
{
	fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", what, port, strerror(errno),
		errno == EADDRINUSE ? " (EADDRINUSE)" : "");
	exit(1);
}

static void say(const char *format, int fd)
{
	printf(format, fd);
	fflush(stdout);
}

static int again(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* 1 more may come, 0 end of file, -1 error */
static int fill(int fd)
{
	size_t at = (first + used) % RING;
	size_t room = at < first ? first - at : RING - at;
	ssize_t n = recv(fd, ring + at, used == RING ? 0 : room, 0);

	if (n > 0)
		used += (size_t)n;
	if (n >= 0)
		return n > 0;
	return again() ? 1 : -1;
}

static int drain(int fd)
{
	size_t len = first + used > RING ? RING - first : used;
	ssize_t n = send(fd, ring + first, len, MSG_NOSIGNAL);

	if (n < 0)
		return again() ? 0 : -1;
	first = (first + (size_t)n) % RING;
	used -= (size_t)n;
	return 0;
}

static void handler(int fd)
{
	int eof = 0;

	first = used = 0;
	while (!eof) {
		struct pollfd p = {.fd = fd, .events = 0};

		if (!eof && used < RING)
			p.events |= POLLIN;
		if (used > 0)
			p.events |= POLLOUT;
		if (poll(&p, 1, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		if (p.revents & POLLOUT && used > 0 && drain(fd) < 0) {
			printf("client fd %d: send: %s\n", fd, strerror(errno));
			return;
		}
		if (p.revents & ~POLLOUT && !eof && used < RING) {
			int r = fill(fd);

			if (r < 0) {
				printf("client fd %d: recv: %s\n", fd, strerror(errno));
				return;
			}
			eof = r == 0;
		} else if (p.revents & (POLLERR | POLLNVAL)) {
			return;
		}
	}
}

static int open_listener(int port)
{
	struct sockaddr_in addr;
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		die("socket", port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("bind", port);
	if (listen(fd, 100) < 0)
		die("listen", port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	printf("listening on 127.0.0.1:%d fd %d\n", port, fd);
	fflush(stdout);
	return fd;
}

static void serve_one(int lfd)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int fd = accept(lfd, (struct sockaddr *)&peer, &len);

	if (fd < 0) {
		struct timespec rest = {.tv_nsec = 200000000};

		if (!again() && errno != ECONNABORTED)
			nanosleep(&rest, NULL);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	printf("client %s:%d accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port), fd);
	fflush(stdout);
	handler(fd);
	close(fd);
	say("client fd %d closed\n", fd);
}

int main(int argc, char *argv[])
{
	int listeners[MAX_PORTS], ports[MAX_PORTS];
	int count = argc - 2, max = 0, i, n;
	double timeout = -1;
	char *e = "x";

	if (count >= 1 && count <= MAX_PORTS)
		timeout = strtod(argv[1], &e);
	if (*e || e == argv[1] || !(timeout >= 0 && timeout < 1e6))
		goto usage;
	for (i = 0; i < count; i++) {
		ports[i] = (int)strtol(argv[i + 2], &e, 10);
		if (*e || e == argv[i + 2] || ports[i] < 1 || ports[i] > 65535)
			goto usage;
	}
	for (i = 0; i < count; i++) {
		listeners[i] = open_listener(ports[i]);
		max = listeners[i] > max ? listeners[i] : max;
	}
	for (;;) {
		struct timeval tv;
		fd_set rset;

		FD_ZERO(&rset);
		for (i = 0; i < count; i++)
			FD_SET(listeners[i], &rset);
		tv.tv_sec = (time_t)timeout;
		tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1e6);
		n = select(max + 1, &rset, NULL, NULL, timeout > 0 ? &tv : NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("select", ports[0]);
		if (n == 0) {
			puts("time out!");
			fflush(stdout);
		}
		for (i = 0; i < count; i++)
			if (FD_ISSET(listeners[i], &rset))
				serve_one(listeners[i]);
	}
usage:
	fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
	return 2;
}
