/* trace/reader/timeline.c: see timeline.h.
 *
 * Calls that have returned wait in a heap, the earliest return on top. In a file that is as many as there are threads. Calls that
 * have not: in a file they never will and are forgotten, but for those that may have ended a descriptor; live they are looked at
 * again before each BEGIN.
 */
#include "reader/timeline.h"

#include "reader/map.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum {
	HEAP_MOST =
		1 << 14, /* more calls on their way than a machine has threads: damage; the oldest are taken as over */
	OPEN_MOST = 1 << 12, /* the same for those without an end */
};

struct timeline {
	struct capture *capture;
	bool live;
	struct event events[3];
	struct event *now, *next, *again; /* the last BEGIN, the one after it, and one that was read again */
	bool have_now, have_next;
	struct inflight **heap;
	uint32_t nheap, heap_room;
	struct inflight **open; /* live: begun and not returned */
	uint32_t nopen, open_room;
	struct inflight *free;
	struct inflight *table; /* those that change a table, newest first */
	uint32_t ntable;
	struct inflight *ended; /* the last END's: it is freed at the next step */
	struct thread *threads;
	uint32_t nthreads, threads_room;
	struct map by_tid;
	uint64_t last_key;
	uint32_t last_thread;
};

struct timeline *
timeline_open(struct capture *c, bool live)
{
	struct timeline *t = more(NULL, 1, sizeof *t);

	memset(t, 0, sizeof *t);
	t->capture = c;
	t->live = live;
	t->now = &t->events[0];
	t->next = &t->events[1];
	t->again = &t->events[2];
	capture_live(c, live);
	return t;
}

static void
free_list(struct inflight **list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		free(list[i]);
}

/* Those that are only in the table list: calls of a file that never returned. */
static void
free_table(struct timeline *t)
{
	for (struct inflight *f = t->table, *after; f != NULL; f = after) {
		after = f->after;
		if (!t->live && f->end < 0)
			free(f);
	}
	t->table = NULL;
	t->ntable = 0;
}

static void give_back(struct timeline *t, struct inflight *f);

static void
clear(struct timeline *t)
{
	if (t->have_now)
		give_back(t, t->now->inflight);
	if (t->ended != NULL)
		give_back(t, t->ended);
	free_table(t);
	free_list(t->heap, t->nheap);
	free_list(t->open, t->nopen);
	for (struct inflight *f = t->free, *after; f != NULL; f = after) {
		after = f->after;
		free(f);
	}
	t->free = t->ended = NULL;
	t->nheap = t->nopen = 0;
	t->have_now = t->have_next = false;
}

void
timeline_close(struct timeline *t)
{
	if (t == NULL)
		return;
	clear(t);
	free(t->heap);
	free(t->open);
	free(t->threads);
	map_free(&t->by_tid);
	free(t);
}

void
timeline_rewind(struct timeline *t)
{
	clear(t);
	for (uint32_t i = 0; i < t->nthreads; i++)
		t->threads[i] = (struct thread){.pid = t->threads[i].pid, .tid = t->threads[i].tid};
	capture_rewind(t->capture);
}

struct capture *
timeline_capture(const struct timeline *t)
{
	return t->capture;
}

bool
timeline_live(const struct timeline *t)
{
	return t->live;
}

uint32_t
timeline_threads(const struct timeline *t)
{
	return t->nthreads;
}

const struct thread *
timeline_thread(const struct timeline *t, uint32_t number)
{
	return number >= 1 && number <= t->nthreads ? &t->threads[number - 1] : NULL;
}

/* ---- the heap ---- */

static bool
earlier(const struct inflight *a, const struct inflight *b)
{
	return a->end != b->end ? a->end < b->end : a->seq < b->seq;
}

