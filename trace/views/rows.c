/* trace/views/rows.c: see rows.h. When a row is due is decided here; what it looks like, in row.c. */
#include "views/row.h"

#include "reader/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	MS = 1000000,
	STUCK = 200 * MS, /* so long in one call that is no wait: the row does not wait for the turn's end */
	RESTS = 10 * MS,  /* the same when a note waits to be shown */
	HOLD = 200 * MS,  /* a note waits so long at most for the row of the turn in which it came */
	FOLD = 1000 * MS, /* equal turns are counted for so long before the count is shown, live */
};

struct rows *
rows_open(struct model *m, struct out *o, const struct live_options *options, bool whole)
{
	struct rows *r = more(NULL, 1, sizeof *r);

	memset(r, 0, sizeof *r);
	r->model = m;
	r->out = o;
	r->turns = turns_open(m);
	r->screen = screen_of(options);
	r->all = options->all != 0;
	narrow_open(&r->narrow, m, options->narrow);
	r->whole = whole;
	r->next_look = INT64_MAX;
	out_open(&r->woke, -1);
	out_open(&r->then, -1);
	out_open(&r->twice, -1);
	out_open(&r->notes, -1);
	row_lanes_known(r);
	return r;
}

static struct shown *
shown_of(struct rows *r, uint32_t thread)
{
	while (r->nshown < thread) {
		r->shown = grow(r->shown, r->nshown, &r->shown_room, sizeof *r->shown);
		r->shown[r->nshown++] = (struct shown){0};
	}
	return &r->shown[thread - 1];
}

/* ---- equal turns ---- */

static void
end_fold(struct rows *r)
{
	if (r->same == 1)
		out_copy(r->out, r->twice.start, out_length(&r->twice));
	else if (r->same > 1)
		row_same(r);
	r->same = 0;
	r->same_time = 0;
	out_reset(&r->twice);
}

/* Returns true when the turn is counted and not shown. */
static bool
folds(struct rows *r, const struct turn *t)
{
	uint64_t shape = turn_shape(t);
	struct out *screen = r->out;

	if (r->all || t->number == 0 || shape != r->shape) {
		end_fold(r);
		r->shape = shape;
		return false;
	}
	if (r->same == 0)
		r->same_since = t->begin;
	r->same++;
	r->same_time += t->end - t->begin;
	if (r->same == 1) { /* shown as it is when no other follows */
		r->out = &r->twice;
		row_turn(r, t, 0, NULL);
		r->out = screen;
	}
	return true;
}

/* ---- notes ---- */

static void
show_notes(struct rows *r)
{
	if (out_length(&r->notes) == 0)
		return;
	end_fold(r);
	r->shape = 0;
	row_notes(r);
	out_reset(&r->notes);
}

/* The threads that are in the middle of a turn, and neither wait nor have been shown where they are. */
static bool
in_the_middle(struct rows *r, const struct thread *t, uint32_t number)
{
	const struct turn *turn = turns_current(r->turns, number);

	if (turn == NULL || (turn->call != 0 && !turn->woke))
		return false;
	return !(t->busy && shown_of(r, number)->stuck == t->seq) && !shown_of(r, number)->ended;
}

static bool
notes_may_go(struct rows *r)
{
	struct timeline *t = model_timeline(r->model);

	for (uint32_t i = 1; i <= timeline_threads(t); i++)
		if (in_the_middle(r, timeline_thread(t, i), i))
			return false;
	return true;
}

/* ---- rows ---- */

/* What of the turn is on the screen now; more of it may come. */
static void
goes_on(struct rows *r, const struct turn *t, const struct thread *stuck)
{
	struct shown *s = shown_of(r, t->thread);

	s->begun = true;
	s->number = t->number;
	if (stuck != NULL)
		s->stuck = stuck->seq;
	r->shape = 0;
	turns_shown(r->turns, t->thread);
}

/* A turn is complete, or sits in a call. False: it is left out. */
static bool
show_turn(struct rows *r, const struct turn *t, const struct thread *stuck, bool last)
{
	struct shown *s = shown_of(r, t->thread);
	bool begun = s->begun && s->number == t->number;

	if (!begun && !narrow_turn(&r->narrow, t, r->now)) {
		if (stuck != NULL && !last)
			s->stuck = stuck->seq; /* nothing is to wait for its row */
		else
			r->narrow.left++;
		return false;
	}
	r->narrow.shown += !begun;
	if (begun) {
		end_fold(r);
		row_turn(r, t, t->shown, stuck);
	} else if (stuck != NULL || !folds(r, t)) {
		end_fold(r);
		row_turn(r, t, 0, stuck);
	}
	s->begun = false;
	s->number = t->number;
	if (stuck != NULL)
		goes_on(r, t, stuck);
	return true;
}

/* The threads that have sat in one call for so long. */
static void
look_for_stuck(struct rows *r, int64_t now)
{
	struct timeline *t = model_timeline(r->model);
	int64_t patience = out_length(&r->notes) > 0 ? RESTS : STUCK;

	r->next_look = INT64_MAX;
	for (uint32_t i = 1; i <= timeline_threads(t); i++) {
		const struct thread *thread = timeline_thread(t, i);
		const struct turn *turn = turns_current(r->turns, i);

		if (!thread->busy || turn == NULL || call_infos[thread->call].shape == SHAPE_exit ||
			shown_of(r, i)->stuck == thread->seq || (turn->call != 0 && !turn->woke) ||
			call_infos[thread->call].shape == SHAPE_event)
			continue;
		if (now - thread->begin >= patience)
			show_turn(r, turn, thread, false);
		else if (thread->begin + patience < r->next_look)
			r->next_look = thread->begin + patience;
	}
}

