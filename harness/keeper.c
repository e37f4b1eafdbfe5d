/* harness/keeper.c: the process between the harness and a server: it sees to it that nothing outlives the harness.
 *
 * Started by fdlab/launcher.py: keeper CONTROL-FD DEADLINE GRACE KEPT-FDS LIMITS TREE PROGRAM ARG...
 *
 * It stands between them because only a process of its own still acts when the harness is killed with SIGKILL:
 * - CONTROL-FD is one end of a socket pair. When the harness ends, in whatever way, its end closes, and the keeper kills.
 * - It is a "child subreaper" (prctl(2)): a process that the server started and left behind (a daemon, say) becomes the
 *   keeper's child, not init's, so it is found and killed too, whatever process group it put itself into.
 * - Should the keeper itself be killed, the program gets SIGKILL from the kernel (PR_SET_PDEATHSIG).
 * - After DEADLINE seconds it kills, even if the harness hangs.
 * - It counts: TREE is how many processes and threads, and how many bytes of memory of their own, all of them together may
 *   have ("2048,2147483648"; 0: any number). Resource limits are for one process, and root is excused from some of them.
 *   A fork bomb of root's may be thousands of processes between two counts: where a control group can be made, the kernel
 *   refuses more than a few above what is counted.
 * GRACE is how many seconds the program itself may outlive what it started: fdtrace needs a moment to close its capture.
 * KEPT-FDS stay open in the program ("5,7"; besides 0, 1, 2). LIMITS are its resource limits, as "7=1024,9=536870912"
 * (RLIMIT_NOFILE and RLIMIT_AS here).
 *
 * It says on CONTROL-FD, a line each: "pid N", "exit WAIT-STATUS", "late" (the deadline), "fail ERRNO" (no such program),
 * "over processes", "over memory" (it has more than TREE), and hears: "signal N" (send it to the program), "end" (kill it).
 *
 * In C, because it is started dozens of times for one grade: an interpreter took longer to start than all the rest.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK     0.1   /* seconds between two counts */
#define BESIDES  64    /* processes and threads that are not the program's own */
#define PRIORITY (-15) /* so that we have our turn among hundreds; who may not do that has RLIMIT_NPROC */

struct pids {
	pid_t *pid;
	size_t n, room;
};

struct tree { /* what all of the program's processes together may have; 0: any number */
	unsigned long long processes, memory;
};

struct keeper {
	int control;
	double deadline, grace; /* on the monotonic clock; seconds */
	int kept[64];
	int nkept;
	const char *limits;
	struct tree most;
	pid_t program;        /* 0 once it has been waited for */
	char group[PATH_MAX]; /* the control group that bounds its processes; "" for none */
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
say(const struct keeper *k, const char *word, long number)
{
	char line[64];
	int n = number >= 0 ? snprintf(line, sizeof line, "%s %ld\n", word, number)
			    : snprintf(line, sizeof line, "%s\n", word);

	if (send(k->control, line, (size_t)n, MSG_NOSIGNAL) < 0)
		return; /* nobody listens any more; poll() says so too */
}

/* The whole of a small file of the kernel's, as a string; false when it is not there (any more). */
static bool
read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return false;
	while (have + 1 < room && (n = read(fd, text + have, room - 1 - have)) > 0)
		have += (size_t)n;
	close(fd);
	text[have] = '\0';
	return true;
}

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* ---- what is below us ---- */

static void
add_pid(struct pids *list, pid_t pid)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		pid_t *grown = realloc(list->pid, room * sizeof *grown);

		if (grown == NULL)
			return; /* the next look comes soon */
		list->pid = grown;
		list->room = room;
	}
	list->pid[list->n++] = pid;
}

/* The children of every thread of a process, from /proc/PID/task/TID/children (proc(5)); of one that has ended, none. */
static void
add_children(struct pids *list, pid_t pid)
{
	char path[64 + NAME_MAX];
	struct dirent *task;
	int child;

	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *tasks = opendir(path);

	while (tasks != NULL && (task = readdir(tasks)) != NULL) {
		if (task->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, task->d_name);
		FILE *children = fopen(path, "re");

		while (children != NULL && fscanf(children, "%d", &child) == 1)
			add_pid(list, child);
		if (children != NULL)
			fclose(children);
	}
	if (tasks != NULL)
		closedir(tasks);
}

