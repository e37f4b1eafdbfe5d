/* harness/tests/truth/same.c: prints all that a program can see of its calls: results, errno, descriptor numbers, signals. Traced and
 * untraced it must print the same and end the same way. `same MODE`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* The result and errno; errno stays as it was (42) when the call succeeds. */
#define SHOW(call) (errno = 42, printf("%-50s %ld", #call, (long)(call)), printf(" %d\n", errno))

static char buf[64];
static void *volatile nothing;      /* the compiler must not see what is wrong */
static volatile int minus_one = -1;

static void
errors_of_making(void)
{
	SHOW(socket(AF_INET, 12345, 0));
	SHOW(socket(-1, SOCK_STREAM, 0));
	SHOW(open("/no/such", O_RDONLY));
	SHOW(open(nothing, O_RDONLY));
	SHOW(openat(77, "x", O_RDONLY));
	SHOW(close(77));
	SHOW(close(-1));
	SHOW(dup(-1));
	SHOW(dup2(0, -1));
	SHOW(dup2(0, 1 << 30));
	SHOW(dup3(0, 0, 0));
	SHOW(pipe2(nothing, 0));
	SHOW(pipe2((int *)buf, 12345));
	SHOW(accept(0, NULL, NULL));
	SHOW(bind(0, nothing, 0));
	SHOW(connect(0, (struct sockaddr *)buf, 1));
	SHOW(listen(77, 1));
	SHOW(shutdown(0, 9));
}

static void
errors_of_moving(void)
{
	struct iovec iov = {buf, 0};

	SHOW(read(77, buf, 1));
	SHOW(read(0, nothing, 1));
	SHOW(read(0, buf, 0));
	SHOW(write(77, buf, 1));
	SHOW(readv(0, &iov, 1));
	SHOW(readv(0, &iov, minus_one));
	SHOW(recv(0, buf, 1, 0));
	SHOW(recvmsg(0, &(struct msghdr){0}, 0));
	SHOW(send(77, buf, 1, MSG_NOSIGNAL));
}

static void
errors_of_waiting(void)
{
	struct pollfd p[2] = {{0, POLLIN, 0}, {99, POLLIN, 0}};
	struct timeval none = {0, 0};
	struct epoll_event e = {.events = EPOLLIN};
	fd_set set;

	SHOW(poll(p, 2, 0));
	printf("%d %d\n", p[0].revents, p[1].revents);
	SHOW(poll(nothing, 1, 0));
	FD_ZERO(&set);
	FD_SET(55, &set);
	SHOW(select(60, &set, NULL, NULL, &none));
	SHOW(select(-1, NULL, NULL, NULL, &none));
	SHOW(select(0, NULL, NULL, NULL, &(struct timeval){0, -1}));
	SHOW(epoll_create(0));
	SHOW(epoll_wait(0, &e, 1, 0));
	SHOW(epoll_ctl(77, EPOLL_CTL_ADD, 0, &e));
}

static void
errors(void)
{
	errors_of_making();
	errors_of_moving();
	errors_of_waiting();
	SHOW(fcntl(77, F_GETFL));
	SHOW(fcntl(0, 9999));
	SHOW(ioctl(77, 1));
	SHOW(setsockopt(0, 1, 2, buf, 4));
	SHOW(execve("/no/such", (char *[]){"x", NULL}, (char *[]){NULL}));
	SHOW(execlp("no-such-program-anywhere", "x", (char *)NULL));
	SHOW(syscall(SYS_close, 77));
	SHOW(syscall(SYS_openat, AT_FDCWD, "/no/such", O_RDONLY));
	SHOW(syscall(-1));
	printf("%d %d\n", fopen("/no/such", "r") == NULL, errno);
	printf("%d %d\n", fopen("/dev/null", "nonsense") == NULL, errno);
}

static void
numbers(void)
{
	int pair[2], fds[3];
	FILE *f;

	SHOW(socket(AF_INET, SOCK_STREAM, 0));
	SHOW(open("/dev/null", O_RDONLY));
	SHOW(pipe(pair));
	SHOW(pair[0] * 100 + pair[1]);
	SHOW(close(3));
	SHOW(epoll_create1(0));
	SHOW(eventfd(0, 0));
	SHOW(timerfd_create(CLOCK_MONOTONIC, 0));
	SHOW(fcntl(0, F_DUPFD, 20));
	SHOW(dup2(0, 30));
	f = fopen("/dev/null", "r");
	SHOW(fileno(f));
	SHOW(fclose(f));
	f = tmpfile();
	SHOW(fileno(f));
	SHOW(dup(0));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	SHOW(fds[0] * 100 + fds[1]);
	SHOW(system("exit 3"));
	SHOW(dup(0));
	SHOW(syscall(SYS_dup, 0));
	for (int fd = 0; fd < 64; fd++)
		printf("%d", fcntl(fd, F_GETFD) >= 0);
	printf("\n");
}

static volatile sig_atomic_t got;
static void
handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	got += number;
	got += info->si_code == SI_USER ? 1000 : 0;
	errno = 77; /* a handler that does not keep errno */
}

static void
siginfo(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	int pair[2];
	pid_t pid;

	sigaction(SIGUSR1, &action, NULL);
	(void)!pipe(pair);
	pid = fork();
	if (pid == 0) { /* until the parent sleeps in read, as /proc/PID/syscall says */
		char name[64], text[64] = "";

		snprintf(name, sizeof name, "/proc/%d/syscall", (int)getppid());
		do {
			FILE *f = fopen(name, "r");

			if (f == NULL || fgets(text, sizeof text, f) == NULL)
				_exit(1);
			fclose(f);
		} while (strncmp(text, "0 ", 2) != 0);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	SHOW(read(pair[0], buf, 1));
	printf("%d\n", (int)got);
	SHOW(waitpid(pid, NULL, 0) == pid);
	SHOW(raise(SIGUSR1));
	printf("%d\n", (int)got);
}

static void
last_words(void)
{
	printf("at exit\n");
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int pair[2];

	setvbuf(stdout, NULL, _IOFBF, 65536);
	if (strcmp(mode, "errors") == 0)
		errors();
	else if (strcmp(mode, "numbers") == 0)
		numbers();
	else if (strcmp(mode, "siginfo") == 0)
		siginfo();
	else if (strcmp(mode, "sigpipe") == 0 && pipe(pair) == 0 && close(pair[0]) == 0)
		(void)!write(pair[1], "x", 1);
	else if (strcmp(mode, "abort") == 0)
		abort();
	else if (strcmp(mode, "segv") == 0)
		raise(SIGSEGV);
	else if (strcmp(mode, "usr1") == 0)
		kill(getpid(), SIGUSR1);
	else if (strcmp(mode, "exit") == 0 && atexit(last_words) == 0)
		return 77;
	else
		return 2;
	return 0;
}