void
rows_time(struct rows *r, int64_t now)
{
	if (now < r->now)
		return;
	r->now = now;
	if (now >= r->next_look)
		look_for_stuck(r, now);
	if (out_length(&r->notes) > 0 && (now - r->note_since >= HOLD || notes_may_go(r)))
		show_notes(r);
	if (!r->whole && r->same > 0 && now - r->same_since >= FOLD)
		end_fold(r);
}

static void
take_note(struct rows *r, const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	if (verb.size == 2 && memcmp(verb.at, "is", 2) == 0)
		return; /* whose address is whose: the names are in the rows */
	if (out_length(&r->notes) == 0)
		r->note_since = ev->begin;
	row_note(r, ev);
	if (notes_may_go(r))
		show_notes(r);
	else
		r->next_look = r->now; /* threads that sit somewhere: their row first */
}

/* A queue has grown while nobody asks for its connections. */
static void
take_queue(struct rows *r, const struct event *ev)
{
	struct timeline *t = model_timeline(r->model);

	for (uint32_t i = 1; ev->args[0] > 0 && i <= timeline_threads(t); i++) {
		const struct thread *thread = timeline_thread(t, i);
		const struct turn *turn = turns_current(r->turns, i);

		if (thread->pid != ev->pid || turn == NULL || !thread->busy || shown_of(r, i)->stuck != thread->seq ||
			!shown_of(r, i)->begun)
			continue;
		row_turn(r, turn, turn->nacts, thread);
		return;
	}
}

static void
begin_look(struct rows *r, const struct event *ev)
{
	int64_t due = ev->begin + (out_length(&r->notes) > 0 ? RESTS : STUCK);

	if (!event_is_wait(ev) && due < r->next_look)
		r->next_look = due;
}

/* Is it news that this thread's turn ends here? */
static bool
has_news(struct rows *r, const struct turn *t, const struct thread *stuck)
{
	const struct shown *s = shown_of(r, t->thread);

	if (s->begun && s->number == t->number)
		return t->nacts > t->shown || (stuck != NULL && s->stuck != stuck->seq);
	return !s->ended && (t->number > 0 || t->nacts > 0 || stuck != NULL);
}

/* The process is gone, or all of it is (pid 0): what its threads were in the middle of. */
static void
show_last(struct rows *r, uint32_t pid)
{
	struct timeline *t = model_timeline(r->model);

	for (uint32_t i = 1; i <= timeline_threads(t); i++) {
		const struct thread *thread = timeline_thread(t, i);
		const struct turn *turn = turns_current(r->turns, i);
		bool waits = turn != NULL && turn->call != 0 && !turn->woke;
		const struct thread *stuck = thread->busy && call_infos[thread->call].shape != SHAPE_exit && !waits ? thread : NULL;

		if (turn == NULL || (pid != 0 && thread->pid != pid))
			continue;
		if (has_news(r, turn, stuck) && show_turn(r, turn, stuck, true))
			goes_on(r, turn, stuck); /* what it still does after exit() */
		shown_of(r, i)->ended = true;
	}
}

static void
befell(struct rows *r, const struct event *ev, bool shown)
{
	switch (ev->call) {
	case FDT_CALL_note:
		if (shown)
			take_note(r, ev);
		break;
	case FDT_CALL_queue: take_queue(r, ev); break;
	case FDT_CALL_ended:
		show_last(r, ev->pid);
		show_notes(r);
		end_fold(r);
		if (shown)
			row_ended(r, (int)ev->args[0]);
		break;
	default: break;
	}
}

/* After the turn that ends here: what belongs to the next one. */
static bool
narrowed(struct rows *r, enum step step, const struct event *ev, const struct effects *e)
{
	struct moment at = {.model = r->model, .ev = ev, .pid = ev->pid};

	if (r->narrow.all)
		return true;
	if (step == STEP_END && e != NULL)
		at.effects = *e;
	if (event_is_wait(ev))
		at.nwatched = model_watched(r->model, ev, &at.watched);
	if (step == STEP_BEGIN)
		narrow_step(&r->narrow, ev);
	return narrow_asks(&r->narrow, &at);
}

void
rows_step(struct rows *r, enum step step, const struct event *ev, const struct effects *e)
{
	const struct turn *complete;
	bool shown;

	rows_time(r, step == STEP_BEGIN ? ev->begin : ev->end);
	complete = turns_step(r->turns, step, ev, e);
	row_lanes_of(r, e);
	if (complete != NULL) {
		show_turn(r, complete, NULL, false);
		if (out_length(&r->notes) > 0 && notes_may_go(r))
			show_notes(r);
	}
	shown = narrowed(r, step, ev, e);
	if (ev->info->shape == SHAPE_event && step == STEP_END)
		befell(r, ev, shown);
	else if (step == STEP_BEGIN && ev->info->shape == SHAPE_exit)
		show_last(r, ev->pid);
	else if (step == STEP_BEGIN && ev->info->shape != SHAPE_event)
		begin_look(r, ev);
}

void
rows_close(struct rows *r)
{
	show_last(r, 0);
	show_notes(r);
	end_fold(r);
	narrow_line(&r->narrow, r->out, "turns", r->screen.width);
	row_problem(r);
	turns_close(r->turns);
	narrow_close(&r->narrow);
	free(r->columns.at);
	free(r->shown);
	out_close(&r->woke);
	out_close(&r->then);
	out_close(&r->twice);
	out_close(&r->notes);
	free(r);
}
