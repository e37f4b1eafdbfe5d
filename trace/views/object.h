/* trace/views/object.h: an event as a JSON object. */
#ifndef FDT_OBJECT_H
#define FDT_OBJECT_H

#include "reader/model.h"
#include "reader/text.h"

/* One line, without the newline. `at` is the source line, or "". Without `sets` it is not told what a wait watched. */
void out_object(struct out *o, struct model *m, const struct event *ev, const struct effects *effects, const char *at, bool sets);

/* A wait's sets and timer alone: ,"watch":{...},"ready":{...},"timeout":2.0,"left":0.797 */
void out_wait_members(struct out *o, struct model *m, const struct event *ev);

#endif
