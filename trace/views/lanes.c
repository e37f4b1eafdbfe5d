/* trace/views/lanes.c: `fdtrace lanes`: one row a call, a lane a descriptor, like `git log --graph`.
 *
 *     fdtrace lanes build/lab2/trace.fdt
 *
 *     #      time  3 4 5 6
 *    10  0.700031  : * : :  select #4 {3 4 5 6} -> {4}  waited 300ms
 *    11  0.700034  | r | |  recv(4, 512)  = 5  "hello"
 */
#include "views/call.h"
#include "views/glyphs.h"
#include "views/screen.h"
#include "views/show.h"
#include "views/views.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char help[] =
	"usage: fdtrace lanes [OPTION]... CAPTURE\n"
	"Prints one row for each call, with a lane for each descriptor:\n"
	"  *  in the set, and came back     :  in the set, not ready     !  open, but not in the set\n"
	"  o  born     r w  data     0  end of file     x  closed     |  open     ?  in the set, and not open\n"
	"then the call and what came of it; a wait has its number in the thread, as in `fdtrace turns`.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --all            nothing is folded\n"
	"  --width=N        columns (the terminal's, COLUMNS, or 80)\n"
	"  --color=WHEN     always, never, auto (on a terminal, and NO_COLOR is not set)\n"
	"  --ascii          no line drawing\n"
	NARROW_HELP
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

enum {
	SEQ = 6,
	TIME = 10,         /* "  0.700031" */
	WHO = 8,
	TIMED = 60,        /* a screen that is narrower has no times */
	WIDE = 110,
	ROWS_BETWEEN = 20, /* the lanes are not chosen anew more often */
	BLOCK_ROWS = 64,   /* of more than that nothing is folded */
	NAMED = 8,         /* members of a set that are named, when it has more */
};

struct lanes {
	struct view *v;
	struct model *m;
	struct screen screen;
	struct columns columns;
	struct out text;   /* what stands beside the lanes, in pieces */
	struct out block;  /* the rows since the last wait began */
	struct out twice;  /* the first of the blocks that were as the one before */
	uint64_t shape, before; /* what the block looks like, and the one before it */
	uint32_t block_rows, same;
	uint64_t same_calls;
	uint64_t row, header_row;
	uint32_t pid;      /* whose table is drawn */
	bool who, header_due, foldable;
};

/* ---- folding ---- */

static void
end_fold(struct lanes *l)
{
	struct out *o = &l->v->out;

	if (l->same == 1) {
		out_copy(o, l->twice.start, out_length(&l->twice));
	} else if (l->same > 1) {
		out_pad(o, out_length(o), SEQ + 2);
		out_char(o, 'x');
		out_number(o, l->same);
		out_text(o, " same");
		out_text(o, ", ");
		out_right(o, l->same_calls, 0);
		out_text(o, " calls");
		out_line(o);
	}
	l->same = 0;
	l->same_calls = 0;
	out_reset(&l->twice);
}

/* The rows since the last wait go out, or are counted: they look as those before them did. */
static void
end_block(struct lanes *l)
{
	bool folds = l->foldable && !l->v->o.live.all && l->shape == l->before && l->block_rows > 0;

	if (l->block_rows == 0 && out_length(&l->block) == 0)
		return;
	if (folds) {
		if (l->same++ == 0)
			out_copy(&l->twice, l->block.start, out_length(&l->block));
		l->same_calls += l->block_rows;
	} else if (out_length(&l->block) > 0) {
		end_fold(l);
		out_copy(&l->v->out, l->block.start, out_length(&l->block));
		out_flush(&l->v->out);
	}
	l->before = l->foldable ? l->shape : 0;
	l->shape = 0;
	l->block_rows = 0;
	l->foldable = true;
	out_reset(&l->block);
}

static void
mix(struct lanes *l, uint64_t value)
{
	l->shape = (l->shape ^ value) * 0x9e3779b97f4a7c15u;
	l->shape ^= l->shape >> 29;
}

