/* trace/views/follow.c: `fdtrace follow`: the objects of `fdtrace json` while the run goes on, each as soon as its call returns.
 *
 *     fdtrace follow trace.fdt | grep --line-buffered EOF
 */
#include "views/object.h"
#include "views/show.h"
#include "views/views.h"

#include "reader/map.h"

#include <stdlib.h>
#include <time.h>

static const char help[] =
	"usage: fdtrace follow [OPTION]... CAPTURE\n"
	"Prints each event as a JSON object on a line of its own as soon as the call has returned. A call that has not returned when\n"
	"all others have been shown comes once with \"unfinished\":true, and again when it returns. Ends when the run does.\n"
	"\n"
	"  -o FILE      write to FILE\n"
	"  --no-where   no source lines\n"
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

enum { LOOK_MS = 2, NEVER_MORE = 1 << 16 };

/* The calls that were given as unfinished, by slot. */
struct given {
	uint64_t *slots;
	uint32_t count, room;
};

static void
give(struct view *v, const struct event *ev, const struct effects *e)
{
	out_object(&v->out, v->model, ev, e, view_where(v, ev), true);
	out_line(&v->out);
}

static bool
was_given(struct given *g, uint64_t slot, bool forget)
{
	for (uint32_t i = 0; i < g->count; i++)
		if (g->slots[i] == slot) {
			if (forget)
				g->slots[i] = g->slots[--g->count];
			return true;
		}
	return false;
}

/* All that is there was shown: now those that are on their way. */
static void
give_unfinished(struct view *v, struct given *g)
{
	static const struct effects none;
	struct event ev;

	for (uint32_t i = 1; i <= timeline_threads(v->timeline); i++) {
		const struct thread *t = timeline_thread(v->timeline, i);

		if (!t->busy || was_given(g, t->slot, false) || g->count >= NEVER_MORE ||
			!capture_event(v->capture, t->slot, t->seq, &ev))
			continue;
		ev.done = false;
		ev.ret = 0;
		ev.error = 0;
		ev.end = ev.begin = t->begin;
		ev.life = t->life;
		ev.thread = i;
		ev.began = t->began;
		g->slots = grow(g->slots, g->count, &g->room, sizeof *g->slots);
		g->slots[g->count++] = t->slot;
		give(v, &ev, &none);
	}
}

static void
pause_ms(long ms)
{
	struct timespec ts = {0, ms * 1000000};

	nanosleep(&ts, NULL);
}

/* Everything that is there by now. Returns false at the end of the run. */
static bool
catch_up(struct view *v, struct given *g)
{
	struct effects e;
	struct event *ev;
	enum step step;

	while ((step = timeline_next(v->timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(v->model, step, ev, &e);
		if (step == STEP_END) {
			was_given(g, ev->slot, true);
			give(v, ev, &e);
		}
		if (view_broken(v))
			return false;
	}
	give_unfinished(v, g);
	out_flush(&v->out);
	return step == STEP_IDLE && !view_broken(v);
}

int
follow_main(int argc, char **argv)
{
	struct view v;
	struct given given = {0};
	int status = view_arguments(&v.o, argc, argv, TAKES_WHERE, help);

	if (status >= 0 || (status = view_open(&v, true)) >= 0)
		return status;
	while (catch_up(&v, &given)) {
		pause_ms(LOOK_MS);
		capture_poll(v.capture);
	}
	free(given.slots);
	return view_close(&v);
}
