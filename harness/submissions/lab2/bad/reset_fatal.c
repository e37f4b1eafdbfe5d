/* must fail: reset.survives
 * finding: peer-reset-fatal
 * Any error of read() ends the server, so a client that resets its connection ends it for everybody. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static fd_set all;
static int top, lsn;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void catch_signals(sigset_t *while_waiting)
{
	struct sigaction sa;
	sigset_t block;

	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_signal;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, while_waiting);
}

static int open_port(int port)
{
	struct sockaddr_in sin;
	int fd, one = 1;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd == -1) {
		perror("server: socket");
		exit(1);
	}
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	memset(&sin, 0, sizeof sin);
	sin.sin_family = AF_INET;
	sin.sin_port = htons((in_port_t)port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&sin, sizeof sin) == -1 || listen(fd, 50) == -1) {
		fprintf(stderr, "server: bind 127.0.0.1:%d: %s%s\n", port, strerror(errno),
			errno == EADDRINUSE ? " (EADDRINUSE)" : "");
		exit(1);
	}
	printf("listening on 127.0.0.1:%d fd %d\n", port, fd);
	return fd;
}

static void finish(int fd)
{
	FD_CLR(fd, &all);
	close(fd);
	printf("client fd %d closed\n", fd);
	FD_SET(lsn, &all);
	while (top > lsn && !FD_ISSET(top, &all))
		top--;
}

static void accept_one(void)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;
	int fd = accept(lsn, (struct sockaddr *)&sin, &len);

	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			printf("accept: %s\n", strerror(errno));
			FD_CLR(lsn, &all);
		}
		return;
	}
	if (fd >= FD_SETSIZE) {
		close(fd);
		printf("client fd %d does not fit\n", fd);
		return;
	}
	FD_SET(fd, &all);
	if (fd > top)
		top = fd;
	printf("client %s:%d accepted fd %d\n", inet_ntoa(sin.sin_addr), ntohs(sin.sin_port), fd);
}

static void serve(int fd)
{
	char b[3000];
	ssize_t n = read(fd, b, sizeof b);
	ssize_t at = 0;

	if (n == -1) {
		if (errno == EINTR)
			return;
		perror("server: recv");
		exit(1);
	}
	while (at < n) {
		ssize_t w = write(fd, b + at, (size_t)(n - at));

		if (w >= 0) {
			at += w;
		} else if (errno != EINTR) {
			printf("client fd %d: send: %s\n", fd, strerror(errno));
			n = -1;
		}
	}
	if (n <= 0)
		finish(fd);
}

static void loop(double t, const sigset_t *mask)
{
	struct timespec ts = {.tv_sec = (time_t)t, .tv_nsec = (long)((t - (double)(time_t)t) * 1e9)};
	fd_set rd = all;
	int rest = !FD_ISSET(lsn, &all);
	int n, fd, last = top;

	if (rest && t == 0)
		ts.tv_sec = 1;
	n = pselect(top + 1, &rd, NULL, NULL, t > 0 || rest ? &ts : NULL, mask);
	if (n == -1) {
		if (errno == EINTR)
			return;
		perror("server: pselect");
		exit(1);
	}
	if (n == 0) {
		FD_SET(lsn, &all);
		if (t > 0)
			printf("time out!\n");
		return;
	}
	for (fd = 0; fd <= last; fd++)
		if (fd != lsn && FD_ISSET(fd, &rd))
			serve(fd);
	if (FD_ISSET(lsn, &rd))
		accept_one();
}

int main(int argc, char *argv[])
{
	char *e1 = "x", *e2 = "x";
	double t = 0;
	long port = 0;
	sigset_t mask;

	if (argc == 3) {
		t = strtod(argv[1], &e1);
		port = strtol(argv[2], &e2, 10);
	}
	if (argc != 3 || *e1 || *e2 || argv[1][0] == 0 || !(t >= 0 && t < 1e7) || port < 1 || port > 65535) {
		fprintf(stderr, "usage: server TIMEOUT PORT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	catch_signals(&mask);
	lsn = open_port((int)port);
	top = lsn;
	FD_SET(lsn, &all);
	while (!stop)
		loop(t, &mask);
	for (int fd = 0; fd <= top; fd++) {
		if (fd != lsn && FD_ISSET(fd, &all)) {
			close(fd);
			printf("client fd %d closed\n", fd);
		}
	}
	close(lsn);
	return 0;
}