/* All that is below us, parents before children; replaces what `list` held. */
static void
find_descendants(struct pids *list)
{
	list->n = 0;
	add_children(list, getpid());
	for (size_t i = 0; i < list->n; i++) /* grows while it is walked */
		add_children(list, list->pid[i]);
}

/* The number behind `name` in the text of a /proc/PID/status; 0 when it is not there. */
static unsigned long long
field(const char *status, const char *name)
{
	const char *found = strstr(status, name);

	return found == NULL ? 0 : strtoull(found + strlen(name), NULL, 10);
}

/* What there is too much of below us: "processes", "memory", or NULL. Libraries and the capture are not its own memory. */
static const char *
look_for_too_much(struct pids *list, struct tree most)
{
	struct tree found = {0, 0};
	char path[64], status[4096];

	list->n = 0;
	add_children(list, getpid());
	for (size_t i = 0; i < list->n; i++) { /* grows while it is walked, and no further than it must */
		snprintf(path, sizeof path, "/proc/%d/status", (int)list->pid[i]);
		if (!read_file(path, status, sizeof status))
			continue; /* it has ended meanwhile */
		found.processes += field(status, "\nThreads:");
		found.memory += (field(status, "\nRssAnon:") + field(status, "\nRssShmem:")) << 10;
		if (most.processes > 0 && found.processes > most.processes)
			return "over processes";
		if (most.memory > 0 && found.memory > most.memory)
			return "over memory";
		add_children(list, list->pid[i]);
	}
	return NULL;
}

/* ---- a control group, for root (cgroups(7)) ---- */

/* Where a group with a bound on processes can be made, as we are placed: in version 1 below our own group of the pids
 * controller; in version 2 below the nearest one above us that hands the controller down. */
static bool
find_parent_group(char *parent, size_t room)
{
	char text[4096], path[PATH_MAX], handed[1024];

	if (!read_file("/proc/self/cgroup", text, sizeof text))
		return false;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *names = strchr(line, ':'), *group = names != NULL ? strchr(names + 1, ':') : NULL;

		if (group == NULL)
			continue;
		*group++ = '\0';
		if (strcmp(names + 1, "pids") == 0) {
			snprintf(parent, room, "/sys/fs/cgroup/pids%s", group);
			return access(parent, W_OK) == 0;
		}
		if (names[1] != '\0')
			continue;
		for (char *end = group + strlen(group); end != NULL; end = strrchr(group, '/')) {
			*end = '\0';
			snprintf(path, sizeof path, "/sys/fs/cgroup%s/cgroup.subtree_control", group);
			if (read_file(path, handed, sizeof handed) && strstr(handed, "pids") != NULL) {
				snprintf(parent, room, "/sys/fs/cgroup%s", group);
				return true;
			}
		}
	}
	return false;
}

/* Makes a group for the program to enter, with room for a sandbox and fdtrace besides what is counted. Leaves k->group ""
 * where that cannot be, or need not. */
static void
make_group(struct keeper *k)
{
	char parent[PATH_MAX - 64], path[PATH_MAX + 32], number[32];

	if (k->most.processes == 0 || geteuid() != 0 || !find_parent_group(parent, sizeof parent))
		return;
	snprintf(k->group, sizeof k->group, "%s/fdlab-%d", parent, (int)getpid());
	snprintf(path, sizeof path, "%s/pids.max", k->group);
	snprintf(number, sizeof number, "%llu", k->most.processes + BESIDES);
	if (mkdir(k->group, 0755) == 0) {
		if (write_file(path, number))
			return;
		rmdir(k->group);
	}
	k->group[0] = '\0';
}

