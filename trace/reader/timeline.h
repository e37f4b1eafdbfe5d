/* trace/reader/timeline.h: events in the order in which they took effect.
 *
 * Slots are in the order calls began; what a call does to a table of descriptors it does before it returns. A timeline gives
 * two steps for each event: BEGIN, in slot order, and END, once it has returned. Before a BEGIN come the ENDs of all calls
 * that had returned by then, earliest first. So a step sees what the program could have seen.
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

/* The next step. The event belongs to the timeline and is good until the next call. */
enum step timeline_next(struct timeline *t, struct event **ev);

/* Calls of this process that have begun and not returned and may end descriptor `number` (close, dup2, close_range ...):
 * gives them one after another, newest first. `after` is NULL at first. */
struct inflight {
	struct inflight *next;
	uint64_t seq, slot, began;
	int64_t begin;
	uint64_t where;
	uint32_t pid, tid, life, thread;
	uint16_t call;
	int32_t first, last;  /* numbers that it ends, or first > last */
	uint32_t ended;       /* model.h: the life that it is known to have ended by now, or 0 */
};
struct inflight *timeline_ending(struct timeline *t, uint32_t pid, int number, const struct inflight *after);

/* The threads, by number from 1: what each is doing. */
struct thread {
	uint32_t pid, tid;
	int64_t last;        /* when its last event began */
	bool busy;           /* it is inside the call below */
	uint64_t seq, slot;
	int64_t begin;
	uint16_t call;
	int32_t fd;
	uint32_t life;
};
uint32_t timeline_threads(const struct timeline *t);
const struct thread *timeline_thread(const struct timeline *t, uint32_t number);
struct capture *timeline_capture(const struct timeline *t);

#endif
