/* trace/run/space.c: the capture's file: made, grown ahead of the program, and cut to size at the end.
 *
 * Space is really allocated before a program may write to it: a full disk is an error here and never a SIGBUS there. The pages
 * are touched here too, so that the program pays for a page-table entry and not for a block of the file system.
 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { FIRST_SPACE = 4096, STEP_MAX = 1 << 20 }; /* slots: 256 KiB, 64 MiB */

#define ARRIVAL_NS 1000000000u /* how long a daemon's child may take to its first instruction */

static pthread_t grower;
static bool growing;
static _Atomic bool stop_growing;
static uint64_t next_anchor_ns;

/* ---- clocks ---- */

static uint64_t
monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Whether the kernel itself trusts the time stamp counter: then it is the same on every core and never stops. */
static bool
kernel_uses_tsc(void)
{
#if defined(__x86_64__)
	char name[16] = "";
	int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof name - 1);

	if (fd >= 0)
		close(fd);
	return got >= 4 && strncmp(name, "tsc\n", 4) == 0;
#else
	return false;
#endif
}

/* Reads both clocks as closely together as they can be. */
static struct fdt_anchor
read_clocks(const struct fdt_header *h)
{
	struct fdt_anchor best = {0, 0};
#if defined(__x86_64__)
	uint64_t gap = UINT64_MAX;

	for (int i = 0; h->clock == FDT_CLOCK_TSC && i < 8; i++) {
		uint64_t before = __rdtsc(), ns = monotonic_ns(), after = __rdtsc();

		if (after - before < gap) {
			gap = after - before;
			best = (struct fdt_anchor){before + gap / 2, ns};
		}
	}
#endif
	if (h->clock == FDT_CLOCK_MONOTONIC) {
		uint64_t ns = monotonic_ns();

		best = (struct fdt_anchor){ns, ns};
	}
	return best;
}

void
space_anchor(struct space *s)
{
	struct fdt_header *h = s->header;
	uint32_t n = atomic_load_explicit(&h->nanchors, memory_order_relaxed);
	struct fdt_anchor a = read_clocks(h);

	if (n >= FDT_ANCHORS)
		n = FDT_ANCHORS - 1;
	h->anchors[n] = a;
	atomic_store_explicit(&h->nanchors, n + 1, memory_order_release);
	/* Ever more rarely, so that a day takes no more of them than two hundred. */
	uint64_t age = a.ns - h->start_ns;

	next_anchor_ns = a.ns + (age / 8 > 2000000 ? age / 8 : 2000000);
}

int
space_next_anchor(const struct space *s)
{
	uint64_t ns = monotonic_ns();

	(void)s;
	return next_anchor_ns <= ns ? 0 : (int)((next_anchor_ns - ns) / 1000000) + 1;
}

/* ---- the file ---- */

static uint64_t
bytes_of(uint64_t slots)
{
	return FDT_HEADER_SIZE + slots * FDT_SLOT_SIZE;
}

/* Makes slots up to `want` usable. Returns 0 or an errno value. */
static int
add_space(struct space *s, uint64_t want)
{
	struct fdt_header *h = s->header;
	uint64_t have = atomic_load(&h->allocated);
	int error;

	if (want > h->max_slots)
		want = h->max_slots;
	if (want <= have)
		return ENOSPC;
	error = posix_fallocate(s->fd, (off_t)bytes_of(have), (off_t)((want - have) * FDT_SLOT_SIZE));
	if (error != 0)
		return error;
	char *from = (char *)h + (bytes_of(have) & ~(uint64_t)4095), *to = (char *)h + bytes_of(want);

	madvise(from, (size_t)(to - from), MADV_POPULATE_WRITE); /* before Linux 5.14 the program's own touch does it */
	atomic_store_explicit(&h->allocated, want, memory_order_release);
	syscall(SYS_futex, &h->allocated, FUTEX_WAKE, INT_MAX);
	return 0;
}

/* How much should be there: half as much again as was used, between 1 and 64 MiB ahead; and what a short run needs, before it is
 * seen to be a longer one (the program asks when it has used the first FDT_FIRST_SLOTS).
 */
static uint64_t
wanted(const struct fdt_header *h)
{
	uint64_t cursor = atomic_load(&h->cursor), ahead = cursor / 2;

	if (cursor < FDT_FIRST_SLOTS)
		return FIRST_SPACE;
	ahead = ahead < FDT_CHUNK_SLOTS ? FDT_CHUNK_SLOTS : ahead;
	ahead = ahead > STEP_MAX ? STEP_MAX : ahead;
	return cursor + ahead;
}