static void
mix_event(struct lanes *l, const struct event *ev)
{
	mix(l, ev->call);
	mix(l, ev->tid);
	mix(l, (uint64_t)ev->has_fd << 32 | (uint32_t)ev->fd);
	mix(l, ev->life);
	mix(l, (uint64_t)ev->done << 48 | (uint64_t)ev->error << 32 | (uint32_t)ev->ret);
	l->block_rows++;
	if (ev->info->shape == SHAPE_event || l->block_rows > BLOCK_ROWS)
		l->foldable = false;
	if (l->block_rows > BLOCK_ROWS) { /* no more of it is kept in memory */
		end_fold(l);
		out_copy(&l->v->out, l->block.start, out_length(&l->block));
		out_flush(&l->v->out);
		out_reset(&l->block);
	}
}

/* ---- the columns ---- */

static int
head_width(const struct lanes *l)
{
	return SEQ + (l->screen.width >= TIMED ? TIME : 0) + (l->who ? WHO : 0) + 2;
}

static int
text_column(const struct lanes *l)
{
	return head_width(l) + (l->columns.width > 0 ? l->columns.width + 2 : 0);
}

static void
out_hidden(struct out *o, const struct lanes *l, bool first, char sign)
{
	if (l->columns.hidden == 0)
		return;
	out_text(o, first ? "" : " ");
	if (sign == ' ') {
		out_pad(o, out_length(o), 1 + number_digits(l->columns.hidden));
		return;
	}
	out_char(o, sign);
	out_number(o, l->columns.hidden);
}

static void
header(struct lanes *l)
{
	struct out *o = &l->block;
	int room = l->screen.width - head_width(l) - 2 - (l->v->o.live.all ? 20 : l->screen.width >= WIDE ? 56 : 34);
	bool first = true;

	columns_fit(&l->columns, room > 3 ? room : 3);
	l->header_due = false;
	l->header_row = l->row;
	out_pad(o, out_length(o), SEQ - 1);
	out_char(o, '#');
	if (l->screen.width >= TIMED)
		out_text(o, "      time");
	if (l->who)
		out_text(o, " process");
	out_text(o, l->columns.n > 0 ? "  " : "");
	for (uint32_t i = 0; i < l->columns.n; i++) {
		if (!l->columns.at[i].shown)
			continue;
		out_text(o, first ? "" : " ");
		out_number(o, l->columns.at[i].number);
		first = false;
	}
	out_hidden(o, l, first, '+');
	out_line(o);
}

/* The lanes of a row; `at` is NULL in the lines that carry it on. */
static void
out_lanes(struct lanes *l, const struct moment *at)
{
	struct out *o = &l->block;
	char hidden = at != NULL ? '+' : ' ';
	bool first = true;

	for (uint32_t i = 0; i < l->columns.n; i++) {
		struct column *c = &l->columns.at[i];
		char mark = at != NULL ? moment_glyph(at, c->number) : model_at(l->m, l->pid, c->number) ? '|' : ' ';

		if (at != NULL && !event_is_wait(at->ev) && at->ev->info->shape != SHAPE_event)
			mix(l, (unsigned char)mark);
		if (!c->shown) {
			hidden = mark == '*' || mark == '!' ? '*' : hidden;
			continue;
		}
		out_text(o, first ? "" : " ");
		out_pad(o, out_length(o), c->width - 1);
		out_glyph(o, &l->screen, mark);
		first = false;
	}
	out_hidden(o, l, first, hidden);
	if (l->columns.width > 0)
		out_text(o, "  ");
}

/* What this row happens to; and whether it needs a lane that is not there. */
static void
use_columns(struct lanes *l, const struct moment *at)
{
	bool missed = false;

	for (uint32_t i = 0; i < l->columns.n; i++) {
		struct column *c = &l->columns.at[i];

		if (c->keep || glyph_is_quiet(moment_glyph(at, c->number)))
			continue;
		c->used = l->row;
		missed |= !c->shown;
	}
	if (missed && l->row - l->header_row >= ROWS_BETWEEN)
		l->header_due = true;
}

/* ---- what a row says ---- */

