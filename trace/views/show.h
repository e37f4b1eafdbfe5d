/* trace/views/show.h: what all views do alike: arguments, opening, closing, saying what is not whole. */
#ifndef FDT_SHOW_H
#define FDT_SHOW_H

#include "reader/model.h"
#include "reader/text.h"
#include "reader/where.h"
#include "views/live.h"

struct view_options {
	const char *name;    /* of the command */
	const char *capture;
	const char *output;  /* NULL: stdout */
	bool no_where, follow;
	uint32_t first_turn, last_turn; /* --turns a-b; UINT32_MAX: to the end */
	struct live_options live; /* width, colour, ascii, all */
};

/* Options that a command takes besides --help, -o and CAPTURE. */
enum { TAKES_WHERE = 1, TAKES_SCREEN = 2, TAKES_FOLLOW = 4, TAKES_TURNS = 8 };

struct view {
	struct view_options o;
	struct capture *capture;
	struct timeline *timeline;
	struct model *model;
	struct where *where;
	struct out out;
	uint32_t modules; /* that `where` knows */
	bool to_file;
};

/* Reads the arguments. Returns -1 to go on, or the status to exit with. */
int view_arguments(struct view_options *o, int argc, char **argv, unsigned takes, const char *help);
/* Where the output goes: 1, or the file of -o. -1: it cannot be written, and that was said. */
int view_output(const struct view_options *o);
/* Opens the capture (for a replay, or live) and the output. Returns -1 to go on, or the status. */
int view_open(struct view *v, bool live);
/* Flushes and closes, says on stderr what was not whole. Returns the status. */
int view_close(struct view *v);
/* The source line of an event; "" when none is known. */
const char *view_where(struct view *v, const struct event *ev);
/* True when nobody takes the output any more. */
static inline bool
view_broken(const struct view *v)
{
	return v->out.error != 0;
}

#endif
