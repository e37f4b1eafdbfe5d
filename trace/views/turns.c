/* trace/views/turns.c: `fdtrace turns`: one row a wait, a column a descriptor.
 *
 *     fdtrace turns build/lab2/trace.fdt
 */
#include "views/rows.h"
#include "views/show.h"
#include "views/views.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
	"usage: fdtrace turns [OPTION]... CAPTURE\n"
	"Prints one row for each wait (select, poll, epoll_wait and kin), a column for each descriptor:\n"
	"  *  passed, and came back     :  passed     .  closed     !  open, but not passed\n"
	"  -  open, but not for this wait     ?  passed, and not open\n"
	"then why the wait returned, and what was done because of it: +4#2 D is born, -4 A ends, read 4=5. What clients do and what\n"
	"the program prints stands among the rows.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --follow         show a run that still goes on, until it ends\n"
	"  --all            nothing is folded\n"
	"  --width=N        columns (the terminal's, COLUMNS, or 80)\n"
	"  --color=WHEN     always, never, auto (on a terminal, and NO_COLOR is not set)\n"
	"  --ascii          no line drawing\n"
	NARROW_HELP
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

enum { LOOK_MS = 15 };

static int
follow(struct view *v)
{
	struct timespec pause = {0, LOOK_MS * 1000000};
	struct live *live;
	char error[512];
	int fd = view_output(&v->o);

	if (fd < 0)
		return 2;
	v->o.live.fd = fd;
	live = live_open(v->o.capture, &v->o.live, error, sizeof error);
	if (live == NULL) {
		fprintf(stderr, "fdtrace: %s\n", error);
		return 2;
	}
	while (live_step(live) > 0)
		nanosleep(&pause, NULL);
	live_close(live);
	return 0;
}

int
turns_main(int argc, char **argv)
{
	struct view v;
	struct effects e;
	struct event *ev;
	struct rows *rows;
	enum step step;
	int status = view_arguments(&v.o, argc, argv, TAKES_SCREEN | TAKES_FOLLOW | TAKES_NARROW, help);

	if (status >= 0)
		return status;
	if (v.o.follow)
		return follow(&v);
	v.o.no_where = true;
	if ((status = view_open(&v, false)) >= 0)
		return status;
	v.o.live.fd = v.out.fd;
	rows = rows_open(v.model, &v.out, &v.o.live, true);
	while (!view_broken(&v) && ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(v.model, step, ev, &e);
		rows_step(rows, step, ev, &e);
	}
	rows_close(rows);
	return view_close(&v);
}
