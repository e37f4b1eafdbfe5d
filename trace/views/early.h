/* trace/views/early.h: findings while the program still runs, among the rows of the live view. */
#ifndef FDT_EARLY_H
#define FDT_EARLY_H

#include "rules/rules.h"
#include "views/live.h"

struct early;

struct early *early_open(struct model *m, const struct live_options *options);
/* After model_step(). */
void early_step(struct early *e, enum step step, struct event *ev, const struct effects *effects);
/* Prints what is new: of each rule a finding a second at most. `now`: ns since the run began. */
void early_show(struct early *e, struct out *o, int64_t now);
void early_close(struct early *e);

#endif
