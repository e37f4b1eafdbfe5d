/* trace/views/live.h: the turns of a run while it goes on: `fdtrace run --live`, `fdtrace turns --follow`.
 *
 *     struct live_options options = {.fd = 1};
 *     struct live *live = live_open("trace.fdt", &options, error, sizeof error);
 *     while (the program runs)
 *         live_step(live);        // every 15 ms or so, and after each note: does not wait
 *     live_close(live);           // the rows that are still due
 */
#ifndef FDT_LIVE_H
#define FDT_LIVE_H

#include <stddef.h>

enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };

struct narrow_options;
struct live_options {
	int fd;             /* where to print */
	int width;          /* 0: the terminal's, COLUMNS, or 80 */
	enum when colour;   /* WHEN_AUTO: on a terminal, without NO_COLOR */
	int ascii;          /* no line drawing even when the locale has it */
	int all;            /* nothing is folded */
	int no_where;
	const struct narrow_options *narrow; /* NULL: all of the run */
};

struct live;
struct live *live_open(const char *capture_path, const struct live_options *options, char *error, size_t size);
/* Shows what is due by now. 1: the run goes on; 0: the capture was closed and all is shown; -1: nobody reads us any more. */
int live_step(struct live *live);
void live_close(struct live *live);

#endif
