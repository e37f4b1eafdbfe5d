/* trace/views/html_source.h: the source files that the events of a page name, to be shown beside them. */
#ifndef FDT_HTML_SOURCE_H
#define FDT_HTML_SOURCE_H

#include "reader/model.h"
#include "reader/text.h"
#include "reader/where.h"

struct sources;
struct sources *sources_open(struct model *m, struct where *w);
void sources_close(struct sources *s);
/* `line` is where_line()'s answer for this event, "server.c:61": its file is looked for when it is named for the first time. */
void sources_see(struct sources *s, const struct event *ev, uint32_t image, const char *line);
/* JSON: {"name":"server.c","text":"..."} each; instead of a text "changed":1 when the file is newer than the run. */
void sources_write(const struct sources *s, struct out *o);

#endif
