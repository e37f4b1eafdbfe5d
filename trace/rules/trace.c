/* trace/rules/trace.c: two notes on the trace itself: lost-events, and held-by-libc. */
#include "rules/engine.h"

static void
over_lost(struct check *c)
{
	struct capture_state s;
	struct finding *f;

	capture_state(model_capture(c->model), &s);
	if (s.lost + s.missing == 0)
		return;
	f = found(c, (struct site){0}, NULL);
	if (f == NULL)
		return;
	if (s.lost > 0)
		say(f, c, "%n events had no room in the capture", (int64_t)s.lost);
	if (s.lost > 0 && s.missing > 0)
		say(f, c, ", and ");
	if (s.missing > 0)
		say(f, c, "%n slots at its end are missing: the file was cut off", (int64_t)s.missing);
	say(f, c, ". What happened there is not judged, and a finding about what was never done may be wrong.");
}

const struct rule rule_lost_events = {
	.id = "lost-events",
	.severity = SEVERITY_NOTE,
	.title = "the capture is not whole",
	.why = "A rule that misses something (\"was never closed\") may only miss the event.",
	.advice = "Record again with more room: fdtrace run --max-events=N, or on a disk with more space.",
	.what = "Events that had no room, and slots that the file should have and does not.",
	.example = "-- cut off: 200000 of 1070318 slots are here; 435158 events are lost:\n"
		   "   there was no space for them",
	.mend = "fdtrace run --max-events=10000000 -o trace.fdt -- ./server 10 50000",
	.not_this = "A program that was killed: all that it did is there.",
	.over = over_lost,
};

static void
on_held(struct check *c)
{
	for (uint32_t i = 0; i < c->effects->nopened; i++) {
		const struct life *life = model_life(c->model, c->effects->opened[i]);
		struct finding *f;

		if (life->origin != BORN_FOUND || life->number <= 2)
			continue;
		f = found(c, (struct site){c->ev->seq, 0, c->ev->pid, life->number > 0 ? (uint32_t)life->number : 0},
			life);
		if (f == NULL)
			continue;
		f->opened = (struct site){0};
		say(f, c,
			"%L is open, and no call that fdtrace covers had opened it: it was seen first at event %n. "
			"Most likely libc holds it.",
			life, (int64_t)c->ev->seq);
	}
}

const struct rule rule_held_by_libc = {
	.id = "held-by-libc",
	.severity = SEVERITY_NOTE,
	.title = "a number is taken that the program did not open itself",
	.why = "It explains a hole: a new descriptor gets the lowest free number, and this one was not free.",
	.advice = "Nothing is to be done. Calls that keep a descriptor inside libc are, for example, syslog, "
		  "getpwent and setservent; a library may also make system calls of its own.",
	.what = "A descriptor that was found open, or that a call used with success, and that no covered call had "
		"returned.",
	.example = "  9  socket(AF_INET, SOCK_STREAM, 0)    = 4                 server.c:22\n"
		   " 10  resync                             {3}",
	.mend = "endpwent();     /* gives the number back */",
	.not_this = "What libc opens and closes within one call.",
	.end = CALLS_BIRTH,
	.on = on_held,
};
