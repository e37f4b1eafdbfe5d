/* must fail: slow_reader.delays_only
 * While one client does not take its echo nobody is read from, and when it leaves in the middle of that, nobody ever
 * is again. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define OUT_MAX 16384

struct conn {
	int open;
	int eof; /* the client has said all; it still gets what we owe it */
	size_t len;
	char out[OUT_MAX];
};

static struct conn *conns[FD_SETSIZE];
static int maxfd, lfd, accepting = 1, waiting;

static void die(const char *what, int port)
{
	fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", what, port, strerror(errno),
		errno == EADDRINUSE ? " (EADDRINUSE)" : "");
	exit(1);
}

static void conn_close(int fd)
{
	free(conns[fd]);
	conns[fd] = NULL;
	close(fd);
	accepting = 1;
	printf("client fd %d closed\n", fd);
	fflush(stdout);
}

static void conn_error(int fd, const char *what)
{
	printf("client fd %d: %s: %s\n", fd, what, strerror(errno));
	conn_close(fd);
}

static void conn_accept(void)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	int fd;

	fd = accept(lfd, (struct sockaddr *)&peer, &len);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			accepting = 0;
		return;
	}
	if (fd >= FD_SETSIZE || (conns[fd] = calloc(1, sizeof(struct conn))) == NULL) {
		printf("client fd %d refused\n", fd);
		fflush(stdout);
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	if (fd > maxfd)
		maxfd = fd;
	printf("client %s:%u accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port) + 0u, fd);
	fflush(stdout);
}

static void conn_send(int fd)
{
	struct conn *c = conns[fd];
	ssize_t n;

	n = send(fd, c->out, c->len, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			conn_error(fd, "send");
		return;
	}
	memmove(c->out, c->out + n, c->len - (size_t)n);
	c->len -= (size_t)n;
	waiting = c->len > 0; /* only one can be slow: the others are not read from meanwhile */
	if (c->len == 0 && c->eof)
		conn_close(fd);
}

static void conn_recv(int fd)
{
	struct conn *c = conns[fd];
	ssize_t n;

	n = recv(fd, c->out + c->len, OUT_MAX - c->len, 0);
	if (n < 0) {
		if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
			conn_error(fd, "recv");
		return;
	}
	if (n == 0) {
		c->eof = 1;
		if (c->len == 0)
			conn_close(fd);
		return;
	}
	c->len += (size_t)n;
	conn_send(fd);
}

static void loop(double timeout, int port)
{
	fd_set rset, wset;
	struct timeval tv;
	int fd, n;

	FD_ZERO(&rset);
	FD_ZERO(&wset);
	if (accepting)
		FD_SET(lfd, &rset);
	for (fd = 0; fd <= maxfd; fd++) {
		if (conns[fd] == NULL)
			continue;
		if (!waiting && !conns[fd]->eof)
			FD_SET(fd, &rset);
		if (conns[fd]->len > 0)
			FD_SET(fd, &wset);
	}
	tv.tv_sec = (time_t)timeout;
	tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1e6);
	if (!accepting && timeout <= 0)
		tv.tv_sec = 1;
	n = select(maxfd + 1, &rset, &wset, NULL, timeout > 0 || !accepting ? &tv : NULL);
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0)
		die("select", port);
	if (n == 0) {
		accepting = 1;
		if (timeout > 0)
			printf("time out!\n");
		fflush(stdout);
		return;
	}
	for (fd = 0; fd <= maxfd; fd++) {
		if (conns[fd] != NULL && FD_ISSET(fd, &wset))
			conn_send(fd);
		if (conns[fd] != NULL && FD_ISSET(fd, &rset))
			conn_recv(fd);
	}
	if (FD_ISSET(lfd, &rset))
		conn_accept();
}

static void start(int port)
{
	struct sockaddr_in addr;
	int on = 1;

	lfd = socket(AF_INET, SOCK_STREAM, 0);
	if (lfd < 0)
		die("socket", port);
	setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	memset(&addr, 0, sizeof(addr));
	addr.sin_family = AF_INET;
	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(lfd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("bind", port);
	if (listen(lfd, 100) < 0)
		die("listen", port);
	fcntl(lfd, F_SETFL, O_NONBLOCK);
	maxfd = lfd;
	printf("listening on 127.0.0.1:%d fd %d\n", port, lfd);
	fflush(stdout);
}

int main(int argc, char *argv[])
{
	double timeout;
	long port;
	char *a, *b;

	if (argc != 3)
		goto usage;
	timeout = strtod(argv[1], &a);
	port = strtol(argv[2], &b, 10);
	if (a == argv[1] || *a || b == argv[2] || *b || !(timeout >= 0 && timeout <= 1e6) || port < 1 || port > 65535)
		goto usage;
	start((int)port);
	for (;;)
		loop(timeout, (int)port);
usage:
	fprintf(stderr, "usage: server TIMEOUT PORT\n");
	return 2;
}