static void
set_text(struct lanes *l, const struct moment *at, bool ready)
{
	struct out *o = &l->text;
	int named = 0, left = 0;

	out_char(o, '{');
	for (int i = 0; i < at->nwatched; i++) {
		const struct watched *w = &at->watched[i];
		uint8_t what = ready ? w->ready : w->wanted;

		mix(l, (uint64_t)w->number << 8 | w->ready);
		if (what == 0)
			continue;
		if (named >= NAMED && at->nwatched > NAMED + 1 && !l->v->o.live.all) {
			left++;
			continue;
		}
		out_text(o, named++ > 0 ? " " : "");
		out_fd(o, model_life(l->m, w->life), w->number);
		if (w->life == 0)
			out_char(o, '?');
		if (what & WATCH_WRITE)
			out_text(o, what & WATCH_READ ? "/rw" : "/w");
		if (what & (WATCH_ERROR | WATCH_HANGUP))
			out_text(o, what & WATCH_ERROR ? "/error" : "/hangup");
	}
	if (left > 0) {
		out_text(o, " and ");
		out_number(o, left);
		out_text(o, " more");
	}
	out_char(o, '}');
}

/* "select #4 {3 4 5 6} -> {4}", "waited 300ms" */
static void
wait_text(struct lanes *l, const struct moment *at)
{
	struct out *o = &l->text;
	const struct event *ev = at->ev;
	struct fdt_timeout limit = {0};

	out_text(o, ev->info->name);
	out_text(o, " #");
	out_number(o, narrow_turn_of(&l->v->narrow, ev->thread));
	out_char(o, ' ');
	set_text(l, at, false);
	if (ev->flags & FDT_EV_CUT)
		out_text(o, " (cut off)");
	if (!ev->done || ev->ret < 0) {
		out_char(o, PIECE_END);
		out_result(o, l->m, ev, &at->effects);
	} else if (ev->ret > 0) {
		out_text(o, " -> ");
		set_text(l, at, true);
	} else {
		bool polls = event_timeout(ev, &limit) && limit.ns == 0;

		out_text(o, polls ? " -> none ready, no wait" : " -> TIMEOUT, none ready");
	}
	if (ev->done && ev->fault != 0 && ev->ret >= 0) {
		out_text(o, "\nINJECTED ");
		out_fault(o, l->m, ev);
	}
	if (ev->done) {
		out_text(o, "\nwaited ");
		out_duration(o, ev->end - ev->begin);
	}
	out_char(o, PIECE_END);
}

static void
note_text(struct lanes *l, const struct event *ev)
{
	struct out *o = &l->text;
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	out_text(o, l->screen.utf8 ? "\u2500\u2500 " : "-- ");
	out_said(o, &l->screen, event_item(ev, FDT_ITEM_WHO));
	out_char(o, ' ');
	out_said(o, &l->screen, verb);
	if (event_item(ev, FDT_ITEM_TEXT).size > 0)
		out_text(o, verb.size == 6 && memcmp(verb.at, "prints", 6) == 0 ? "  " : " ");
	out_said(o, &l->screen, event_item(ev, FDT_ITEM_TEXT));
	out_char(o, PIECE_END);
}

static void
call_text(struct lanes *l, const struct moment *at)
{
	struct out *o = &l->text;
	size_t from;

	out_call(o, l->m, at->ev);
	out_char(o, PIECE_END);
	from = out_length(o);
	out_result(o, l->m, at->ev, &at->effects);
	for (char *p = o->start + from; p + 1 < o->at; p++)
		if (p[0] == ' ' && p[1] == ' ' && p[-1] != PIECE_END) {
			memmove(p, p + 1, (size_t)(o->at - p - 1));
			*p = PIECE_END;
			o->at--;
		}
	if (out_length(o) > from)
		out_char(o, PIECE_END);
}

/* ---- rows ---- */

static void
trim(struct out *o)
{
	while (o->at > o->start && o->at[-1] == ' ')
		o->at--;
	out_line(o);
}

static void
out_head(struct lanes *l, const struct event *ev)
{
	struct out *o = &l->block;
	size_t from;

	if (ev == NULL) {
		out_pad(o, out_length(o), head_width(l));
		return;
	}
	out_right(o, ev->seq, SEQ);
	if (l->screen.width >= TIMED) {
		int spaces;

		from = out_length(&l->text);
		out_seconds(&l->text, ev->begin, 6);
		spaces = TIME - (int)(out_length(&l->text) - from);
		out_pad(o, out_length(o), spaces > 1 ? spaces : 1); /* after 1000 s it is wider than its column */
		out_copy(o, l->text.start + from, out_length(&l->text) - from);
		l->text.at = l->text.start + from;
	}
	if (l->who) {
		out_char(o, ' ');
		out_right(o, ev->info->shape == SHAPE_event && ev->call == FDT_CALL_note ? l->pid : ev->tid, WHO - 1);
	}
	out_text(o, "  ");
}

