/* trace/reader/timeline.h: events in the order in which they took effect.
 *
 * Slots are in the order calls began; what a call does to a table of descriptors it does before it returns. A timeline gives
 * two steps for each event: BEGIN, in slot order, and END, once it has returned. Before a BEGIN come the ENDs of all calls
 * that had returned by then, earliest first. So a step sees what the program could have seen: a call's clock is read before
 * its slot is taken, and what has a later slot cannot have returned before that.
 */
#ifndef FDT_TIMELINE_H
#define FDT_TIMELINE_H

#include "reader/events.h"

struct timeline;

enum step {
	STEP_BEGIN,
	STEP_END,
	STEP_IDLE, /* live: all that is there so far was given; capture_poll(), and ask again */
	STEP_OVER, /* all was given; what has not ended never will */
};

struct timeline *timeline_open(struct capture *c, bool live);
void timeline_close(struct timeline *t);
void timeline_rewind(struct timeline *t);
struct capture *timeline_capture(const struct timeline *t);
bool timeline_live(const struct timeline *t);

/* The next step. The event belongs to the timeline and is good until the next call. */
enum step timeline_next(struct timeline *t, struct event **ev);

/* A call on its way: it has begun, and its END has not been given. ev->inflight at a BEGIN and at an END. */
struct inflight {
	struct inflight *before, *after; /* of those that change a table, the newest first */
	uint64_t seq, slot, began;
	int64_t begin, end; /* end: -1 as long as it is not known */
	uint64_t where;
	uint32_t pid, tid, life, thread;
	uint16_t call;
	bool listed, makes;  /* makes: it may return a new descriptor */
	int32_t first, last; /* numbers that it may end, or first > last */
	uint32_t ended;      /* model.h: a life that it is known to have ended by now, or 0 */
};
/* The calls on their way of this process that may end descriptor `number` (close, dup2, close_range ...) one after another;
 * `after` is NULL at first. And whether one is on its way that may make one. `but` does not count. */
struct inflight *timeline_ending(struct timeline *t, uint32_t pid, int number, const struct event *but, struct inflight *after);
uint32_t timeline_table_calls(const struct timeline *t); /* how many of both there are */
bool timeline_making(const struct timeline *t, uint32_t pid, const struct event *but);

/* The threads, by number from 1: what each is doing. */
struct thread {
	uint32_t pid, tid;
	int64_t last;  /* when its last event began */
	bool busy;     /* it is inside the call below */
	uint64_t seq, slot;
	int64_t begin;
	uint16_t call;
	int32_t fd;
	uint32_t life;
	uint64_t began; /* the step */
	struct inflight *open; /* timeline.c's own */
};
uint32_t timeline_threads(const struct timeline *t);
const struct thread *timeline_thread(const struct timeline *t, uint32_t number);

#endif
