/* must fail: reuse.same_numbers
 * finding: nfds-too-small
 * The largest descriptor is lowered by one for each client who leaves, whichever it was: the last ones are no longer
 * watched. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static fd_set watched;
static int biggest;
static int listener;
static int reserve = -1;

static void take_reserve(void)
{
	struct rlimit limit;
	int fd = open("/dev/null", O_RDONLY);

	if (fd == -1)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	reserve = fcntl(fd, F_DUPFD, (int)limit.rlim_cur - 1);
	close(fd);
}

static void send_home(void)
{
	int fd;

	if (reserve == -1) {
		struct timespec rest = {.tv_nsec = 50000000};

		nanosleep(&rest, NULL);
	} else {
		close(reserve);
		reserve = -1;
		fd = accept(listener, NULL, NULL);
		if (fd != -1)
			close(fd);
		printf("no descriptors left, one client sent home\n");
	}
	take_reserve();
}

static void accept_client(void)
{
	struct sockaddr_in who;
	socklen_t len = sizeof(who);
	int fd;

again:
	fd = accept(listener, (struct sockaddr *)&who, &len);
	if (fd == -1) {
		if (errno == EINTR)
			goto again;
		if (errno == ECONNABORTED)
			return;
		send_home();
		return;
	}
	if (fd >= FD_SETSIZE) {
		printf("client fd %d sent home\n", fd);
		close(fd);
		return;
	}
	printf("client %s:%d accepted fd %d\n", inet_ntoa(who.sin_addr), ntohs(who.sin_port), fd);
	FD_SET(fd, &watched);
	if (fd > biggest)
		biggest = fd;
}

static void close_client(int fd)
{
	FD_CLR(fd, &watched);
	if (close(fd) == -1)
		perror("close");
	printf("client fd %d closed\n", fd);
	biggest--;
}

static void echo_client(int fd)
{
	static char buffer[65536];
	size_t done = 0, size;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), 0)) == -1 && errno == EINTR)
		continue;
	if (n == -1)
		printf("client fd %d: recv: %s\n", fd, strerror(errno));
	if (n <= 0) {
		close_client(fd);
		return;
	}
	size = (size_t)n;
	while (done < size) {
		n = send(fd, buffer + done, size - done, MSG_NOSIGNAL);
		if (n > 0)
			done += (size_t)n;
		else if (n == -1 && errno != EINTR) {
			printf("client fd %d: send: %s\n", fd, strerror(errno));
			close_client(fd);
			return;
		}
	}
}

static void listen_on(int port)
{
	struct sockaddr_in me;
	int on = 1;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	memset(&me, 0, sizeof(me));
	me.sin_family = AF_INET;
	me.sin_port = htons((in_port_t)port);
	me.sin_addr.s_addr = htonl(0x7f000001);
	if (listener == -1 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(listener, (struct sockaddr *)&me, sizeof(me)) == -1 || listen(listener, 200) == -1) {
		fprintf(stderr, "server: bind 127.0.0.1:%d: %s%s\n", port, strerror(errno),
			errno == EADDRINUSE ? " (EADDRINUSE)" : "");
		exit(1);
	}
	printf("listening on 127.0.0.1:%d fd %d\n", port, listener);
}

int main(int argc, char **argv)
{
	double seconds;
	char *e;
	long port;

	if (argc != 3 || !*argv[1] || (seconds = strtod(argv[1], &e), *e) || !(seconds >= 0 && seconds <= 1e6) ||
	    (port = strtol(argv[2], &e, 10), *e) || port < 1 || port > 65535) {
		fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	listen_on((int)port);
	take_reserve();
	FD_ZERO(&watched);
	FD_SET(listener, &watched);
	biggest = listener;
	for (;;) {
		fd_set set;
		struct timeval tv, *tvp = NULL;
		int n, fd;

		memcpy(&set, &watched, sizeof(set));
		if (seconds > 0) {
			tv.tv_sec = (time_t)seconds;
			tv.tv_usec = (suseconds_t)((seconds - (double)tv.tv_sec) * 1e6);
			tvp = &tv;
		}
		n = select(biggest + 1, &set, NULL, NULL, tvp);
		if (n == 0)
			puts("time out!");
		if (n == -1 && errno != EINTR) {
			perror("server: select");
			return 1;
		}
		if (n <= 0)
			continue;
		for (fd = biggest; fd >= 0; fd--)
			if (fd != listener && FD_ISSET(fd, &set))
				echo_client(fd);
		if (FD_ISSET(listener, &set))
			accept_client();
	}
}
