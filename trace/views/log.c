/* trace/views/log.c: `fdtrace log`: one line an event.
 *
 *     fdtrace log build/lab2/trace.fdt | less
 */
#include "views/call.h"
#include "views/show.h"
#include "views/views.h"

static const char help[] =
	"usage: fdtrace log [OPTION]... CAPTURE\n"
	"Prints one line for each event: its number, when it began (seconds), the process, the call with its arguments, what came\n"
	"of it, and the source line. `4#2` is the second life of descriptor 4.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --no-where       no source lines\n"
	"  --all            also the objects that a program loads (libraries): they have numbers, and are left out otherwise\n"
	NARROW_HELP
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

enum { SEQ_WIDTH = 6, TIME_WIDTH = 10, PID_WIDTH = 7, TID_WIDTH = 18, CALL_WIDTH = 44, RESULT_WIDTH = 30 };

/* What was written since `from` becomes a column: `width` wide, and with at least so many spaces behind it. */
static void
column(struct out *o, size_t from, int width, int gap)
{
	int used = (int)(out_length(o) - from);

	out_pad(o, from, used + gap > width ? used + gap : width);
}

static void
time_column(struct out *o, int64_t ns)
{
	int width = 8;

	for (int64_t seconds = ns / 1000000000; seconds >= 10; seconds /= 10)
		width++;
	out_pad(o, out_length(o), width + 2 > TIME_WIDTH ? 2 : TIME_WIDTH - width);
	out_seconds(o, ns, 6);
	out_text(o, "  ");
}

static void
log_event(struct view *v, const struct event *ev, const struct effects *e, int pid_width)
{
	struct out *o = &v->out;
	const char *where = view_where(v, ev);
	size_t from;

	out_right(o, ev->seq, SEQ_WIDTH);
	time_column(o, ev->begin);
	from = out_length(o);
	out_right(o, ev->pid, 0);
	if (ev->tid != ev->pid) {
		out_char(o, '/');
		out_right(o, ev->tid, 0);
	}
	column(o, from, pid_width, 1);
	from = out_length(o);
	out_call(o, v->model, ev);
	column(o, from, CALL_WIDTH, 2);
	from = out_length(o);
	out_result(o, v->model, ev, e);
	if (where[0] != '\0') {
		column(o, from, RESULT_WIDTH, 2);
		out_text(o, where);
	}
	while (o->at[-1] == ' ')
		o->at--;
	out_line(o);
}

/* Wide enough for pid/tid, if there are threads. */
static int
pid_column(const struct view *v)
{
	for (uint32_t i = 1; i <= timeline_threads(v->timeline); i++) {
		const struct thread *t = timeline_thread(v->timeline, i);

		if (t->tid != t->pid)
			return TID_WIDTH;
	}
	return PID_WIDTH;
}

static void
log_header(struct view *v, int pid_width)
{
	struct out *o = &v->out;
	size_t from;

	out_text(o, "   seq      time  ");
	from = out_length(o);
	out_text(o, pid_width == PID_WIDTH ? "pid" : "pid/tid");
	column(o, from, pid_width, 1);
	from = out_length(o);
	out_text(o, "call");
	column(o, from, CALL_WIDTH, 2);
	from = out_length(o);
	out_text(o, "result");
	if (!v->o.no_where) {
		column(o, from, RESULT_WIDTH, 2);
		out_text(o, "where");
	}
	out_line(o);
}

static void
log_end(struct view *v)
{
	char problem[512];

	capture_problem(v->capture, problem, sizeof problem);
	if (problem[0] == '\0')
		return;
	out_text(&v->out, "-- ");
	out_text(&v->out, problem);
	out_line(&v->out);
}

int
log_main(int argc, char **argv)
{
	struct view v;
	struct moment at;
	struct effects e;
	struct event *ev;
	enum step step;
	int status = view_arguments(&v.o, argc, argv, TAKES_WHERE | TAKES_ALL | TAKES_NARROW, help), width;

	if (status >= 0 || (status = view_open(&v, false)) >= 0)
		return status;
	width = pid_column(&v);
	log_header(&v, width);
	while (!view_broken(&v) && ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(v.model, step, ev, &e);
		if (step != STEP_BEGIN)
			continue;
		narrow_step(&v.narrow, ev);
		if (ev->call == FDT_CALL_module && !v.o.live.all)
			continue;
		moment_of(&at, v.model, ev, ev->pid);
		if (narrow_event(&v.narrow, &at))
			log_event(&v, ev, &at.effects, width);
	}
	narrow_line(&v.narrow, &v.out, "events", 0);
	log_end(&v);
	return view_close(&v);
}
