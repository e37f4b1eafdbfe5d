/* trace/run/run.c: `fdtrace run`: starts a program with libfdtrace.so in it and waits for it.
 *
 *     fdtrace run -o trace.fdt -- build/lab2/server 2 50000
 */
#include "run.h"
#include "views/live.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char help[] =
    "usage: fdtrace run [OPTION]... [--] PROGRAM [ARG]...\n"
    "Runs PROGRAM and writes down, in a capture, every call that makes, copies, closes, waits on or moves bytes through a\n"
    "descriptor. The program gets a clean table: only 0, 1 and 2 are open.\n"
    "\n"
    "  -o FILE              the capture (trace.fdt if left out)\n"
    "  --live               show the turns as they happen; the program's own output stands among them\n"
    "  --notes=FD           take notes from a socket: lines WHO<TAB>VERB<TAB>TEXT, each answered with a line when it is in the capture\n"
    "  --inject=SPEC        a fault on demand: CALL[,CALL]:error=EMFILE:when=3+   (see trace/README.md; may be given 16 times)\n"
    "  --data=N             bytes of each transfer to keep (32 if left out; 0: none)\n"
    "  --only=LIST          record only these calls: names and %families, with commas between\n"
    "  --no-follow-forks    record the program alone, not its children\n"
    "  --keep-fds           leave open what else was open here\n"
    "  --max-events=N       stop recording after about N slots of 64 bytes; what comes later is counted as lost\n"
    "  --reserve=MB         space that is made ready before the program starts\n"
    "  --color=WHEN --ascii --width=N    for --live, as in fdtrace turns\n"
    "\n"
    "Exit status: the program's; 128+N when signal N killed it; 125 when fdtrace itself failed; 126, 127 when the program could\n"
    "not be run.\n";

struct options {
	const char *file;
	bool live, keep_fds, follow;
	int notes;
	long long data, reserve_mb, max_slots;
	const char *only;
	const char *faults[FDT_FAULTS + 1];
	int nfaults;
	struct live_options view;
};

struct run {
	struct options o;
	struct space space;
	pid_t pid;
	bool running;
	int status;
	int signals;      /* signalfd */
	int output[2];    /* the program's stdout and stderr, with --live; -1 when closed */
	struct lines lines[2], note_lines;
	char **argv;
	struct live *live;
	char *folder;  /* where the libraries lie */
	char *scratch; /* what holds a link to that folder, or NULL */
	char *preload; /* LD_PRELOAD for the program */
	sigset_t mask;
};

void
fail(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "fdtrace: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_FDTRACE);
}

/* ---- options ---- */

static long long
number(const char *option, const char *text, long long low, long long high)
{
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);

	if (errno != 0 || end == text || *end != '\0' || n < low || n > high)
		fail("--%s=%s: a whole number from %lld to %lld is needed", option, text, low, high);
	return n;
}

enum { OPT_LIVE = 256, OPT_NOTES, OPT_INJECT, OPT_DATA, OPT_ONLY, OPT_FORKS, OPT_NO_FORKS, OPT_KEEP, OPT_MAX, OPT_RESERVE,
       OPT_COLOR, OPT_ASCII, OPT_WIDTH, OPT_HELP };

