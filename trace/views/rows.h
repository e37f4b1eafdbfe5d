/* trace/views/rows.h: turns as rows on a screen, with the notes among them, in the order of time.
 *
 * The same rows for a file and for a run that goes on: they are printed as steps come, and rows_time() tells how late it is. A
 * turn's row is printed when the turn is complete. A thread that sits in one call in the middle of a turn gets its row before that,
 * with what it sits in; after that only what is new.
 */
#ifndef FDT_ROWS_H
#define FDT_ROWS_H

#include "reader/turns.h"
#include "views/screen.h"

struct rows;

/* `whole`: the model knows the future (a replay): all columns are known from the beginning. */
struct rows *rows_open(struct model *m, struct out *o, const struct live_options *options, bool whole);
void rows_step(struct rows *r, enum step step, const struct event *ev, const struct effects *effects);
/* It is `now` (ns since the run began), and no step before that is still to come. */
void rows_time(struct rows *r, int64_t now);
/* No more steps: the rows that are still due, and what is not whole. */
void rows_close(struct rows *r);

#endif
