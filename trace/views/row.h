/* trace/views/row.h: one row: columns, lanes, wrapping. rows.c says when. */
#ifndef FDT_ROW_H
#define FDT_ROW_H

#include "views/narrow.h"
#include "views/rows.h"

/* What of a thread's turn is on the screen. */
struct shown {
	uint32_t number; /* of the turn */
	bool begun;      /* its row, and more is to come */
	bool ended;
	uint64_t stuck;  /* the call (event) that it was shown to sit in */
};

struct rows {
	struct model *model;
	struct turns *turns;
	struct out *out;
	struct screen screen;
	struct narrow narrow; /* which turns are shown; it counts turns here */
	bool all, whole;
	int64_t now, next_look;

	struct columns columns; /* used: when it was last ready, born or ended */
	bool header_due, who; /* who: several processes or threads */
	uint64_t nrows, header_row;

	struct shown *shown; /* by thread number - 1 */
	uint32_t nshown, shown_room;

	uint64_t shape;      /* of the last turn that was shown */
	uint32_t same;       /* turns since that looked the same */
	int64_t same_since, same_time;
	struct out twice;    /* the first of them, as a row */

	struct out notes;    /* those that wait for a row, PIECE_END behind each */
	int64_t note_since;
	struct out woke, then;
};

/* The columns that can be known before the first row. */
void row_lanes_known(struct rows *r);
/* A descriptor was born that gets a column. */
void row_lanes_of(struct rows *r, const struct effects *effects);
/* A turn from its i-th act on; from 0 with its head. `stuck`: the call that it sits in, or NULL. */
void row_turn(struct rows *r, const struct turn *t, int from, const struct thread *stuck);
void row_same(struct rows *r);
void row_note(struct rows *r, const struct event *ev); /* into r->notes */
void row_notes(struct rows *r);
void row_ended(struct rows *r, int status);
void row_problem(struct rows *r);

#endif
