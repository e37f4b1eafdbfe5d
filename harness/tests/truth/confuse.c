/* harness/tests/truth/confuse.c: programs that an instrument is easily confused by, one a mode: confuse MODE. Exit status 0 when the
 * program itself saw what it should.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define CHECK(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "confuse: line %d: %s (%s)\n", __LINE__, #x, strerror(errno)); \
			exit(1); \
		} \
	} while (0)

static void
wait_for(pid_t pid, int wanted)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

/* ---- races: threads give and take the same few numbers */

enum { ROUNDS = 3000, RACERS = 4 };
static struct sockaddr_un name = {.sun_family = AF_UNIX};
static int listener;

static void *
race_dup(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd = dup(listener);

		CHECK(fd > 0 && close(fd) == 0);
	}
	return unused;
}

static void *
race_accept(void *unused)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		CHECK(fd > 0 && close(fd) == 0);
	}
	return unused;
}

static void *
race_connect(void *unused)
{
	for (int i = 0; i < ROUNDS / 10; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		CHECK(fd > 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0 && close(fd) == 0);
	}
	return unused;
}

/* Takes numbers away by putting others in their place. */
static void *
race_dup2(void *unused)
{
	int mine = fcntl(listener, F_DUPFD, 50);

	for (int i = 0; i < ROUNDS; i++)
		CHECK(dup2(listener, mine) == mine);
	CHECK(close(mine) == 0);
	return unused;
}

/* closelog(3) may have closed something inside: it makes the library list the whole table. */
static void *
race_lists(void *unused)
{
	for (int i = 0; i < ROUNDS / 10; i++)
		closelog();
	return unused;
}

static void
races(void)
{
	void *(*work[])(void *) = {race_dup, race_dup, race_accept, race_connect, race_dup2, race_lists};
	pthread_t thread[sizeof work / sizeof work[0]];

	snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "fdlab-confuse-%d", (int)getpid()); /* the abstract namespace */
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(listener == 3 && bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 64) == 0);
	for (size_t i = 0; i < sizeof work / sizeof work[0]; i++)
		CHECK(pthread_create(&thread[i], NULL, work[i], NULL) == 0);
	for (size_t i = 0; i < sizeof work / sizeof work[0]; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK(close(listener) == 0);
}

/* ---- longjmp: a handler that does not come back jumps out of select */

static sigjmp_buf back;

static void
jump(int number)
{
	(void)!write(STDOUT_FILENO, "jump\n", 5);
	siglongjmp(back, number);
}

static void
longjmps(void)
{
	int pair[2];
	fd_set set;

	CHECK(pipe(pair) == 0 && signal(SIGALRM, jump) != SIG_ERR);
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(back, 1) == 0) {
			struct timeval never = {1000, 0};

			FD_ZERO(&set);
			FD_SET(pair[0], &set);
			ualarm(1000, 0);
			select(pair[0] + 1, &set, NULL, NULL, &never);
			CHECK(!"select came back");
		}
		CHECK(dup(0) == 5 && close(5) == 0);
	}
	CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
}

/* ---- cancel: a thread is cancelled in read, and its cleanup closes */

static _Atomic int about_to_read;

static void
clean_up(void *fd)
{
	close(*(int *)fd);
}

static void *
reads(void *fd)
{
	char byte;

	pthread_cleanup_push(clean_up, fd);
	atomic_store(&about_to_read, (int)gettid());
	(void)!read(*(int *)fd, &byte, 1);
	pthread_cleanup_pop(0);
	return NULL;
}

static void
cancels(void)
{
	int pair[2];
	pthread_t thread;
	void *result;

	CHECK(pipe(pair) == 0 && pthread_create(&thread, NULL, reads, &pair[0]) == 0);
	while (atomic_load(&about_to_read) == 0)
		sched_yield();
	CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	CHECK(fcntl(pair[0], F_GETFD) == -1 && close(pair[1]) == 0);
}

/* ---- processes */

static void
raw_fork(void)
{
	int fd = open("/dev/null", O_RDONLY);
	pid_t pid = _Fork();

	if (pid == 0) {
		close(fd);
		_exit(dup(0) == fd ? 7 : 1);
	}
	wait_for(pid, 7);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		close(fd);
		_exit(8);
	}
	wait_for(pid, 8);
	CHECK(close(fd) == 0);
}

static void
vfork_exec(const char *self)
{
	int kept = open("/dev/null", O_RDONLY), gone = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(0, 9);
		execl(self, self, "table", "3 9", (char *)NULL);
		_exit(1);
	}
	wait_for(pid, 0);
	CHECK(fcntl(9, F_GETFD) == -1 && close(kept) == 0 && close(gone) == 0);
	CHECK(dup(0) == kept); /* the child's dup2 was the child's */
}