static void
enter_group(const struct keeper *k)
{
	char path[PATH_MAX + 32];

	if (k->group[0] == '\0')
		return;
	snprintf(path, sizeof path, "%s/cgroup.procs", k->group);
	(void)!write_file(path, "0"); /* where that fails, counting must do */
}

/* ---- the program ---- */

/* The limit for a resource in "7=1024,9=536870912"; false when there is none. */
static bool
limit_of(const char *limits, int wanted, unsigned long long *value)
{
	int resource, used;

	for (; sscanf(limits, "%d=%llu%n", &resource, value, &used) == 2; limits += used + (limits[used] == ',')) {
		if (resource == wanted)
			return true;
	}
	return false;
}

/* RLIMIT_NOFILE alone may be raised again by the program: some checks do that from outside. */
static void
set_limits(const char *limits)
{
	unsigned long long value;
	struct rlimit limit;

	for (int resource = 0; resource < 32; resource++) {
		if (!limit_of(limits, resource, &value) || getrlimit(resource, &limit) != 0)
			continue;
		limit.rlim_cur = value < limit.rlim_max ? (rlim_t)value : limit.rlim_max;
		if (resource != RLIMIT_NOFILE)
			limit.rlim_max = limit.rlim_cur;
		setrlimit(resource, &limit);
	}
}

static bool
is_kept(const struct keeper *k, int fd)
{
	for (int i = 0; i < k->nkept; i++) {
		if (k->kept[i] == fd)
			return true;
	}
	return fd <= 2;
}

static void
close_others(const struct keeper *k, int problem)
{
	struct dirent *entry;
	DIR *open_now = opendir("/proc/self/fd");

	while (open_now != NULL && (entry = readdir(open_now)) != NULL) {
		int fd = entry->d_name[0] == '.' ? dirfd(open_now) : atoi(entry->d_name);

		if (fd != dirfd(open_now) && fd != problem && !is_kept(k, fd))
			close(fd);
	}
	if (open_now != NULL)
		closedir(open_now);
	for (int i = 0; i < k->nkept; i++)
		fcntl(k->kept[i], F_SETFD, 0);
}

/* In the child: becomes the program, in a session of its own, with default signals and only the kept descriptors. */
static void
become(const struct keeper *k, char **argv, pid_t keeper, int problem)
{
	sigset_t none;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != keeper)
		_exit(125); /* the keeper died before the line above took effect */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL); /* Python ignores SIGPIPE, nohup ignores SIGHUP: not for the server */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	close_others(k, problem);
	enter_group(k);
	set_limits(k->limits);
	/* When the machine has no memory left, the kernel is to take the program, and not whoever grades it. */
	(void)!write_file("/proc/self/oom_score_adj", "1000");
	execv(argv[0], argv);

	int error = errno;

	(void)!write(problem, &error, sizeof error);
	_exit(127);
}

/* Starts the program; 0, or the errno of the exec that failed, which comes through a pipe that exec closes. */
static int
start(struct keeper *k, char **argv)
{
	int problem[2], error = 0;
	pid_t keeper = getpid();

	if (pipe2(problem, O_CLOEXEC) != 0)
		return errno;
	k->program = fork();
	if (k->program == 0)
		become(k, argv, keeper, problem[1]);
	if (k->program < 0) {
		error = errno;
		k->program = 0;
	}
	close(problem[1]);
	if (k->program > 0 && read(problem[0], &error, sizeof error) != sizeof error)
		error = 0;
	close(problem[0]);
	return error;
}

/* Kills everything that there is below us, and collects it. One that makes more while it is being killed is stopped first. */
static void
sweep(struct keeper *k)
{
	const struct timespec moment = {.tv_nsec = 2000000};
	double end = now() + k->grace;
	struct pids below = {NULL, 0, 0};
	size_t before = 16;
	pid_t gone;

	for (find_descendants(&below); below.n > before; find_descendants(&below)) {
		before = below.n;
		for (size_t i = 0; i < below.n; i++)
			kill(below.pid[i], SIGSTOP);
	}
	do {
		find_descendants(&below);
		pid_t spared = now() < end ? k->program : 0;

		for (size_t i = 0; i < below.n; i++) {
			if (below.pid[i] != spared)
				kill(below.pid[i], SIGKILL);
		}
		while ((gone = waitpid(-1, NULL, WNOHANG)) > 0) {
			if (gone == k->program)
				end = 0;
		}
		if (gone == 0)
			nanosleep(&moment, NULL); /* they are dying; there is nothing to wait on but their end */
	} while (gone == 0 || errno == EINTR);
	free(below.pid);
	if (k->group[0] != '\0')
		rmdir(k->group);
}

