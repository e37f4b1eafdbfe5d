/* trace/reader/events.c: slots -> events. See events.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reader/events.h"

#include "reader/map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	TAIL_BYTES = FDT_TAIL_MAX * FDT_TAIL_ROOM,
	SCRATCHES = 3, /* two for capture_next, so that the last event but one stays good, and one for capture_event */
	GAP_MS = 100,  /* how long a live reader waits for a slot that is claimed and not written */
};
#define DROP_BYTES ((uint64_t)16 << 20) /* pages that lie so far behind are given back */
#define LONGEST    ((int64_t)1 << 60)   /* ns; what lies beyond is damage. The sum of two still fits */

/* What a running capture still had open when it was read first: it counts as open when it is read again. */
struct frozen {
	uint64_t slot;
	bool unwritten;
};

struct capture {
	char *path;
	int fd;               /* -1: memory */
	unsigned char *bytes; /* the file, header and all */
	uint64_t size;        /* bytes of it that are mapped */
	struct fdt_header header;
	uint64_t slots;     /* whole slots that are there */
	uint64_t limit;     /* slots below this may be looked at */
	uint64_t next, seq; /* where capture_next() goes on */
	uint64_t dropped;   /* pages below this were given back */
	uint64_t unwritten, beyond;
	bool live, running, whole_pass;
	struct frozen *frozen;
	uint32_t nfrozen, frozen_room, frozen_at;
	uint64_t gap_slot, gap_limit, gap_ms; /* live: the slot that is waited for */
	struct fdt_anchor anchors[FDT_ANCHORS];
	double slopes[FDT_ANCHORS];
	unsigned nanchors, segment;
	unsigned char *scratch[SCRATCHES];
	unsigned turn;
};

/* ---- opening ---- */

static void
say(char *error, size_t size, const struct capture *c, const char *format, ...)
{
	va_list ap;
	int n = snprintf(error, size, "%s: ", c->path);

	for (char *p = error; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	if (n < 0 || (size_t)n >= size)
		return;
	va_start(ap, format);
	vsnprintf(error + n, size - (size_t)n, format, ap);
	va_end(ap);
}

static bool
map_file(struct capture *c, uint64_t size)
{
	void *p;

	if (c->bytes != NULL)
		munmap(c->bytes, c->size);
	c->bytes = NULL;
	c->size = 0;
	if (size > SIZE_MAX / 2)
		return false;
	p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, c->fd, 0);
	if (p == MAP_FAILED)
		return false;
	c->bytes = p;
	c->size = size;
	c->dropped = 0;
	return true;
}

/* The words of the header that change while a run goes on. */
static uint64_t
header_cursor(const struct capture *c)
{
	const struct fdt_header *h = (const struct fdt_header *)(const void *)c->bytes;

	return atomic_load_explicit(&h->cursor, memory_order_acquire);
}

/* Anchors that run forward; a damaged one is left out. */
static void
read_anchors(struct capture *c)
{
	const struct fdt_header *h = &c->header;
	uint32_t count = h->nanchors < FDT_ANCHORS ? h->nanchors : FDT_ANCHORS;

	c->nanchors = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct fdt_anchor a = h->anchors[i];
		const struct fdt_anchor *before = &c->anchors[c->nanchors - (c->nanchors > 0)];

		if (c->nanchors > 0 && (a.ticks <= before->ticks || a.ns < before->ns))
			continue;
		if (c->nanchors > 0)
			c->slopes[c->nanchors - 1] = (double)(a.ns - before->ns) / (double)(a.ticks - before->ticks);
		c->anchors[c->nanchors++] = a;
	}
	if (c->nanchors > 0)
		c->slopes[c->nanchors - 1] = c->nanchors > 1 ? c->slopes[c->nanchors - 2] : 1.0;
	c->segment = 0;
}