static void
spawns(const char *self)
{
	char *words[] = {(char *)self, "table", "7", NULL};
	posix_spawn_file_actions_t actions;
	extern char **environ;
	pid_t pid;
	FILE *stream;
	char text[32] = "";

	CHECK(posix_spawn_file_actions_init(&actions) == 0 && posix_spawn_file_actions_adddup2(&actions, 0, 7) == 0);
	CHECK(posix_spawn(&pid, self, &actions, NULL, words, environ) == 0);
	wait_for(pid, 0);
	CHECK(system("exit 5") == 5 << 8);
	stream = popen("echo hello", "r");
	CHECK(stream != NULL && fileno(stream) == 3 && fgets(text, sizeof text, stream) != NULL && strcmp(text, "hello\n") == 0);
	CHECK(pclose(stream) == 0 && dup(0) == 3);
}

/* A daemon's parent ends at once: the child tells the one who waits on a pipe how it went. */
static void
daemons(void)
{
	int fd = open("/dev/null", O_RDONLY);

	CHECK(daemon(1, 0) == 0);
	CHECK(close(fd) == 0 && dup(0) == fd);
	exit(0);
}

static void
closes_everything(void)
{
	int first = open("/dev/null", O_RDONLY);

	CHECK(dup(first) == 4 && dup(first) == 5 && dup2(first, 100) == 100);
	CHECK(close_range(4, ~0U, 0) == 0 && dup(first) == 4);
	CHECK(close_range(3, 50, CLOSE_RANGE_CLOEXEC) == 0 && fcntl(4, F_GETFD) == FD_CLOEXEC);
	closefrom(0);
	CHECK(open("/dev/null", O_RDONLY) == 0 && dup(0) == 1);
	for (int fd = 2; fd < 1024; fd++)
		close(fd);
}

static void
clears_environment(const char *self)
{
	char *none[] = {NULL};

	execle(self, self, "table", "", (char *)NULL, none);
	CHECK(!"execle worked");
}

/* ---- rights: a descriptor goes through a socket, within a process and to a child */

static void
send_fds(int socket, const int *fds, int count)
{
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {"x", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
	CHECK(sendmsg(socket, &m, 0) == 1);
}

static void
receive_fds(int socket, int *fds, int count)
{
	char byte;
	union {
		char room[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};

	CHECK(recvmsg(socket, &m, 0) == 1);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	CHECK(c != NULL && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN((size_t)count * sizeof(int)));
	memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
}

static void
rights(void)
{
	int pair[2], sent[2], got[2];
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0); /* 3, 4 */
	CHECK((sent[0] = open("/dev/null", O_RDONLY)) == 5 && (sent[1] = epoll_create1(0)) == 6);
	pid = fork();
	if (pid == 0) {
		close(5);
		close(6);
		close(3);
		receive_fds(4, got, 2);
		_exit(got[0] == 3 && got[1] == 5 ? 0 : 1);
	}
	CHECK(close(4) == 0);
	send_fds(3, sent, 2);
	wait_for(pid, 0);
}

/* ---- early: a call before our constructor, before main, and one from a library's constructor (early.c) */

static int early_fd = -1;

static void
before_constructors(void)
{
	early_fd = open("/dev/null", O_RDONLY);
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = before_constructors;

static void
early(void)
{
	CHECK(early_fd >= 3 && close(early_fd) == 0);
}

/* ---- table: which descriptors from 3 on are open, against what the caller says */

static void
table(const char *wanted)
{
	char text[256] = "", one[16];

	close(early_fd); /* this program's own */
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			snprintf(one, sizeof one, "%s%d", text[0] != '\0' ? " " : "", fd);
			strcat(text, one);
		}
	if (strcmp(text, wanted) != 0)
		fprintf(stderr, "confuse: open are '%s' and not '%s'\n", text, wanted);
	exit(strcmp(text, wanted) != 0);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "early") == 0) {
		early();
		return 0;
	}
	if (strcmp(mode, "table") == 0)
		table(argc > 2 ? argv[2] : "");
	close(early_fd);
	if (strcmp(mode, "races") == 0)
		races();
	else if (strcmp(mode, "longjmp") == 0)
		longjmps();
	else if (strcmp(mode, "cancel") == 0)
		cancels();
	else if (strcmp(mode, "fork") == 0)
		raw_fork();
	else if (strcmp(mode, "vfork") == 0)
		vfork_exec(argv[0]);
	else if (strcmp(mode, "spawn") == 0)
		spawns(argv[0]);
	else if (strcmp(mode, "daemon") == 0)
		daemons();
	else if (strcmp(mode, "everything") == 0)
		closes_everything();
	else if (strcmp(mode, "environment") == 0)
		clears_environment(argv[0]);
	else if (strcmp(mode, "rights") == 0)
		rights();
	else
		return 2;
	return 0;
}
