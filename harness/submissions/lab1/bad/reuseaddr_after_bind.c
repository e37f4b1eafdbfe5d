/* must fail: restart.reuseaddr
 * finding: no-reuseaddr
 * SO_REUSEADDR is set after bind(), when it is too late. */
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

static int
usage(void)
{
	fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
	return 2;
}

static int
open_port(const char *text)
{
	struct sockaddr_in addr;
	int sock, yes = 1;

	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (sock == -1) {
		perror("server: socket");
		exit(1);
	}
	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons((uint16_t)atoi(text));
	if (bind(sock, (struct sockaddr *)&addr, sizeof addr) == -1 || listen(sock, SOMAXCONN) == -1) {
		fprintf(stderr, "server: bind 127.0.0.1:%s: %s%s\n", text, strerror(errno),
			errno == EADDRINUSE ? " (EADDRINUSE)" : "");
		exit(1);
	}
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	printf("listening on 127.0.0.1:%s fd %d\n", text, sock);
	fflush(stdout);
	return sock;
}

static void
serve(int fd)
{
	char buf[7];
	ssize_t n, m;

	for (;;) {
		char *p = buf;

		n = read(fd, buf, sizeof buf);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			printf("client fd %d: recv: %s\n", fd, strerror(errno));
		if (n <= 0)
			return;
		while (n > 0) {
			m = write(fd, p, (size_t)n);
			if (m == -1 && errno == EINTR)
				continue;
			if (m == -1) {
				printf("client fd %d: send: %s\n", fd, strerror(errno));
				return;
			}
			p += m;
			n -= m;
		}
	}
}

static void
accept_from(int sock)
{
	struct sockaddr_in from;
	socklen_t fromlen = sizeof from;
	char ip[INET_ADDRSTRLEN];
	int fd = accept(sock, (struct sockaddr *)&from, &fromlen);

	if (fd == -1) {
		struct timespec rest = {0, 100 * 1000 * 1000};

		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			nanosleep(&rest, NULL); /* or we would be back at once */
		return;
	}
	inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
	printf("client %s:%u accepted fd %d\n", ip, (unsigned)ntohs(from.sin_port), fd);
	fflush(stdout);
	serve(fd);
	close(fd);
	printf("client fd %d closed\n", fd);
	fflush(stdout);
}

int
main(int argc, char *argv[])
{
	fd_set master, ready;
	struct timeval tv;
	char *end;
	double seconds;
	int i, fd, n;

	if (argc < 3)
		return usage();
	seconds = strtod(argv[1], &end);
	if (*end != '\0' || end == argv[1] || !(seconds >= 0 && seconds < 1e8))
		return usage();
	for (i = 2; i < argc; i++) {
		long port = strtol(argv[i], &end, 10);

		if (*end != '\0' || end == argv[i] || port <= 0 || port >= 65536)
			return usage();
	}
	signal(SIGPIPE, SIG_IGN);
	FD_ZERO(&master);
	for (i = 2; i < argc; i++) {
		fd = open_port(argv[i]);
		FD_SET(fd, &master);
	}
	for (;;) {
		ready = master;
		tv.tv_sec = (time_t)seconds;
		tv.tv_usec = (suseconds_t)((seconds - (double)tv.tv_sec) * 1e6);
		n = select(FD_SETSIZE, &ready, NULL, NULL, seconds > 0 ? &tv : NULL);
		if (n == -1) {
			if (errno == EINTR)
				continue;
			perror("server: select");
			return 1;
		}
		if (n == 0) {
			printf("time out!\n");
			fflush(stdout);
		}
		for (fd = 0; fd < FD_SETSIZE; fd++)
			if (FD_ISSET(fd, &ready))
				accept_from(fd);
	}
}