static void
heap_put(struct timeline *t, struct inflight *f)
{
	uint32_t at = t->nheap;

	t->heap = grow(t->heap, t->nheap, &t->heap_room, sizeof *t->heap);
	t->nheap++;
	while (at > 0 && earlier(f, t->heap[(at - 1) / 2])) {
		t->heap[at] = t->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	t->heap[at] = f;
}

static struct inflight *
heap_take(struct timeline *t)
{
	struct inflight *top = t->heap[0], *last = t->heap[--t->nheap];
	uint32_t at = 0, child;

	while ((child = 2 * at + 1) < t->nheap) {
		if (child + 1 < t->nheap && earlier(t->heap[child + 1], t->heap[child]))
			child++;
		if (!earlier(t->heap[child], last))
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = last;
	return top;
}

/* ---- calls on their way ---- */

static void
unlist(struct timeline *t, struct inflight *f)
{
	if (!f->listed)
		return;
	*(f->before != NULL ? &f->before->after : &t->table) = f->after;
	if (f->after != NULL)
		f->after->before = f->before;
	f->listed = false;
	t->ntable--;
}

static void
give_back(struct timeline *t, struct inflight *f)
{
	struct thread *thread = &t->threads[f->thread - 1];

	unlist(t, f);
	if (thread->open == f)
		thread->open = NULL;
	f->after = t->free;
	t->free = f;
}

/* Shapes whose calls may make a descriptor: see effects.c. */
static const bool makes[SHAPES] = {
	[SHAPE_make] = true,
	[SHAPE_socket] = true,
	[SHAPE_signalfd] = true,
	[SHAPE_pair] = true,
	[SHAPE_accept] = true,
	[SHAPE_open] = true,
	[SHAPE_dup] = true,
	[SHAPE_dup2] = true,
	[SHAPE_fcntl] = true,
	[SHAPE_ioctl] = true,
	[SHAPE_openpty] = true,
	[SHAPE_forkpty] = true,
	[SHAPE_fopen] = true,
	[SHAPE_freopen] = true,
	[SHAPE_opendir] = true,
	[SHAPE_stream] = true,
	[SHAPE_inside] = true,
	[SHAPE_lookup] = true,
	[SHAPE_recvmsg] = true,
	[SHAPE_recvmmsg] = true,
	[SHAPE_raw] = true,
	[SHAPE_pidspawn] = true,
};

/* What the call may do to its process's table. */
static void
table_part(const struct event *ev, struct inflight *f)
{
	f->first = 0;
	f->last = -1;
	f->makes = makes[ev->info->shape];
	switch (ev->info->shape) {
	case SHAPE_close:
	case SHAPE_fclose:
	case SHAPE_closedir:
	case SHAPE_freopen: f->first = f->last = ev->fd; break;
	case SHAPE_dup2: f->first = f->last = (int32_t)ev->args[0]; break;
	case SHAPE_range:
		f->first = ev->args[0] < INT32_MAX ? (int32_t)ev->args[0] : INT32_MAX;
		f->last = ev->args[1] >= 0 && ev->args[1] < INT32_MAX ? (int32_t)ev->args[1] : INT32_MAX;
		break;
	case SHAPE_closefrom:
		f->first = (int32_t)ev->args[0];
		f->last = INT32_MAX;
		break;
	default: break;
	}
}

static struct inflight *
take_inflight(struct timeline *t, const struct event *ev)
{
	struct inflight *f = t->free;

	if (f != NULL)
		t->free = f->after;
	else
		f = more(NULL, 1, sizeof *f);
	*f = (struct inflight){.seq = ev->seq,
		.slot = ev->slot,
		.begin = ev->begin,
		.end = ev->done ? ev->end : -1,
		.where = ev->where,
		.pid = ev->pid,
		.tid = ev->tid,
		.thread = ev->thread,
		.call = ev->call};
	table_part(ev, f);
	if (f->makes || f->first <= f->last) {
		f->after = t->table;
		if (t->table != NULL)
			t->table->before = f;
		t->table = f;
		f->listed = true;
		t->ntable++;
	}
	return f;
}

struct inflight *
timeline_ending(struct timeline *t, uint32_t pid, int number, const struct event *but, struct inflight *after)
{
	struct inflight *f = after == NULL ? t->table : after->after;

	while (f != NULL && (f->pid != pid || number < f->first || number > f->last || f->seq == but->seq))
		f = f->after;
	return f;
}

uint32_t
timeline_table_calls(const struct timeline *t)
{
	return t->ntable;
}

bool
timeline_making(const struct timeline *t, uint32_t pid, const struct event *but)
{
	for (const struct inflight *f = t->table; f != NULL; f = f->after)
		if (f->makes && f->pid == pid && f->seq != but->seq && f->tid != but->tid)
			return true;
	return false;
}

/* ---- threads ---- */

static uint32_t
thread_of(struct timeline *t, const struct event *ev)
{
	uint64_t key = (uint64_t)ev->pid << 32 | ev->tid;
	uint32_t number = t->last_thread;

	if (number != 0 && key == t->last_key)
		return number;
	number = map_get(&t->by_tid, key);
	if (number == 0) {
		t->threads = grow(t->threads, t->nthreads, &t->threads_room, sizeof *t->threads);
		t->threads[t->nthreads++] = (struct thread){.pid = ev->pid, .tid = ev->tid};
		number = t->nthreads;
		map_put(&t->by_tid, key, number);
	}
	t->last_key = key;
	t->last_thread = number;
	return number;
}

/* Time does not run backwards within a thread, whatever its clock said. */
static void
place(struct timeline *t, struct event *ev)
{
	struct thread *thread;

	ev->thread = thread_of(t, ev);
	thread = &t->threads[ev->thread - 1];
	if (ev->call == FDT_CALL_queue || ev->call == FDT_CALL_ended)
		return; /* the launcher tells of the program, on its own clock */
	if (ev->begin < thread->last)
		ev->begin = thread->last;
	if (ev->end < ev->begin)
		ev->end = ev->begin;
	thread->last = ev->begin;
}

/* ---- steps ---- */

/* A file's call that never returned: kept as long as its thread does nothing else, if it may have changed a table. */
static void
keep_unfinished(struct timeline *t, struct inflight *f)
{
	struct thread *thread = &t->threads[f->thread - 1];

	if (thread->open != NULL)
		give_back(t, thread->open);
	if (!f->listed || t->ntable > OPEN_MOST)
		give_back(t, f);
	else
		thread->open = f;
}

static void
keep_open(struct timeline *t, struct inflight *f)
{
	if (t->nopen == OPEN_MOST) {
		give_back(t, t->open[0]);
		memmove(t->open, t->open + 1, (size_t)--t->nopen * sizeof *t->open);
	}
	t->open = grow(t->open, t->nopen, &t->open_room, sizeof *t->open);
	t->open[t->nopen++] = f;
}

/* The event of the last BEGIN goes on its way. By now the model has said which life it names. */
static void
put_on_its_way(struct timeline *t)
{
	struct inflight *f = t->now->inflight;

	if (!t->have_now)
		return;
	t->have_now = false;
	f->life = t->now->life;
	f->began = t->now->began;
	if (t->threads[f->thread - 1].seq == f->seq) {
		t->threads[f->thread - 1].life = t->now->life;
		t->threads[f->thread - 1].began = t->now->began;
	}
	if (f->end >= 0)
		heap_put(t, f);
	else if (t->live)
		keep_open(t, f);
	else
		keep_unfinished(t, f);
}

/* Live: which of the calls without an end have one now? */
static void
look_again(struct timeline *t)
{
	for (uint32_t i = 0; i < t->nopen; i++) {
		struct inflight *f = t->open[i];

		if (!capture_returned(t->capture, f->slot) || !capture_event(t->capture, f->slot, f->seq, t->again))
			continue;
		f->end = t->again->end > f->begin ? t->again->end : f->begin;
		heap_put(t, f);
		t->open[i--] = t->open[--t->nopen];
	}
}

static enum step
step_begin(struct timeline *t, struct event **ev)
{
	struct event *spare = t->now;
	struct thread *thread;
	struct inflight *old;

	t->now = t->next;
	t->next = spare;
	t->have_next = false;
	t->have_now = true;
	thread = &t->threads[t->now->thread - 1];
	old = t->now->info->shape != SHAPE_event ? thread->open : NULL;
	if (old != NULL) { /* it went on without returning: killed within, or jumped out of it */
		thread->open = NULL;
		give_back(t, old);
	}
	t->now->inflight = take_inflight(t, t->now);
	*ev = t->now;
	if (t->now->info->shape == SHAPE_event)
		return STEP_BEGIN; /* befell it, while it was inside a call or not */
	thread->busy = true;
	thread->seq = t->now->seq;
	thread->slot = t->now->slot;
	thread->begin = t->now->begin;
	thread->call = t->now->call;
	thread->fd = t->now->has_fd ? t->now->fd : -1;
	thread->life = 0;
	return STEP_BEGIN;
}

static enum step
step_end(struct timeline *t, struct event **ev)
{
	struct inflight *f = heap_take(t);
	struct thread *thread = &t->threads[f->thread - 1];
	struct event *e = t->now;

	if (t->now->seq != f->seq || !t->now->done) {
		e = t->again;
		capture_event(t->capture, f->slot, f->seq,
			e); /* it was there before; if it is not now, the last one's items are harmless */
	}
	e->seq = f->seq;
	e->begin = f->begin;
	e->end = f->end;
	e->done = true;
	e->life = f->life;
	e->thread = f->thread;
	e->began = f->began;
	e->inflight = f;
	if (thread->seq == f->seq)
		thread->busy = false;
	t->ended = f;
	*ev = e;
	return STEP_END;
}

enum step
timeline_next(struct timeline *t, struct event **ev)
{
	if (t->ended != NULL)
		give_back(t, t->ended);
	t->ended = NULL;
	put_on_its_way(t);
	if (!t->have_next && capture_next(t->capture, t->next) == READ_EVENT) {
		place(t, t->next);
		t->have_next = true;
	}
	if (t->nopen > 0)
		look_again(t);
	if (t->nheap > 0 && (!t->have_next || t->heap[0]->end <= t->next->begin || t->nheap > HEAP_MOST))
		return step_end(t, ev);
	if (t->have_next)
		return step_begin(t, ev);
	*ev = NULL;
	return t->live && capture_running(t->capture) ? STEP_IDLE : STEP_OVER;
}
