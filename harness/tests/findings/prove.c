/* harness/tests/findings/prove.c: see prove.h. What goes wrong in here ends the program at once, with a status that
 * no proof has.
 */
#include "prove.h"

enum { TOO_LONG = 20, BROKEN = 99 };

static struct sockaddr_in address;

static void
need(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	_exit(BROKEN);
}

int
listen_local(void)
{
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	alarm(TOO_LONG);
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	need(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
	need(listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0, "listen");
	return fd;
}

pid_t
play(int listen_fd, void (*script)(void))
{
	pid_t child = fork();

	need(child >= 0, "fork");
	if (child > 0)
		return child;
	alarm(TOO_LONG);
	if (listen_fd >= 0)
		close(listen_fd);
	script();
	_exit(0);
}

void
over(pid_t child)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

void
nonblocking(int fd)
{
	need(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0, "fcntl");
}

bool
echo(int fd, const char *data, ssize_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, data, (size_t)size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		data += sent;
		size -= sent;
	}
	return true;
}

void
limit_descriptors(int count)
{
	struct rlimit limit;

	need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	limit.rlim_cur = (rlim_t)count;
	need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static void
nothing(int signal)
{
	(void)signal;
}

void
every_ms(int ms)
{
	struct sigaction act = {.sa_handler = nothing};
	struct itimerval timer = {{0, ms * 1000}, {0, ms * 1000}};

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int
dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
	return fd;
}

void
say(int fd, const char *text)
{
	need(echo(fd, text, (ssize_t)strlen(text)), "say");
}

void
hear(int fd, size_t bytes)
{
	char buffer[65536];

	while (bytes > 0) {
		ssize_t got = recv(fd, buffer, bytes < sizeof buffer ? bytes : sizeof buffer, 0);

		need(got > 0, "hear");
		bytes -= (size_t)got;
	}
}

void
hear_end(int fd)
{
	char buffer[65536];

	while (recv(fd, buffer, sizeof buffer, 0) > 0)
		;
}

void
hang_up(int fd)
{
	need(close(fd) == 0, "close");
}

void
vanish(int fd)
{
	struct linger at_once = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	hang_up(fd);
}

void
nap(int ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}
