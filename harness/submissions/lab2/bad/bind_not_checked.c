/* must fail: port_taken.error
 * bind() is not checked: when the port is taken, listen() gets some other port and nobody is told. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static fd_set master;

static int
usage(void)
{
	fprintf(stderr, "usage: server TIMEOUT PORT\n");
	return 2;
}

static void
drop(int fd)
{
	FD_CLR(fd, &master);
	close(fd);
	printf("client fd %d closed\n", fd);
	fflush(stdout);
}

static void
handle_accept(int sock)
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
	if (fd >= FD_SETSIZE) {
		printf("too many clients, fd %d refused\n", fd);
		fflush(stdout);
		close(fd);
		return;
	}
	inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
	printf("client %s:%u accepted fd %d\n", ip, (unsigned)ntohs(from.sin_port), fd);
	fflush(stdout);
	FD_SET(fd, &master);
}

static void
handle_client(int fd)
{
	char buf[8192], *p = buf;
	ssize_t n = read(fd, buf, sizeof buf);

	if (n == -1 && errno == EINTR)
		return;
	if (n == -1) {
		printf("client fd %d: recv: %s\n", fd, strerror(errno));
		drop(fd);
		return;
	}
	if (n == 0) {
		drop(fd);
		return;
	}
	while (n > 0) {
		ssize_t m = write(fd, p, (size_t)n);

		if (m == -1 && errno == EINTR)
			continue;
		if (m == -1) {
			printf("client fd %d: send: %s\n", fd, strerror(errno));
			drop(fd);
			return;
		}
		p += m;
		n -= m;
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in addr;
	struct timeval tv;
	char *end;
	double seconds;
	long port;
	int sock, yes = 1, fd, n;
	fd_set ready;

	if (argc != 3)
		return usage();
	seconds = strtod(argv[1], &end);
	if (*end != '\0' || end == argv[1] || !(seconds >= 0 && seconds < 1e8))
		return usage();
	port = strtol(argv[2], &end, 10);
	if (*end != '\0' || end == argv[2] || port <= 0 || port >= 65536)
		return usage();

	signal(SIGPIPE, SIG_IGN);
	sock = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons((uint16_t)port);
	bind(sock, (struct sockaddr *)&addr, sizeof addr);
	if (listen(sock, SOMAXCONN) == -1) {
		fprintf(stderr, "server: listen 127.0.0.1:%ld: %s\n", port, strerror(errno));
		return 1;
	}
	printf("listening on 127.0.0.1:%ld fd %d\n", port, sock);
	fflush(stdout);

	FD_ZERO(&master);
	FD_SET(sock, &master);
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
		for (fd = 0; fd < FD_SETSIZE && n > 0; fd++) {
			if (!FD_ISSET(fd, &ready))
				continue;
			n--;
			if (fd == sock)
				handle_accept(sock);
			else
				handle_client(fd);
		}
	}
}
