/* trace/views/show.h: what all views do alike: arguments, opening, closing, saying what is not whole. */
#ifndef FDT_SHOW_H
#define FDT_SHOW_H

#include "reader/model.h"
#include "reader/text.h"
#include "reader/where.h"
#include "views/live.h"
#include "views/narrow.h"

struct view_options {
	const char *name;    /* of the command */
	const char *capture, *second; /* second: of a command that takes two */
	const char *output;  /* NULL: stdout */
	bool no_where, no_sets, follow;
	struct narrow_options narrow;
	struct live_options live; /* width, colour, ascii, all */
};

/* Options that a command takes besides --help, -o and CAPTURE. */
enum { TAKES_WHERE = 1, TAKES_ALL = 2, TAKES_SCREEN = 4 | TAKES_ALL, TAKES_FOLLOW = 8, TAKES_NARROW = 16, TAKES_TWO = 32, TAKES_SETS = 64 };

/* What --help says of the options that all views share. */
#define NARROW_HELP \
	"  --since=TIME     what was going on at TIME or later; seconds of the run, as in 1.5 or 300ms\n" \
	"  --until=TIME     what began at TIME or before\n" \
	"  --turns=A-B      these turns, as `fdtrace turns` numbers them; 0 is before the first wait\n" \
	"  --fd=N[,N#L]...  what happened on descriptor N, or in its L-th life alone, and what its client did\n" \
	"  --pid=N[,N]...   these processes or threads\n"


struct view {
	struct view_options o;
	struct capture *capture;
	struct timeline *timeline;
	struct model *model;
	struct where *where;
	struct narrow narrow;
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
/* What the narrowing options left out, as a line on stderr: where the output is no text for people. */
void view_left_out(const struct view *v, const char *what);
/* The source line of an event; "" when none is known. */
const char *view_where(struct view *v, const struct event *ev);
/* True when nobody takes the output any more. */
static inline bool
view_broken(const struct view *v)
{
	return v->out.error != 0;
}

#endif