static bool
alive(uint32_t pid)
{
	return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static void
refresh(struct capture *c)
{
	uint64_t cursor;

	memcpy(&c->header, c->bytes, sizeof c->header);
	c->slots = (c->size - FDT_HEADER_SIZE) / FDT_SLOT_SIZE;
	cursor = header_cursor(c);
	c->limit = cursor < c->slots ? cursor : c->slots;
	c->running = c->fd >= 0 && !c->header.ended && alive(c->header.launcher_pid);
	read_anchors(c);
}

static bool
check_header(struct capture *c, char *error, size_t size)
{
	struct fdt_header h;
	size_t there = c->size < sizeof h ? (size_t)c->size : sizeof h;

	memset(&h, 0, sizeof h);
	memcpy(&h, c->bytes, there);
	if (memcmp(h.magic, FDT_MAGIC, there < sizeof h.magic ? there : sizeof h.magic) != 0)
		say(error, size, c, "not a capture of fdtrace; `fdtrace run -o FILE PROGRAM` makes one");
	else if (c->size < FDT_HEADER_SIZE)
		say(error, size, c, "cut off within its header: %llu bytes of %d; nothing can be shown",
			(unsigned long long)c->size, FDT_HEADER_SIZE);
	else if (h.version != FDT_VERSION && __builtin_bswap32(h.version) <= 0xff)
		say(error, size, c, "made on a machine with another byte order; read it there");
	else if (h.version != FDT_VERSION)
		say(error, size, c, "format %u, and this fdtrace reads format %d; use the fdtrace that made it",
			(unsigned)h.version, FDT_VERSION);
	else if (h.header_size != FDT_HEADER_SIZE || h.slot_size != FDT_SLOT_SIZE)
		say(error, size, c, "damaged header: sizes %u and %u, where format %d has %d and %d",
			(unsigned)h.header_size, (unsigned)h.slot_size, FDT_VERSION, FDT_HEADER_SIZE, FDT_SLOT_SIZE);
	else if (h.calls_hash != FDT_CALLS_HASH)
		say(error, size, c,
			"made by an fdtrace with another table of calls (%08x, here %08x); use that one, or record again",
			(unsigned)h.calls_hash, (unsigned)FDT_CALLS_HASH);
	else
		return true;
	return false;
}

static struct capture *
new_capture(const char *path)
{
	struct capture *c = more(NULL, 1, sizeof *c);

	memset(c, 0, sizeof *c);
	c->path = strcpy(more(NULL, strlen(path) + 1, 1), path);
	c->fd = -1;
	for (int i = 0; i < SCRATCHES; i++)
		c->scratch[i] = more(NULL, TAIL_BYTES, 1);
	return c;
}

static bool
open_file(struct capture *c, char *error, size_t size)
{
	struct stat st;

	/* O_NONBLOCK: a FIFO must not hold us; it is refused below. */
	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) < 0)
		say(error, size, c, "%s%s", strerror(errno),
			errno == ENOENT ? "; `fdtrace run -o FILE PROGRAM` makes a capture" : "");
	else if (!S_ISREG(st.st_mode))
		say(error, size, c, "%s, not a capture; name the file that `fdtrace run -o FILE` made",
			S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	else if (st.st_size == 0)
		say(error, size, c, "an empty file; the run that was to write it never began");
	else if (!map_file(c, (uint64_t)st.st_size))
		say(error, size, c, "cannot map it: %s", strerror(errno));
	else
		return check_header(c, error, size);
	return false;
}

struct capture *
capture_open(const char *path, char *error, size_t size)
{
	struct capture *c = new_capture(path);

	if (!open_file(c, error, size)) {
		capture_close(c);
		return NULL;
	}
	refresh(c);
	return c;
}

struct capture *
capture_memory(const void *bytes, size_t length, char *error, size_t size)
{
	struct capture *c = new_capture("memory");

	c->bytes = aligned_alloc(64, length / 64 * 64 + 64);
	c->size = length;
	if (c->bytes == NULL || length == 0) {
		say(error, size, c, "%s", length == 0 ? "no bytes" : "out of memory");
		capture_close(c);
		return NULL;
	}
	memcpy(c->bytes, bytes, length);
	if (!check_header(c, error, size)) {
		capture_close(c);
		return NULL;
	}
	refresh(c);
	return c;
}