/* ---- what we hear ---- */

static void
collect(struct keeper *k, int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)!read(signals, &info, sizeof info);
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->program) {
			k->program = 0;
			say(k, "exit", status);
		}
	}
}

/* Does what the harness says; false when it is time to end. */
static bool
obey(struct keeper *k)
{
	static char heard[256];
	static size_t have;
	ssize_t n = recv(k->control, heard + have, sizeof heard - 1 - have, 0);
	char *line;
	int number;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	have += (size_t)n;
	heard[have] = '\0';
	while ((line = strchr(heard, '\n')) != NULL) {
		if (strncmp(heard, "end\n", 4) == 0) {
			k->grace = 0;
			return false;
		}
		if (sscanf(heard, "signal %d", &number) == 1 && k->program > 0)
			kill(k->program, number);
		have -= (size_t)(line + 1 - heard);
		memmove(heard, line + 1, have + 1);
	}
	return true;
}

static void
keep(struct keeper *k, int signals)
{
	struct pollfd watched[2] = {{.fd = k->control, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	bool counts = k->most.processes > 0 || k->most.memory > 0;
	struct pids list = {NULL, 0, 0};
	double next_look = now() + LOOK;
	const char *too_much;

	for (;;) {
		double wait = (counts && next_look < k->deadline ? next_look : k->deadline) - now();

		if (poll(watched, 2, wait <= 0 ? 0 : wait > 1000 ? 1000000 : (int)(wait * 1000) + 1) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		if (watched[1].revents & POLLIN)
			collect(k, signals);
		if (watched[0].revents != 0 && !obey(k))
			break;
		if (now() >= k->deadline) {
			say(k, "late", -1);
			break;
		}
		if (counts && now() >= next_look) {
			too_much = look_for_too_much(&list, k->most);
			if (too_much != NULL) {
				say(k, too_much, -1);
				if (k->program > 0)
					kill(k->program, SIGKILL); /* with a sandbox, all that is in it dies of this */
				k->grace = 0;
				break;
			}
			next_look = now() + LOOK;
		}
	}
	free(list.pid);
}

static void
read_arguments(struct keeper *k, char **argv)
{
	k->control = atoi(argv[1]);
	k->deadline = now() + strtod(argv[2], NULL);
	k->grace = strtod(argv[3], NULL);
	for (char *word = strtok(argv[4], ","); word != NULL && k->nkept < 64; word = strtok(NULL, ","))
		k->kept[k->nkept++] = atoi(word);
	k->limits = argv[5];
	sscanf(argv[6], "%llu,%llu", &k->most.processes, &k->most.memory);
}

int
main(int argc, char **argv)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE}; /* we end when the harness ends, not before */
	struct keeper k = {0};
	sigset_t child;

	if (argc < 8) {
		fprintf(stderr, "keeper: it is started by fdlab/launcher.py, which see\n");
		return 2;
	}
	read_arguments(&k, argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);

	fcntl(k.control, F_SETFD, FD_CLOEXEC);
	make_group(&k);
	int problem = start(&k, argv + 7);

	setpriority(PRIO_PROCESS, 0, PRIORITY);
	for (int fd = 0; fd <= 2; fd++)
		close(fd); /* the harness reads to end of file: it must come when the program's ends are closed, not ours */
	for (int i = 0; i < k.nkept; i++)
		close(k.kept[i]);
	if (problem != 0)
		say(&k, "fail", problem);
	else
		say(&k, "pid", k.program);
	keep(&k, signals);
	sweep(&k);
	return 0;
}