static void *
grow(void *space)
{
	struct space *s = space;
	struct fdt_header *h = s->header;

	while (!atomic_load(&stop_growing)) {
		uint32_t asked = atomic_load(&h->want_space);
		uint64_t want = wanted(h), have = atomic_load(&h->allocated);
		struct timespec pause = {0, 100 * 1000 * 1000};

		if (want > have && !s->full) {
			/* In small steps: a program that waits for the first of them goes on at once. */
			uint64_t step = want - have > FDT_CHUNK_SLOTS ? FDT_CHUNK_SLOTS : want - have;

			if (add_space(s, have + step) != 0) {
				s->full = true;
				atomic_store(&h->launcher_gone, 1);
			}
			continue;
		}
		syscall(SYS_futex, &h->want_space, FUTEX_WAIT, asked, &pause);
	}
	return NULL;
}

void
space_start_growing(struct space *s)
{
	sigset_t all, old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	growing = pthread_create(&grower, NULL, grow, s) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!growing)
		fail("cannot start the thread that grows the capture: %s", strerror(errno));
}

/* RLIMIT_FSIZE: growing past it would be a SIGXFSZ, so it is looked at first (setrlimit(2)). */
static uint64_t
file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_FSIZE, &r) < 0 || r.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return r.rlim_cur;
}

static char *
absolute(const char *path)
{
	char cwd[PATH_MAX], *whole = NULL;

	if (path[0] == '/')
		whole = strdup(path);
	else if (getcwd(cwd, sizeof cwd) == NULL || asprintf(&whole, "%s/%s", cwd, path) < 0)
		fail("cannot tell the working directory: %s", strerror(errno));
	return whole;
}