void
capture_close(struct capture *c)
{
	if (c == NULL)
		return;
	if (c->bytes != NULL && c->fd >= 0)
		munmap(c->bytes, c->size);
	else
		free(c->bytes);
	if (c->fd >= 0)
		close(c->fd);
	for (int i = 0; i < SCRATCHES; i++)
		free(c->scratch[i]);
	free(c->frozen);
	free(c->path);
	free(c);
}

/* ---- times ---- */

static int64_t
within(double ns)
{
	return ns > 0 ? ns < (double)LONGEST ? (int64_t)ns : LONGEST : 0; /* NaN is damage too: 0 */
}

int64_t
capture_ns(const struct capture *c, uint64_t ticks)
{
	struct capture *cache = (struct capture *)(uintptr_t)c; /* only which segment was right last time */
	unsigned i = c->segment;
	int64_t offset;

	if (c->header.clock != FDT_CLOCK_TSC || c->nanchors == 0) {
		uint64_t ns = ticks - (c->header.clock == FDT_CLOCK_TSC ? c->header.start_ticks : c->header.start_ns);

		return ns <= (uint64_t)LONGEST ? (int64_t)ns : ns >> 63 ? 0 : LONGEST;
	}
	while (i + 1 < c->nanchors && ticks >= c->anchors[i + 1].ticks)
		i++;
	while (i > 0 && ticks < c->anchors[i].ticks)
		i--;
	cache->segment = i;
	offset = (int64_t)(c->anchors[i].ns - c->header.start_ns);
	if (offset > LONGEST || offset < -LONGEST)
		return 0;
	return within((double)offset + (double)(int64_t)(ticks - c->anchors[i].ticks) * c->slopes[i]);
}

/* ---- one slot ---- */

static const struct fdt_slot *
slot_at(const struct capture *c, uint64_t index)
{
	return (const struct fdt_slot *)(const void *)(c->bytes + FDT_HEADER_SIZE + index * FDT_SLOT_SIZE);
}

/* FDT_EMPTY also for a slot that says it is another one. */
static unsigned
state_of(const struct capture *c, uint64_t index)
{
	uint64_t commit = atomic_load_explicit(&slot_at(c, index)->commit, memory_order_acquire);

	return commit >> 2 == index + 1 ? (unsigned)(commit & 3) : FDT_EMPTY;
}

static bool
is_head(const struct capture *c, uint64_t index)
{
	unsigned state = state_of(c, index);
	const struct fdt_slot *s = slot_at(c, index);

	return (state == FDT_BEGUN || state == FDT_DONE) && s->call < FDT_CALLS && call_infos[s->call].name != NULL;
}

/* Copies the tail behind a head, as far as it is whole. Returns how many bytes; *slots says how many slots. */
static uint32_t
gather(const struct capture *c, uint64_t index, unsigned count, unsigned char *into, unsigned *slots)
{
	unsigned i = 0;

	if (count > FDT_TAIL_MAX)
		count = FDT_TAIL_MAX;
	while (i < count && index + 1 + i < c->slots && state_of(c, index + 1 + i) == FDT_TAIL) {
		memcpy(into + (size_t)i * FDT_TAIL_ROOM, (const char *)slot_at(c, index + 1 + i) + 8, FDT_TAIL_ROOM);
		i++;
	}
	*slots = i;
	return i * FDT_TAIL_ROOM;
}

static void
read_arguments(struct event *ev, uint64_t first)
{
	struct bytes rest = event_item(ev, FDT_ITEM_ARGS);
	int n = (int)(rest.size / sizeof(int64_t));

	memset(ev->args, 0, sizeof ev->args);
	memcpy(&ev->args[0], &first, sizeof first);
	n = n < CALL_KEPT - 1 ? n : CALL_KEPT - 1;
	if (n > 0)
		memcpy(&ev->args[1], rest.at, (size_t)n * sizeof(int64_t));
	ev->nargs = 1 + n;
}