static const struct option long_options[] = {
    {"live", no_argument, NULL, OPT_LIVE},
    {"notes", required_argument, NULL, OPT_NOTES},
    {"inject", required_argument, NULL, OPT_INJECT},
    {"data", required_argument, NULL, OPT_DATA},
    {"only", required_argument, NULL, OPT_ONLY},
    {"follow-forks", no_argument, NULL, OPT_FORKS},
    {"no-follow-forks", no_argument, NULL, OPT_NO_FORKS},
    {"keep-fds", no_argument, NULL, OPT_KEEP},
    {"max-events", required_argument, NULL, OPT_MAX},
    {"reserve", required_argument, NULL, OPT_RESERVE},
    {"color", required_argument, NULL, OPT_COLOR},
    {"ascii", no_argument, NULL, OPT_ASCII},
    {"width", required_argument, NULL, OPT_WIDTH},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static enum when
when_word(const char *text)
{
	if (strcmp(text, "always") == 0)
		return WHEN_ALWAYS;
	if (strcmp(text, "never") == 0)
		return WHEN_NEVER;
	if (strcmp(text, "auto") != 0)
		fail("--color=%s: always, never or auto is needed", text);
	return WHEN_AUTO;
}

static void
one_option(struct options *o, int option)
{
	switch (option) {
	case 'o': o->file = optarg; break;
	case OPT_LIVE: o->live = true; break;
	case OPT_NOTES: o->notes = (int)number("notes", optarg, 0, INT_MAX); break;
	case OPT_DATA: o->data = number("data", optarg, 0, 65000); break;
	case OPT_ONLY: o->only = optarg; break;
	case OPT_FORKS: o->follow = true; break;
	case OPT_NO_FORKS: o->follow = false; break;
	case OPT_KEEP: o->keep_fds = true; break;
	case OPT_MAX: o->max_slots = number("max-events", optarg, 1, 1LL << 32); break;
	case OPT_RESERVE: o->reserve_mb = number("reserve", optarg, 0, 1LL << 20); break;
	case OPT_COLOR: o->view.colour = when_word(optarg); break;
	case OPT_ASCII: o->view.ascii = 1; break;
	case OPT_WIDTH: o->view.width = (int)number("width", optarg, 20, 1000); break;
	case OPT_INJECT:
		if (o->nfaults > FDT_FAULTS)
			fail("--inject=%s: that is one too many: %d at most", optarg, FDT_FAULTS);
		o->faults[o->nfaults++] = optarg;
		break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		fail("run: see `fdtrace run --help`");
	}
}

static void
read_options(struct options *o, int argc, char **argv)
{
	int option;

	*o = (struct options){
		.file = "trace.fdt", .follow = true, .notes = -1, .data = 32, .max_slots = 1LL << 28, .view = {.fd = 1}};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "+o:", long_options, NULL)) != -1) {
		if (option == '?')
			fail("run: %s: no such option, or its value is missing; see `fdtrace run --help`", argv[optind - 1]);
		one_option(o, option);
	}
	if (optind == argc)
		fail("run: which program? usage: fdtrace run [OPTION]... [--] PROGRAM [ARG]...");
	if (o->notes >= 0 && fcntl(o->notes, F_GETFD) < 0)
		fail("--notes=%d: that descriptor is not open here", o->notes);
}

static void
fill_run_header(struct run *r)
{
	struct fdt_header *h = r->space.header;
	size_t used = 0;

	h->data_bytes = (uint32_t)r->o.data;
	if (!r->o.follow)
		h->flags &= ~(uint32_t)FDT_RUN_FORKS;
	if (r->o.notes >= 0)
		h->flags |= FDT_RUN_NOTES;
	for (char **a = r->argv; *a != NULL && used < sizeof h->program - 1; a++) {
		size_t n = strnlen(*a, sizeof h->program - 2 - used);

		memcpy(h->program + used, *a, n);
		used += n + 1;
	}
}

/* Faults and --only are looked at before a file is made: a spec that does not parse leaves nothing behind. */
static void
read_specs(const struct options *o, struct fdt_header *h)
{
	const char *wrong;

	for (int i = 0; i < o->nfaults; i++)
		if ((wrong = add_fault(h, o->faults[i])) != NULL)
			fail("--inject=%s: %s", o->faults[i], wrong);
	if (o->only != NULL && (wrong = only_calls(h, o->only)) != NULL)
		fail("--only=%s: %s", o->only, wrong);
}

/* ---- the library ---- */

/* The libraries lie beside fdtrace. LD_PRELOAD cannot name a path with a space or a colon (ld.so(8)); a symbolic link to the
 * folder can. */