static void
fill_header(struct fdt_header *h, uint64_t max_slots)
{
	struct timespec real;

	memcpy(h->magic, FDT_MAGIC, sizeof h->magic);
	h->version = FDT_VERSION;
	h->header_size = FDT_HEADER_SIZE;
	h->slot_size = FDT_SLOT_SIZE;
	h->calls_hash = FDT_CALLS_HASH;
	h->clock = kernel_uses_tsc() ? FDT_CLOCK_TSC : FDT_CLOCK_MONOTONIC;
	h->max_slots = max_slots;
	h->launcher_pid = (uint32_t)getpid();
	h->data_bytes = 32;
	h->flags = FDT_RUN_FORKS;
	memset(h->only, 0xff, sizeof h->only);
	clock_gettime(CLOCK_REALTIME, &real);
	h->start_realtime = (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
	if (getcwd(h->cwd, sizeof h->cwd) == NULL)
		h->cwd[0] = '\0';
	struct fdt_anchor a = read_clocks(h);

	h->start_ticks = a.ticks;
	h->start_ns = a.ns;
	h->anchors[0] = a;
	atomic_store(&h->nanchors, 1);
	next_anchor_ns = a.ns + 1000000;
}

/* A file that is mounted over the capture's name (a sandbox gives away one file of a folder, and no more) cannot be replaced, and
 * its folder may be read-only: that file is written in place. 0 or an errno. */
static int
write_in_place(struct space *s)
{
	s->fd = open(s->path, O_RDWR | O_TRUNC | O_CLOEXEC);
	return s->fd < 0 ? errno : posix_fallocate(s->fd, 0, (off_t)bytes_of(FIRST_SPACE));
}

/* A new file under a name of its own, which then takes the place of the old one: whoever still maps that keeps it. 0 or an errno. */
static int
replace_file(struct space *s)
{
	char *scratch;
	int error;

	if (asprintf(&scratch, "%s.%d", s->path, (int)getpid()) < 0)
		fail("out of memory");
	s->fd = open(scratch, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (s->fd < 0) {
		error = errno;
	} else {
		error = posix_fallocate(s->fd, 0, (off_t)bytes_of(FIRST_SPACE));
		if (error == 0 && rename(scratch, s->path) != 0)
			error = errno;
		if (error != 0) {
			unlink(scratch);
			close(s->fd);
		}
	}
	free(scratch);
	return error;
}

static void
make_file(struct space *s, const char *given)
{
	struct stat st;

	if (stat(s->path, &st) == 0 && !S_ISREG(st.st_mode))
		fail("cannot write the capture %s: it is there and is not a file; choose another name with -o", given);
	int error = replace_file(s);

	if (error == EBUSY || error == EROFS) /* mounted over the name; and in a folder that is read-only */
		error = write_in_place(s);
	if (error != 0)
		fail("cannot write the capture %s: %s; choose another place with -o", given, strerror(error));
}

void
space_make(struct space *s, const char *given, uint64_t max_slots, uint64_t reserve)
{
	s->path = absolute(given);
	s->limit = file_limit();
	if (s->limit < bytes_of(FIRST_SPACE))
		fail("the limit on file size (ulimit -f) is %llu bytes; a capture needs %llu at least: raise it",
		     (unsigned long long)s->limit, (unsigned long long)bytes_of(FIRST_SPACE));
	if ((s->limit - FDT_HEADER_SIZE) / FDT_SLOT_SIZE < max_slots)
		max_slots = (s->limit - FDT_HEADER_SIZE) / FDT_SLOT_SIZE;
	if (max_slots < FIRST_SPACE)
		max_slots = FIRST_SPACE;
	make_file(s, given);
	s->header = mmap(NULL, bytes_of(max_slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, s->fd, 0);
	if (s->header == MAP_FAILED)
		fail("cannot map the capture %s: %s", given, strerror(errno));
	s->slots = (struct fdt_slot *)(void *)((char *)s->header + FDT_HEADER_SIZE);
	fill_header(s->header, max_slots);
	int error = add_space(s, FIRST_SPACE);

	while (error == 0 && atomic_load(&s->header->allocated) * FDT_SLOT_SIZE < reserve)
		error = add_space(s, atomic_load(&s->header->allocated) + FDT_CHUNK_SLOTS);
	s->header->reserved = reserve > 0 ? atomic_load(&s->header->allocated) : 0;
	if (error != 0) {
		unlink(s->path);
		fail("cannot write the capture %s: %s; choose another place with -o", given, strerror(error));
	}
}

/* ---- the end ---- */

/* Whether a process has this file mapped: its device and inode stand in /proc/PID/maps (proc(5)). */
static bool
maps_file(pid_t pid, const struct stat *st)
{
	char name[64], line[PATH_MAX + 128], want[64];
	FILE *maps;
	bool found = false;

	snprintf(name, sizeof name, "/proc/%d/maps", (int)pid);
	snprintf(want, sizeof want, " %lu ", (unsigned long)st->st_ino);
	maps = fopen(name, "re");
	if (maps == NULL)
		return errno != ENOENT && errno != ESRCH && kill(pid, 0) == 0; /* not to be seen: say yes */
	while (!found && fgets(line, sizeof line, maps) != NULL)
		found = strstr(line, want) != NULL;
	fclose(maps);
	return found;
}

/* A daemon's child that has not made itself known: it is waited for, but not for ever, as it may have died. */
static bool
still_arriving(const struct space *s)
{
	static uint64_t since;

	if (atomic_load(&s->header->arriving) == 0) {
		since = 0;
		return false;
	}
	if (since == 0)
		since = monotonic_ns();
	return monotonic_ns() - since < ARRIVAL_NS;
}

bool
space_in_use(struct space *s, pid_t except)
{
	struct stat st;
	bool used = false;

	if (fstat(s->fd, &st) < 0)
		return true;
	for (int i = 0; i < FDT_ATTACHED; i++) {
		uint32_t pid = atomic_load(&s->header->attached[i]);

		if (pid == 0 || pid == (uint32_t)except)
			continue;
		if (maps_file((pid_t)pid, &st))
			used = true;
		else
			atomic_compare_exchange_strong(&s->header->attached[i], &pid, 0);
	}
	return used || atomic_load(&s->header->attached_over) > 0 || still_arriving(s);
}

void
space_close(struct space *s, uint32_t status)
{
	struct fdt_header *h = s->header;

	atomic_store(&stop_growing, true);
	syscall(SYS_futex, &h->want_space, FUTEX_WAKE, 1);
	if (growing)
		pthread_join(grower, NULL);
	space_anchor(s);
	atomic_store(&h->launcher_gone, 1);
	atomic_store(&h->status, status);
	if (!space_in_use(s, 0)) {
		uint64_t used = atomic_load(&h->cursor), have = atomic_load(&h->allocated);

		used = used < have ? used : have;
		atomic_store(&h->allocated, used);
		if (ftruncate(s->fd, (off_t)bytes_of(used)) < 0)
			fprintf(stderr, "fdtrace: cannot cut %s to size: %s\n", s->path, strerror(errno));
	}
	atomic_store(&h->ended, 1);
}