static void
read_items(struct event *ev, const unsigned char *tail, uint32_t size)
{
	uint32_t at = 0;

	ev->have = 0;
	while (size - at >= 4) {
		uint16_t intro[2];
		uint32_t length;

		memcpy(intro, tail + at, sizeof intro);
		at += 4;
		if (intro[0] == FDT_ITEM_END)
			return;
		length = intro[1] < size - at ? intro[1] : size - at;
		if (length < intro[1])
			ev->flags |= FDT_EV_CUT;
		if (intro[0] < EVENT_ITEMS && !(ev->have >> intro[0] & 1)) {
			ev->have |= 1u << intro[0];
			ev->items[intro[0]] = (struct bytes){tail + at, length};
		}
		length = (length + 3) & ~3u;
		at += length < size - at ? length : size - at;
	}
}

/* Reads the event whose head this is. Returns the slots it takes. */
static unsigned
decode(const struct capture *c, uint64_t index, bool done, struct event *ev, unsigned char *into)
{
	const struct fdt_slot *s = slot_at(c, index);
	unsigned slots = 0, count = s->tail;
	uint32_t size = 0;
	uint64_t begin = s->begin;

	ev->slot = index;
	ev->done = done;
	ev->call = s->call;
	ev->info = &call_infos[s->call];
	ev->pid = s->pid;
	ev->tid = s->tid;
	ev->fd = s->fd;
	ev->flags = s->flags;
	ev->fault = s->fault;
	ev->where = s->where;
	ev->has_fd = !(s->flags & FDT_EV_NO_FD);
	ev->ret = done ? s->ret : 0;
	ev->error = done ? s->error : 0;
	ev->begin = ev->end = capture_ns(c, begin);
	if (done && s->spent > 0)
		ev->end = capture_ns(c, begin + s->spent);
	if (ev->end < ev->begin)
		ev->end = ev->begin;
	ev->have = 0;
	if (count > 0) {
		size = gather(c, index, count, into, &slots);
		if (slots < count)
			ev->flags |= FDT_EV_CUT;
		read_items(ev, into, size);
	}
	read_arguments(ev, s->arg);
	ev->life = ev->thread = 0;
	ev->began = 0;
	ev->inflight = NULL;
	return 1 + slots;
}

/* ---- one after another ---- */

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * Behind a slot that was never written: in a file the next one; in a file with holes the next one that has data. Asked for
 * before it is touched: where the file lies in memory (tmpfs), to look into a hole is to fill it.
 */
static void
pass_over(struct capture *c)
{
	off_t offset, data;

	c->unwritten += state_of(c, c->next) != FDT_TAIL;
	c->next++;
	offset = (off_t)(FDT_HEADER_SIZE + c->next * FDT_SLOT_SIZE);
	if (c->fd < 0 || c->live || offset % 65536 != 0)
		return;
	data = lseek(c->fd, offset, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		c->unwritten += c->limit - c->next;
		c->next = c->limit;
	} else if (data >= offset + FDT_SLOT_SIZE) {
		uint64_t to = ((uint64_t)data - FDT_HEADER_SIZE) / FDT_SLOT_SIZE;

		to = to < c->limit ? to : c->limit;
		c->unwritten += to - c->next;
		c->next = to;
	}
}

/* Live: is it too early to give this slot up? All slots below gap_limit were claimed when the waiting began. */
static bool
still_waiting(struct capture *c)
{
	if (!c->live || !c->running || state_of(c, c->next) == FDT_TAIL || c->next < c->gap_limit)
		return false;
	if (c->gap_slot != c->next + 1) {
		c->gap_slot = c->next + 1;
		c->gap_ms = now_ms();
		return true;
	}
	if (now_ms() - c->gap_ms < GAP_MS)
		return true;
	c->gap_limit = c->limit;
	return false;
}

/* A running capture that is read twice must say the same twice: what was open the first time counts as open the second. */
static bool
frozen(struct capture *c, bool unwritten)
{
	if (!c->running || c->live)
		return false;
	if (c->whole_pass) {
		while (c->frozen_at < c->nfrozen && c->frozen[c->frozen_at].slot < c->next)
			c->frozen_at++;
		return c->frozen_at < c->nfrozen && c->frozen[c->frozen_at].slot == c->next &&
		       c->frozen[c->frozen_at].unwritten == unwritten;
	}
	c->frozen = grow(c->frozen, c->nfrozen, &c->frozen_room, sizeof *c->frozen);
	c->frozen[c->nfrozen++] = (struct frozen){c->next, unwritten};
	return true;
}

