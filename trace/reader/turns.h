/* trace/reader/turns.h: turns: one wait of one thread, and all that the thread did because of it until its next wait.
 *
 * What a thread does before its first wait is its turn 0. A turn is told in two sentences: why the wait returned (`woke`) and
 * what was done (`then`). select itself only knows that a descriptor is ready; that it was a new connection or the end of a
 * file is what the later calls found out, so the first sentence is whole only when the turn is.
 */
#ifndef FDT_TURNS_H
#define FDT_TURNS_H

#include "reader/model.h"
#include "reader/text.h"

enum act_kind {
	ACT_OPENED,   /* life was born */
	ACT_CLOSED,   /* life ended */
	ACT_READ,     /* value bytes */
	ACT_WROTE,
	ACT_EOF,
	ACT_FAILED,   /* call, error */
	ACT_LISTENS,
	ACT_STARTED,  /* a child: value is its pid */
	ACT_BECAME,   /* exec */
	ACT_EXITED,   /* value is the status */
	ACT_STAYED,   /* a call that is no wait took value ns: the next act is what came of it */
};

struct act {
	uint8_t kind;
	bool injected;
	uint16_t call, error;
	uint32_t life;
	int32_t number;    /* the descriptor, also where its life is not known; -1: none */
	uint32_t times;    /* the same, so many times in a row */
	int64_t value;
	int64_t asked;     /* bytes that were asked for; -1: not known */
	uint64_t seq;      /* the first of them */
};

#define TURN_LONG 200000000 /* ns that a call takes to be worth a word */

enum { TURN_ACTS = 64 }; /* acts that are kept of a turn; the others are counted */

struct turn {
	uint32_t thread, pid, tid;
	uint32_t number;   /* of this thread's turns, from 1; 0: before the first wait */
	uint64_t first, last; /* events; first: the wait */
	uint64_t began;    /* the step at which the wait began */
	uint16_t call;     /* the wait; 0 in turn 0 */
	uint16_t error;
	bool woke;         /* the wait has returned */
	bool injected;
	int32_t ret;
	int64_t begin, end; /* of the wait */
	int64_t timeout, left; /* ns; -1: none, not known */
	uint64_t where;
	struct watched *watched;
	int nwatched;
	uint32_t watched_room;
	struct act *acts;
	int nacts, shown;  /* shown: acts before this were told; they are not put together with later ones */
	uint32_t acts_room;
	uint64_t more;     /* acts that were not kept */
	uint64_t passing;  /* files that were opened and closed within the turn, or were not there: no acts */
	int64_t over;      /* when the last call of it returned */
};

/* Follows the threads of a model. Feed every step after model_step(); turns_step() gives the turn that this step completed
 * (a thread's next wait began, or its process became another one), or NULL. It is good until the next call. */
struct turns;
struct turns *turns_open(struct model *m);
void turns_close(struct turns *t);
const struct turn *turns_step(struct turns *t, enum step step, const struct event *ev, const struct effects *effects);
/* The turn that a thread is in, or NULL. And, at the end: those that never were completed, one after another. */
const struct turn *turns_current(const struct turns *t, uint32_t thread);
/* The acts so far of a thread's turn were told. */
void turns_shown(struct turns *t, uint32_t thread);
/* A digest of what the turn looks like in a row: equal turns fold. */
uint64_t turn_shape(const struct turn *t);

/* "4 readable, 3 new connection", "TIMEOUT, none ready", "interrupted (EINTR)". */
void turn_woke(struct out *o, struct model *m, const struct turn *t);
/* The acts from the i-th on that are told together: "+4#2 D", "end of file: -4 A", "read 4=5"; nothing where what was told
 * before has told it. Returns the next i. */
int turn_act(struct out *o, struct model *m, const struct turn *t, int i);
/* Both, as a sentence: "select woke: 4 readable; the read then returned 0: end of file". */
void turn_sentence(struct out *o, struct model *m, const struct turn *t);
/* One event as a sentence: "accept took a new connection as 4#2: the lowest free number". */
void event_sentence(struct out *o, struct model *m, const struct event *ev, const struct effects *effects);

#endif
