/* trace/views/row.c: see row.h.
 *
 *     turn  waited  3 4 5 6  woke because        then
 *        6   400ms  : * * *  4 5 6 readable      end of file: -4 A  -5 B  -6 C
 */
#include "views/row.h"

#include "reader/map.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	HEAD = 14, /* "turn  waited  " */
	WHO = 8,   /* the column of processes or threads */
	WOKE = 19,
	WOKE_WIDE = 26,
	WIDE = 110,        /* "TIMEOUT, none ready" and a space */
	THEN_LEAST = 16,   /* narrower than this, `then` goes on a line of its own */
	ROWS_BETWEEN = 20, /* the columns are not chosen anew more often */
};

/* ---- lanes ---- */

static struct column *
find_lane(struct rows *r, int number)
{
	uint32_t low = 0, high = r->columns.n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (r->columns.at[middle].number == number)
			return &r->columns.at[middle];
		if (r->columns.at[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static struct column *
add_lane(struct rows *r, int number)
{
	struct column *lane = find_lane(r, number);
	uint32_t at = r->columns.n;

	if (lane != NULL || number < 0 || r->columns.n >= NUMBERS_MOST || !narrow_number(&r->narrow, number))
		return lane;
	r->columns.at = grow(r->columns.at, r->columns.n, &r->columns.room, sizeof *r->columns.at);
	for (; at > 0 && r->columns.at[at - 1].number > number; at--)
		r->columns.at[at] = r->columns.at[at - 1];
	r->columns.at[at] = (struct column){.number = number, .width = number_digits((uint64_t)number)};
	r->columns.n++;
	r->header_due = true;
	return &r->columns.at[at];
}

void
row_lanes_known(struct rows *r)
{
	uint32_t n = r->whole ? model_lives(r->model) : 0, processes = 0;

	r->header_due = true;
	for (uint32_t id = 1; id <= n; id++) {
		const struct life *life = model_life(r->model, id);

		struct column *lane = life->number > 2 && life_can_wait(life) ? add_lane(r, life->number) : NULL;

		if (lane != NULL && life->listens)
			lane->keep = true;
	}
	for (uint32_t i = 0; r->whole && i < model_processes(r->model); i++) {
		r->who |= model_process(r->model, i)->threaded;
		processes++;
	}
	r->who |= processes > 1;
}

void
row_lanes_of(struct rows *r, const struct effects *e)
{
	for (uint32_t i = 0; i < e->nopened; i++) {
		const struct life *life = model_life(r->model, e->opened[i]);
		struct column *lane = life->number > 2 && life_can_wait(life) ? add_lane(r, life->number)
									     : find_lane(r, life->number);

		if (lane != NULL && !lane->keep)
			lane->used = r->nrows;
	}
	for (uint32_t i = 0; i < e->nclosed; i++) {
		struct column *lane = find_lane(r, model_life(r->model, e->closed[i])->number);

		if (lane != NULL && !lane->keep)
			lane->used = r->nrows;
	}
}

/* ---- the columns ---- */

static int
head_width(const struct rows *r)
{
	return HEAD + (r->who ? WHO : 0);
}

static int
woke_width(const struct rows *r)
{
	return r->screen.width >= WIDE ? WOKE_WIDE : WOKE;
}

/* Where `then` stands. */
static int
then_column(const struct rows *r)
{
	return head_width(r) + (r->columns.width > 0 ? r->columns.width + 2 : 0) + woke_width(r) + 1;
}

static bool
then_below(const struct rows *r)
{
	return r->screen.width - then_column(r) < THEN_LEAST;
}

static int
lane_room(const struct rows *r)
{
	int least = r->all ? THEN_LEAST : r->screen.width >= WIDE ? 44 : 24;
	int room = r->screen.width - head_width(r) - 2 - woke_width(r) - 1 - least;

	return room > 3 ? room : 3;
}

static void
spaces(struct out *o, int n)
{
	out_pad(o, out_length(o), n > 0 ? n : 0);
}

static void
out_hidden(struct out *o, const struct rows *r, bool first, char sign)
{
	if (r->columns.hidden == 0)
		return;
	if (!first)
		out_char(o, ' ');
	out_char(o, sign);
	out_number(o, r->columns.hidden);
}

static void
row_header(struct rows *r)
{
	struct out *o = r->out;
	bool first = true;

	if (r->nrows > 0)
		r->header_row = r->nrows;
	columns_fit(&r->columns, lane_room(r));
	r->header_due = false;
	if (r->who)
		out_text(o, "process ");
	out_text(o, "turn  waited  ");
	for (uint32_t i = 0; i < r->columns.n; i++) {
		if (!r->columns.at[i].shown)
			continue;
		out_text(o, first ? "" : " ");
		out_number(o, r->columns.at[i].number);
		first = false;
	}
	out_hidden(o, r, first, '+');
	if (r->columns.width > 0)
		spaces(o, 2);
	out_text(o, "woke because");
	if (!then_below(r)) {
		spaces(o, woke_width(r) + 1 - 12);
		out_text(o, "then");
	}
	out_line(o);
}

/* ---- one row's lanes ---- */

static const struct watched *
watched_number(const struct turn *t, int number)
{
	for (int i = 0; i < t->nwatched; i++)
		if (t->watched[i].number == number)
			return &t->watched[i];
	return NULL;
}

/* * passed and came back, : passed, . closed, ! open but not passed; - open, but nothing to be watched by this wait; ? passed, and
 * not open. */
static char
glyph(const struct rows *r, const struct turn *t, int number)
{
	const struct watched *w = watched_number(t, number);
	const struct process *p = model_pid(r->model, t->pid);
	const struct life *life;

	if (t->call == 0)
		return ' ';
	if (w != NULL)
		return w->ready != 0 ? (w->ready & WATCH_NOT_OPEN ? '?' : '*') : w->life == 0 ? '?' : ':';
	life = model_was(r->model, t->pid, number, t->began);
	if (life == NULL)
		return '.';
	return life_can_wait(life) && p != NULL && !p->threaded ? '!' : '-';
}

static void
out_lanes(struct rows *r, const struct turn *t)
{
	bool first = true;
	char hidden = t->call == 0 ? ' ' : '+';

	for (uint32_t i = 0; i < r->columns.n; i++) {
		char c;

		if (!r->columns.at[i].shown) {
			const struct watched *w = hidden == '+' ? watched_number(t, r->columns.at[i].number) : NULL;

			if (w != NULL && w->ready != 0)
				hidden = '*';
			continue;
		}
		c = glyph(r, t, r->columns.at[i].number);
		out_text(r->out, first ? "" : " ");
		spaces(r->out, r->columns.at[i].width - 1);
		out_glyph(r->out, &r->screen, c);
		first = false;
	}
	if (hidden == ' ')
		spaces(r->out, r->columns.hidden > 0 ? number_digits(r->columns.hidden) + 1 + !first : 0);
	else
		out_hidden(r->out, r, first, hidden);
	if (r->columns.width > 0)
		spaces(r->out, 2);
}

/* Lanes that this turn needs and that have none yet; and which lanes it uses. */
static void
use_lanes(struct rows *r, const struct turn *t)
{
	bool missed = false;

	for (int i = 0; i < t->nwatched; i++) {
		struct column *lane = add_lane(r, t->watched[i].number);
		const struct life *life = model_life(r->model, t->watched[i].life);

		if (lane != NULL && life != NULL && life->listens)
			lane->keep = true; /* a listener always has its column */
		if (lane == NULL || t->watched[i].ready == 0 || lane->keep)
			continue;
		lane->used = r->nrows;
		missed |= !lane->shown;
	}
	for (int i = 0; i < t->nacts; i++) {
		const struct life *life = model_life(r->model, t->acts[i].life);
		const struct column *lane = life != NULL ? find_lane(r, life->number) : NULL;

		missed |= lane != NULL && !lane->shown;
	}
	if (missed && r->nrows - r->header_row >= ROWS_BETWEEN)
		r->header_due = true;
}

/* ---- what a turn says ---- */

static void
end_piece(struct out *o, size_t from)
{
	if (out_length(o) > from)
		out_char(o, PIECE_END);
}

static void
queues_piece(struct rows *r, const struct turn *t)
{
	const struct process *p = model_pid(r->model, t->pid);
	bool any = false;

	for (uint32_t i = 0; p != NULL && i < r->columns.n; i++) {
		const struct life *life = model_at(r->model, t->pid, r->columns.at[i].number);

		if (life == NULL || !life->queue_known || life->queued == 0)
			continue;
		out_text(&r->then, any ? " " : "queued: ");
		out_life(&r->then, life);
		out_char(&r->then, ':');
		out_number(&r->then, life->queued);
		any = true;
	}
}

/* "in recv(6) 4.20s", "queued: 4:1 5:1" */
static void
stuck_pieces(struct rows *r, const struct turn *t, const struct thread *stuck)
{
	struct out *o = &r->then;
	const struct life *life = model_life(r->model, stuck->life);
	int64_t spent = r->now - stuck->begin;
	size_t from = out_length(o);

	out_text(o, "in ");
	out_text(o, call_infos[stuck->call].name);
	out_char(o, '(');
	if (life != NULL || stuck->fd >= 0)
		out_fd(o, life, stuck->fd);
	out_char(o, ')');
	if (spent >= TURN_LONG) {
		out_char(o, ' ');
		out_duration(o, spent);
	}
	end_piece(o, from);
	from = out_length(o);
	queues_piece(r, t);
	end_piece(o, from);
}

static void
then_pieces(struct rows *r, const struct turn *t, int from, const struct thread *stuck)
{
	struct out *o = &r->then;
	size_t start;

	out_reset(o);
	for (int i = from; i < t->nacts;) {
		start = out_length(o);
		i = turn_act(o, r->model, t, i);
		end_piece(o, start);
	}
	if (t->passing > 0) {
		out_right(o, t->passing, 0);
		out_text(o, t->passing == 1 ? " file in passing" : " files in passing");
		end_piece(o, 0);
	}
	if (t->more > 0) {
		out_text(o, "and ");
		out_right(o, t->more, 0);
		out_text(o, " more calls");
		end_piece(o, 0);
	}
	if (stuck != NULL)
		stuck_pieces(r, t, stuck);
}

/* "3 new connection, 4 readable": the commas part the pieces. */
static void
woke_pieces(struct rows *r, const struct turn *t)
{
	struct out *o = &r->woke;

	out_reset(o);
	turn_woke(o, r->model, t);
	for (char *p = o->start; p + 1 < o->at; p++)
		if (p[0] == ',' && p[1] == ' ' && t->ret > 0)
			p[1] = PIECE_END;
	end_piece(o, 0);
}

/* ---- rows ---- */

static void
out_head(struct rows *r, const struct turn *t)
{
	struct out *o = r->out;
	if (r->who) {
		out_right(o, t->tid, 7);
		out_char(o, ' ');
	}
	out_right(o, t->number, 4);
	spaces(o, 2);
	if (t->call == 0) {
		spaces(o, 5);
		out_char(o, '-');
	} else {
		struct out *text = &r->then;
		size_t start = out_length(text), n;

		out_duration(text, (t->woke ? t->end : r->now) - t->begin);
		n = out_length(text) - start;
		spaces(o, 6 - (int)n);
		out_copy(o, text->start + start, n);
		text->at = text->start + start;
	}
	spaces(o, 2);
}

/* The lines that follow the first: woke and then go on, each in its own column. */
static void
rest_of_row(struct rows *r, size_t woke_at, size_t then_at, bool below)
{
	struct out *o = r->out;
	int column = then_column(r), width = r->screen.width;

	while (woke_at < out_length(&r->woke) || then_at < out_length(&r->then)) {
		int used = 0;

		if (woke_at < out_length(&r->woke)) {
			spaces(o, column - 1 - woke_width(r));
			used = column - 1 - woke_width(r);
			used += out_pieces(o, &r->screen, &r->woke, &woke_at, woke_width(r), 1);
		}
		if (then_at < out_length(&r->then) && !(below && used > 0)) {
			spaces(o, (below ? HEAD : column) - used);
			out_pieces(o, &r->screen, &r->then, &then_at, width - (below ? HEAD : column), 2);
		}
		out_line(o);
	}
}

static void
first_line(struct rows *r, const struct turn *t, size_t *woke_at, size_t *then_at, bool below)
{
	struct out *o = r->out;
	int used;

	out_head(r, t);
	out_lanes(r, t);
	used = out_pieces(o, &r->screen, &r->woke, woke_at,
		below ? r->screen.width - then_column(r) + woke_width(r) + 1 : woke_width(r), 1);
	if (!below && out_length(&r->then) > 0) {
		spaces(o, woke_width(r) + 1 - used);
		out_pieces(o, &r->screen, &r->then, then_at, r->screen.width - then_column(r), 2);
	}
	out_line(o);
}

void
row_turn(struct rows *r, const struct turn *t, int from, const struct thread *stuck)
{
	const struct process *p = model_pid(r->model, t->pid);
	size_t woke_at = 0, then_at = 0;
	bool below;

	if (!r->whole && !r->who && (model_processes(r->model) > 1 || (p != NULL && p->threaded)))
		r->who = r->header_due = true;
	use_lanes(r, t);
	if (r->header_due)
		row_header(r);
	r->nrows++;
	below = then_below(r);
	out_reset(&r->woke);
	then_pieces(r, t, from, stuck);
	if (from == 0 && !(stuck != NULL && t->shown > 0)) {
		woke_pieces(r, t);
		first_line(r, t, &woke_at, &then_at, below);
	}
	rest_of_row(r, woke_at, then_at, below);
}

void
row_same(struct rows *r)
{
	spaces(r->out, head_width(r) + (r->columns.width > 0 ? r->columns.width + 2 : 0));
	out_char(r->out, 'x');
	out_number(r->out, r->same);
	out_text(r->out, " same");
	if (r->same_time >= 1000000) {
		out_text(r->out, ", ");
		out_duration(r->out, r->same_time);
	}
	out_line(r->out);
	r->nrows++;
}

/* ---- what is no turn ---- */

void
row_note(struct rows *r, const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	out_said(&r->notes, &r->screen, event_item(ev, FDT_ITEM_WHO));
	out_char(&r->notes, ' ');
	out_said(&r->notes, &r->screen, verb);
	if (event_item(ev, FDT_ITEM_TEXT).size > 0)
		out_text(&r->notes, verb.size == 6 && memcmp(verb.at, "prints", 6) == 0 ? "  " : " ");
	out_said(&r->notes, &r->screen, event_item(ev, FDT_ITEM_TEXT));
	out_char(&r->notes, PIECE_END);
}

void
row_notes(struct rows *r)
{
	const struct screen plain = {.width = r->screen.width};
	struct out *o = r->out;
	size_t at = 0;

	while (at < out_length(&r->notes)) {
		const char *end = memchr(r->notes.start + at, PIECE_END, out_length(&r->notes) - at);
		size_t stop = (size_t)(end - r->notes.start) + 1;

		for (bool first = true; at < stop; first = false) {
			spaces(o, HEAD - 8);
			out_text(o, !first ? "   " : r->screen.utf8 ? "\u2500\u2500 " : "-- ");
			/* one note at a time: a piece that fills the line never takes another with it */
			out_pieces(o, &plain, &r->notes, &at, r->screen.width - (HEAD - 8) - 3, r->screen.width);
			out_line(o);
		}
	}
}

void
row_ended(struct rows *r, int status)
{
	struct out *o = r->out;

	out_text(o, WIFSIGNALED(status) ? "the program was killed by " : "the program ended with status ");
	if (WIFSIGNALED(status))
		out_text(o, signal_name(WTERMSIG(status)));
	else
		out_number(o, WEXITSTATUS(status));
	out_line(o);
}

void
row_problem(struct rows *r)
{
	char problem[512];

	capture_problem(model_capture(r->model), problem, sizeof problem);
	if (problem[0] == '\0')
		return;
	out_text(r->out, "-- ");
	out_text(r->out, problem);
	out_line(r->out);
}