static void
drop_pages(struct capture *c)
{
	uint64_t behind = (FDT_HEADER_SIZE + c->next * FDT_SLOT_SIZE) & ~(DROP_BYTES - 1);

	if (c->fd < 0 || behind <= c->dropped + DROP_BYTES)
		return;
	madvise(c->bytes + c->dropped, behind - DROP_BYTES - c->dropped, MADV_DONTNEED);
	c->dropped = behind - DROP_BYTES;
}

/* The end, and beyond: a header with a damaged cursor must not hide what is there. */
static bool
at_end(struct capture *c)
{
	if (c->next < c->limit)
		return false;
	if (c->running || c->live || c->next >= c->slots || !is_head(c, c->next))
		return true;
	c->limit = c->next + 1;
	c->beyond++;
	return false;
}

enum read_state
capture_next(struct capture *c, struct event *ev)
{
	while (!at_end(c)) {
		bool done;

		if (!is_head(c, c->next) || (c->whole_pass && frozen(c, true))) {
			if (still_waiting(c))
				return READ_END;
			if (!c->whole_pass)
				frozen(c, true);
			pass_over(c);
			continue;
		}
		done = state_of(c, c->next) == FDT_DONE;
		if (c->whole_pass ? frozen(c, false) : !done && frozen(c, false))
			done = false;
		c->turn ^= 1;
		ev->seq = ++c->seq;
		c->next += decode(c, c->next, done, ev, c->scratch[c->turn]);
		drop_pages(c);
		return READ_EVENT;
	}
	c->whole_pass |= !c->live;
	return READ_END;
}

bool
capture_event(struct capture *c, uint64_t slot, uint64_t seq, struct event *ev)
{
	if (slot >= c->slots || !is_head(c, slot))
		return false;
	decode(c, slot, state_of(c, slot) == FDT_DONE, ev, c->scratch[2]);
	ev->seq = seq;
	return true;
}

bool
capture_returned(const struct capture *c, uint64_t slot)
{
	return slot < c->slots && state_of(c, slot) == FDT_DONE;
}

void
capture_rewind(struct capture *c)
{
	c->next = c->seq = c->unwritten = 0;
	c->frozen_at = 0;
	c->dropped = 0;
	c->segment = 0;
}

void
capture_live(struct capture *c, bool live)
{
	c->live = live;
}

bool
capture_poll(struct capture *c)
{
	struct stat st;

	if (c->fd < 0)
		return false;
	if (fstat(c->fd, &st) == 0 && (uint64_t)st.st_size != c->size && st.st_size >= FDT_HEADER_SIZE) {
		/* Never beyond the end of the file: touching a page there is SIGBUS. */
		if (!map_file(c, (uint64_t)st.st_size)) {
			c->running = false;
			return false;
		}
	}
	refresh(c);
	return c->running;
}

bool
capture_running(const struct capture *c)
{
	return c->running;
}

/* ---- what is not whole ---- */

void
capture_state(const struct capture *c, struct capture_state *state)
{
	const struct fdt_header *h = &c->header;

	*state = (struct capture_state){
		.lost = h->lost,
		.lost_from = h->no_space_from != 0 ? capture_ns(c, h->no_space_from) : -1,
		.unwritten = c->unwritten,
		.missing = !c->running && h->cursor > c->slots ? h->cursor - c->slots : 0,
		.ended = h->ended == 1,
		.running = c->running,
		.no_times = h->clock == FDT_CLOCK_TSC && c->nanchors < 2,
		.status = (int)h->status,
	};
}