static void
find_libraries(struct run *r)
{
	char self[PATH_MAX], scratch[] = "/tmp/fdtrace.XXXXXX";
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(self, '/');

	if (slash == NULL)
		fail("cannot tell where fdtrace lies: %s", strerror(errno));
	*slash = '\0';
	r->folder = strdup(self);
	if (strpbrk(self, " :") == NULL)
		return;
	if (mkdtemp(scratch) == NULL)
		fail("cannot make a folder in /tmp for a link to %s: %s", self, strerror(errno));
	r->scratch = strdup(scratch);
	free(r->folder);
	if (asprintf(&r->folder, "%s/lib", scratch) < 0 || symlink(self, r->folder) < 0)
		fail("cannot link %s into %s: %s", self, scratch, strerror(errno));
}

static void
drop_scratch(struct run *r)
{
	if (r->scratch == NULL)
		return;
	unlink(r->folder);
	rmdir(r->scratch);
}

/* What LD_PRELOAD is to be. A musl program gets both builds: what it execs is more often than not linked with glibc, and the
 * build that is in the wrong place only passes calls on. */
static char *
preload_value(const struct run *r, enum libc_kind kind)
{
	const char *before = getenv("LD_PRELOAD"), *name = kind == LIBC_MUSL ? "libfdtrace-musl.so" : "libfdtrace.so";
	char *library, *value;

	if (asprintf(&library, "%s/%s", r->folder, name) < 0)
		fail("out of memory");
	if (access(library, R_OK) < 0)
		fail("%s is not beside fdtrace: %s%s", name, strerror(errno),
		     kind == LIBC_MUSL ? " (the program is linked with musl: `make build` makes it where musl-gcc is installed)" : "");
	if (asprintf(&value, "%s%s%s%s%s%s", library, kind == LIBC_MUSL ? ":" : "", kind == LIBC_MUSL ? r->folder : "",
	             kind == LIBC_MUSL ? "/libfdtrace.so" : "", before && *before ? ":" : "", before && *before ? before : "") < 0)
		fail("out of memory");
	free(library);
	return value;
}

/* ---- the program ---- */

/* A program that is built with gcc's AddressSanitizer refuses to start when a library comes before its own; its option says that
 * this is meant (verify_asan_link_order, sanitizers' common flags). */
static void
set_environment(const struct run *r)
{
	const char *before = getenv("ASAN_OPTIONS");
	char *value;

	setenv("LD_PRELOAD", r->preload, 1);
	setenv(FDT_ENV, r->space.path, 1);
	if (asprintf(&value, "verify_asan_link_order=0%s%s", before ? ":" : "", before ? before : "") < 0)
		fail("out of memory");
	setenv("ASAN_OPTIONS", value, 1);
	free(value);
}

