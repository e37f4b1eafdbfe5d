/* must fail: timeout.zero_is_no_timer
 * finding: spin
 * TIMEOUT 0 is passed on as a timer of zero: select() never waits. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 50

static volatile sig_atomic_t stop;
static int lsn[MOST], nlsn;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = on_signal; /* no SA_RESTART: recv() and select() are to return */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
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

static void handler(int fd)
{
	char b[3000];
	ssize_t n, at;

	while (!stop) {
		n = read(fd, b, sizeof b);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			printf("client fd %d: recv: %s\n", fd, strerror(errno));
		if (n <= 0)
			break;
		for (at = 0; at < n && !stop;) {
			ssize_t w = write(fd, b + at, (size_t)(n - at));

			if (w >= 0) {
				at += w;
			} else if (errno != EINTR) {
				printf("client fd %d: send: %s\n", fd, strerror(errno));
				goto out;
			}
		}
	}
out:
	close(fd);
	printf("client fd %d closed\n", fd);
}

static void accept_one(int listen_fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof sin;
	int fd = accept(listen_fd, (struct sockaddr *)&sin, &len);

	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			printf("accept: %s\n", strerror(errno));
			sleep(1);
		}
		return;
	}
	printf("client %s:%d accepted fd %d\n", inet_ntoa(sin.sin_addr), ntohs(sin.sin_port), fd);
	handler(fd);
}

static void loop(double t)
{
	struct timeval tv = {.tv_sec = (time_t)t, .tv_usec = (suseconds_t)((t - (double)(time_t)t) * 1e6)};
	fd_set rd;
	int n, i;

	FD_ZERO(&rd);
	for (i = 0; i < nlsn; i++)
		FD_SET(lsn[i], &rd);
	n = select(lsn[nlsn - 1] + 1, &rd, NULL, NULL, &tv);
	if (n == -1) {
		if (errno == EINTR)
			return;
		perror("server: select");
		exit(1);
	}
	if (n == 0 && t > 0)
		printf("time out!\n");
	for (i = 0; i < nlsn && !stop; i++)
		if (FD_ISSET(lsn[i], &rd))
			accept_one(lsn[i]);
}

int main(int argc, char *argv[])
{
	char *e;
	double t;
	long port;
	int i;

	if (argc < 3 || argc - 2 > MOST)
		goto usage;
	t = strtod(argv[1], &e);
	if (e == argv[1] || *e || !(t >= 0 && t < 1e7))
		goto usage;
	for (i = 2; i < argc; i++) {
		port = strtol(argv[i], &e, 10);
		if (e == argv[i] || *e || port < 1 || port > 65535)
			goto usage;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	catch_signals();
	for (i = 2; i < argc; i++)
		lsn[nlsn++] = open_port((int)strtol(argv[i], NULL, 10));
	while (!stop)
		loop(t);
	for (i = 0; i < nlsn; i++)
		close(lsn[i]);
	return 0;
usage:
	fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
	return 2;
}