void
capture_problem(const struct capture *c, char *line, size_t size)
{
	struct capture_state s;
	size_t used = 0;

	capture_state(c, &s);
	line[0] = '\0';
#define ADD(...) \
	do { \
		if (used < size) \
			used += (size_t)snprintf(line + used, size - used, __VA_ARGS__); \
	} while (0)
#define NEXT (used > 0 ? "; " : "")
	if (s.running)
		ADD("%sthe run still goes on: this is what was there", NEXT);
	else if (s.missing > 0)
		ADD("%scut off: %llu of %llu slots are here", NEXT, (unsigned long long)c->slots,
			(unsigned long long)c->header.cursor);
	else if (!s.ended)
		ADD("%snot closed by its launcher: the end may be missing", NEXT);
	if (s.unwritten > 0)
		ADD("%s%llu slots were never written or are damaged, and are passed over", NEXT,
			(unsigned long long)s.unwritten);
	if (c->beyond > 0)
		ADD("%sthe header counts fewer events than there are", NEXT);
	if (s.lost > 0)
		ADD("%s%llu events are lost: there was no space for them", NEXT, (unsigned long long)s.lost);
	if (s.no_times)
		ADD("%stimes are guesses: the clock was never compared with another", NEXT);
#undef ADD
#undef NEXT
}

const struct fdt_header *
capture_header(const struct capture *c)
{
	return &c->header;
}

const char *
capture_path(const struct capture *c)
{
	return c->path;
}

/* ---- items ---- */

int
event_count(const struct event *ev, enum fdt_item kind)
{
	return (int)(event_item(ev, kind).size / sizeof(int32_t));
}

/* The i-th element of an item that is an array of things of this size. */
static bool
element(const struct event *ev, enum fdt_item kind, int i, void *into, size_t size)
{
	struct bytes item = event_item(ev, kind);

	if (i < 0 || (size_t)i >= item.size / size)
		return false;
	memcpy(into, item.at + (size_t)i * size, size);
	return true;
}

int32_t
event_fd(const struct event *ev, enum fdt_item kind, int i)
{
	int32_t fd = -1;

	element(ev, kind, i, &fd, sizeof fd);
	return fd;
}

bool
event_sets(const struct event *ev, struct select_sets *sets)
{
	struct bytes item = event_item(ev, FDT_ITEM_SETS);
	struct fdt_sets head;
	uint32_t at = sizeof head;

	memset(sets, 0, sizeof *sets);
	if (item.size < sizeof head)
		return false;
	memcpy(&head, item.at, sizeof head);
	sets->passed = head.nfds;
	sets->nfds = head.nfds < 0 ? 0 : head.nfds < head.bytes * 8 ? head.nfds : head.bytes * 8;
	sets->back = ev->done && head.out == 1;
	for (int way = 0; way < 2; way++)
		for (int i = 0; i < 3; i++) {
			uint32_t left = item.size - at, n = head.bytes < left ? head.bytes : left;

			if (!(head.present >> i & 1) || (way == 1 && !sets->back))
				continue;
			(way == 0 ? sets->in : sets->out)[i] = (struct bytes){item.at + at, n};
			at += n;
		}
	return true;
}

bool
event_timeout(const struct event *ev, struct fdt_timeout *timeout)
{
	if (!element(ev, FDT_ITEM_TIMEOUT, 0, timeout, sizeof *timeout))
		return false;
	if (timeout->ns > LONGEST)
		timeout->ns = LONGEST;
	if (timeout->ns < -1)
		timeout->ns = -1;
	if (timeout->left > LONGEST || timeout->left < -1)
		timeout->left = -1;
	return true;
}

bool
event_poll(const struct event *ev, int i, struct fdt_poll *poll)
{
	return element(ev, FDT_ITEM_POLL, i, poll, sizeof *poll);
}

bool
event_epoll(const struct event *ev, int i, struct fdt_epoll *epoll)
{
	return element(ev, FDT_ITEM_EPOLL, i, epoll, sizeof *epoll);
}

bool
event_stat(const struct event *ev, struct fdt_stat *stat)
{
	return element(ev, FDT_ITEM_STAT, 0, stat, sizeof *stat);
}

bool
event_queue(const struct event *ev, uint32_t *queued)
{
	return element(ev, FDT_ITEM_QUEUE, 0, queued, sizeof *queued);
}

bool
event_is_wait(const struct event *ev)
{
	switch (ev->info->shape) {
	case SHAPE_select:
	case SHAPE_pselect:
	case SHAPE_poll:
	case SHAPE_ppoll:
	case SHAPE_epoll_wait:
	case SHAPE_epoll_pwait2: return true;
	default: return false;
	}
}
