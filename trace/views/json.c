/* trace/views/json.c: `fdtrace json`: one object a line, for programs. Its keys are described in trace/README.md.
 *
 *     fdtrace json build/lab2/trace.fdt | jq -c 'select(.call == "accept") | [.t, .opened[0].life]'
 */
#include "views/object.h"
#include "views/show.h"
#include "views/views.h"

static const char help[] =
	"usage: fdtrace json [OPTION]... CAPTURE\n"
	"Prints each event as a JSON object on a line of its own, in the order in which the calls began.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --no-where       no source lines\n"
	"  --no-sets        not which descriptors a wait watches: with thousands of them that is most of the output\n"
	NARROW_HELP
	"What these leave out is said on stderr.\n"
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

int
json_main(int argc, char **argv)
{
	struct view v;
	struct moment at;
	struct effects e;
	struct event *ev;
	enum step step;
	int status = view_arguments(&v.o, argc, argv, TAKES_WHERE | TAKES_SETS | TAKES_NARROW, help);

	if (status >= 0 || (status = view_open(&v, false)) >= 0)
		return status;
	while (!view_broken(&v) && ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(v.model, step, ev, &e);
		if (step != STEP_BEGIN)
			continue;
		narrow_step(&v.narrow, ev);
		moment_of(&at, v.model, ev, ev->pid);
		if (!narrow_event(&v.narrow, &at))
			continue;
		out_object(&v.out, v.model, ev, &at.effects, view_where(&v, ev), !v.o.no_sets);
		out_line(&v.out);
	}
	if (!view_broken(&v))
		view_left_out(&v, "events");
	return view_close(&v);
}