/* 0, 1 and 2 are open in the program, and none of them is a file of ours. */
static void
fill_standard(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

/* Everything from 3 on is closed at exec: what make, an editor or a shell leaked, and what is ours. */
static void
clean_table(bool keep)
{
	if (keep)
		return;
#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int fd = 3, top = (int)sysconf(_SC_OPEN_MAX); fd < top; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

_Noreturn static void
become_program(struct run *r, int report, int output[2][2])
{
	struct sigaction default_action = {.sa_handler = SIG_DFL};

	sigaction(SIGXFSZ, &default_action, NULL);
	sigprocmask(SIG_SETMASK, &r->mask, NULL);
	if (r->o.live) {
		dup2(output[0][1], 1);
		dup2(output[1][1], 2);
	}
	clean_table(r->o.keep_fds);
	execvp(r->argv[0], r->argv);
	int error = errno;

	(void)!write(report, &error, sizeof error);
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

static void
start_program(struct run *r)
{
	int report[2], output[2][2] = {{-1, -1}, {-1, -1}}, error;

	if (pipe2(report, O_CLOEXEC) < 0 ||
	    (r->o.live && (pipe2(output[0], O_CLOEXEC) < 0 || pipe2(output[1], O_CLOEXEC) < 0)))
		fail("cannot make a pipe: %s", strerror(errno));
	set_environment(r);
	if (r->o.notes >= 0)
		fcntl(r->o.notes, F_SETFD, FD_CLOEXEC);
	space_anchor(&r->space);
	r->pid = fork();
	if (r->pid < 0)
		fail("cannot start a process: %s", strerror(errno));
	if (r->pid == 0)
		become_program(r, report[1], output);
	r->running = true;
	r->space.header->first_pid = (uint32_t)r->pid;
	close(report[1]);
	for (int i = 0; i < 2; i++) {
		r->output[i] = output[i][0];
		if (output[i][0] >= 0) {
			close(output[i][1]);
			fcntl(output[i][0], F_SETFL, O_NONBLOCK);
		}
	}
	if (read(report[0], &error, sizeof error) == (ssize_t)sizeof error) {
		waitpid(r->pid, NULL, 0);
		unlink(r->space.path);
		fprintf(stderr, "fdtrace: %s: %s\n", r->argv[0], strerror(error));
		drop_scratch(r);
		exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
	}
	close(report[0]);
}

/* ---- while it runs ---- */

static const char *
program_name(const struct run *r)
{
	const char *slash = strrchr(r->argv[0], '/');

	return slash != NULL ? slash + 1 : r->argv[0];
}

static void
output_line(void *run, const char *text, size_t size)
{
	struct run *r = run;

	put_note(&r->space, program_name(r), "prints", text, size);
}

static void
take_output(struct run *r)
{
	for (int i = 0; i < 2; i++)
		if (r->output[i] >= 0 && !read_lines(r->output[i], &r->lines[i], output_line, r)) {
			close(r->output[i]);
			r->output[i] = -1;
		}
}

/* WHO TAB VERB TAB TEXT; the answer says that it is in the capture. */
static void
note_line(void *run, const char *text, size_t size)
{
	struct run *r = run;
	char who[64] = "", verb[64] = "", answer[32];
	const char *end = text + size, *tab = memchr(text, '\t', size);
	const char *second = tab != NULL ? memchr(tab + 1, '\t', (size_t)(end - tab - 1)) : NULL;

	if (second != NULL) {
		snprintf(who, sizeof who, "%.*s", (int)(tab - text), text);
		snprintf(verb, sizeof verb, "%.*s", (int)(second - tab - 1), tab + 1);
		text = second + 1;
	}
	take_output(r); /* what the program has printed by now stands before the note */
	put_note(&r->space, who, verb, text, (size_t)(end - text));
	if (r->running)
		sample_queues(&r->space, r->pid, true);
	int n = snprintf(answer, sizeof answer, "%llu\n", (unsigned long long)atomic_load(&r->space.header->cursor));

	if (r->live != NULL && live_step(r->live) < 0)
		r->live = NULL;
	(void)!write(r->o.notes, answer, (size_t)n);
}

static void
take_status(struct run *r)
{
	int status;

	if (!r->running || waitpid(r->pid, &status, WNOHANG) != r->pid)
		return;
	r->running = false;
	r->status = status;
	take_output(r); /* its last words come before its end */
	put_event(&r->space, FDT_CALL_ended, -1, r->pid, (uint64_t)(unsigned)status);
}

/* SIGTERM and SIGHUP are for the program. An interrupt from the terminal reaches it anyway. Returns true when fdtrace itself is
 * to stop: the program is gone, and only what it left behind still runs. */
static bool
take_signals(struct run *r)
{
	struct signalfd_siginfo info;
	bool stop = false;

	while (read(r->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		int sig = (int)info.ssi_signo;

		if (sig == SIGCHLD)
			take_status(r);
		else if (!r->running)
			stop = true;
		else if (sig == SIGTERM || sig == SIGHUP || info.ssi_code == SI_USER)
			kill(r->pid, sig);
	}
	return stop;
}

static void
take_input(struct run *r, struct pollfd *p)
{
	if (p[1].revents != 0 || p[2].revents != 0)
		take_output(r);
	if (p[3].revents != 0 && !read_lines(r->o.notes, &r->note_lines, note_line, r)) {
		close(r->o.notes);
		r->o.notes = -1;
	}
}

/* One round. Returns false when nothing is left to wait for. */
static bool
one_round(struct run *r)
{
	struct pollfd p[4] = {{r->signals, POLLIN, 0}, {r->output[0], POLLIN, 0}, {r->output[1], POLLIN, 0},
		{r->o.notes, POLLIN, 0}};
	bool watched = r->live != NULL; /* who writes notes has the queues looked at with each: a trace is the same each time then */
	int wait = space_next_anchor(&r->space);

	if (wait > 1000)
		wait = 1000;
	if ((watched || !r->running) && wait > 15)
		wait = 15;
	if (poll(p, 4, wait) < 0 && errno != EINTR)
		return false;
	take_input(r, p);
	if (p[0].revents != 0 && take_signals(r))
		return false;
	if (space_next_anchor(&r->space) == 0)
		space_anchor(&r->space);
	if (watched && r->running)
		sample_queues(&r->space, r->pid, false);
	if (r->live != NULL && live_step(r->live) < 0)
		r->live = NULL;
	return r->running || space_in_use(&r->space, 0);
}

static bool
ever_joined(const struct run *r)
{
	const struct fdt_header *h = r->space.header;

	if (atomic_load(&h->attached_over) > 0)
		return true;
	for (uint64_t i = 0; i < atomic_load(&h->cursor) && i < atomic_load(&h->allocated); i++)
		if (r->space.slots[i].call == FDT_CALL_start && (atomic_load(&r->space.slots[i].commit) & 3) == FDT_DONE)
			return true;
	return false;
}

static int
finish(struct run *r)
{
	take_output(r);
	bool joined = ever_joined(r);

	space_close(&r->space, (uint32_t)r->status);
	if (r->live != NULL)
		live_close(r->live);
	drop_scratch(r);
	if (!joined) {
		fprintf(stderr, "fdtrace: %s ran, but libfdtrace.so was never loaded into it (its environment was cleared, or "
		        "its dynamic linker ignores LD_PRELOAD): there is no trace\n", r->argv[0]);
		return EXIT_FDTRACE;
	}
	return WIFSIGNALED(r->status) ? 128 + WTERMSIG(r->status) : WEXITSTATUS(r->status);
}

static void
catch_signals(struct run *r)
{
	sigset_t set;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	static const int caught[] = {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT};

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
		sigaddset(&set, caught[i]);
	sigprocmask(SIG_BLOCK, &set, &r->mask);
	sigaction(SIGXFSZ, &ignore, NULL);
	r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0)
		fail("cannot watch signals: %s", strerror(errno));
}

int
run_main(int argc, char **argv)
{
	static struct run r;
	static struct fdt_header trial;
	char path[PATH_MAX], error[256];

	fill_standard();
	read_options(&r.o, argc, argv);
	r.argv = argv + optind;
	memset(trial.only, 0xff, sizeof trial.only);
	read_specs(&r.o, &trial);
	find_libraries(&r);
	r.preload = preload_value(&r, look_at_program(r.argv[0], path));
	catch_signals(&r);
	space_make(&r.space, r.o.file, (uint64_t)r.o.max_slots, (uint64_t)r.o.reserve_mb << 20);
	fill_run_header(&r);
	read_specs(&r.o, r.space.header);
	start_program(&r);
	space_start_growing(&r.space);
	if (r.o.notes >= 0)
		fcntl(r.o.notes, F_SETFL, O_NONBLOCK);
	if (r.o.live && (r.live = live_open(r.space.path, &r.o.view, error, sizeof error)) == NULL)
		fprintf(stderr, "fdtrace: no live view: %s\n", error);
	while (one_round(&r))
		;
	return finish(&r);
}