static void
out_row(struct lanes *l, const struct moment *at)
{
	struct out *o = &l->block;
	const struct screen plain = {.width = l->screen.width};
	bool note = at->ev->call == FDT_CALL_note;
	int room = l->screen.width - text_column(l);
	size_t next = 0;

	out_head(l, at->ev);
	out_lanes(l, at);
	out_pieces(o, note ? &plain : &l->screen, &l->text, &next, room, 2);
	trim(o);
	while (next < out_length(&l->text)) {
		out_head(l, NULL);
		out_lanes(l, NULL);
		out_pieces(o, note ? &plain : &l->screen, &l->text, &next, room, 2);
		trim(o);
	}
}

/* The whole programs' business, and whose address is whose, is in no lane. */
static bool
has_row(const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	if (ev->call == FDT_CALL_module || (ev->call == FDT_CALL_found && ev->fd <= 2))
		return false;
	return ev->call != FDT_CALL_note || verb.size != 2 || memcmp(verb.at, "is", 2) != 0;
}

static void
lanes_event(struct lanes *l, const struct event *ev)
{
	struct moment at;

	if (!has_row(ev)) {
		struct effects passed;

		model_effects(l->m, ev, &passed);
		return;
	}
	narrow_step(&l->v->narrow, ev);
	if (event_is_wait(ev) || ev->info->shape == SHAPE_event)
		end_block(l);
	moment_of(&at, l->m, ev, ev->call == FDT_CALL_note || ev->call == FDT_CALL_ended ? l->pid : ev->pid);
	if (!narrow_event(&l->v->narrow, &at))
		return;
	l->pid = at.pid;
	use_columns(l, &at);
	if (l->header_due) {
		end_block(l);
		l->foldable = false;
		header(l);
	}
	l->row++;
	mix_event(l, ev);
	out_reset(&l->text);
	if (event_is_wait(ev))
		wait_text(l, &at);
	else if (ev->call == FDT_CALL_note)
		note_text(l, ev);
	else
		call_text(l, &at);
	out_row(l, &at);
}

static void
lanes_open(struct lanes *l, struct view *v)
{
	*l = (struct lanes){.v = v, .m = v->model, .header_due = true, .foldable = true};
	l->screen = screen_of(&v->o.live);
	l->who = model_processes(l->m) > 1;
	for (uint32_t i = 0; i < model_processes(l->m); i++)
		l->who |= model_process(l->m, i)->threaded;
	columns_know(&l->columns, l->m);
	narrow_columns(&v->narrow, &l->columns);
	out_open(&l->text, -1);
	out_open(&l->block, -1);
	out_open(&l->twice, -1);
}

static void
lanes_close(struct lanes *l)
{
	struct out *o = &l->v->out;
	char problem[512];

	end_block(l);
	end_fold(l);
	narrow_line(&l->v->narrow, o, "rows", l->screen.width);
	capture_problem(l->v->capture, problem, sizeof problem);
	if (problem[0] != '\0') {
		out_text(o, "-- ");
		out_text(o, problem);
		out_line(o);
	}
	out_close(&l->text);
	out_close(&l->block);
	out_close(&l->twice);
	free(l->columns.at);
}

int
lanes_main(int argc, char **argv)
{
	struct view v;
	struct lanes l;
	struct effects e;
	struct event *ev;
	enum step step;
	int status = view_arguments(&v.o, argc, argv, TAKES_SCREEN | TAKES_NARROW, help);

	if (status >= 0)
		return status;
	v.o.no_where = true;
	if ((status = view_open(&v, false)) >= 0)
		return status;
	v.o.live.fd = v.out.fd;
	lanes_open(&l, &v);
	while (!view_broken(&v) && ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(v.model, step, ev, &e);
		if (step == STEP_BEGIN)
			lanes_event(&l, ev);
	}
	lanes_close(&l);
	return view_close(&v);
}
