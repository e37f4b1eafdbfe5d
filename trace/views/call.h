/* trace/views/call.h: a call as a line of C-like text: `select(5, r{3,4#2}, 2 s)` and `1  r{4#2}  after 1.203 s`. */
#ifndef FDT_CALL_H
#define FDT_CALL_H

#include "reader/model.h"
#include "reader/text.h"

/* The event as the program wrote it: name and arguments. */
void out_call(struct out *o, struct model *m, const struct event *ev);
/* What came of it, with the "= ". */
void out_result(struct out *o, struct model *m, const struct event *ev, const struct effects *effects);
/* A flag argument by its name, as calls.tab says. */
void out_argument(struct out *o, const struct event *ev, int i);
/* "error=EMFILE": the fault that was injected. */
void out_fault(struct out *o, const struct model *m, const struct event *ev);
/* "1.204 s", "87 us": a span of time for people who read logs. */
void out_span(struct out *o, int64_t ns);
/* Seconds with as many decimals as they need: 2, 0.797; at least `least` of them. */
void out_exact(struct out *o, int64_t ns, int least);

#endif
