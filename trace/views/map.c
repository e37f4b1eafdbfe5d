/* trace/views/map.c: `fdtrace map`: one column a call, a row a descriptor: the whole run in a few lines.
 *
 *     fdtrace map build/lab2/trace.fdt
 *
 *     fd 3 |o||*|*|*|:||::|
 *     fd 4 |    o:|:|*rw:*0x
 *     why  |   L L L D  TD
 *     turn |   1 2 3 4  56
 */
#include "reader/map.h"

#include "views/glyphs.h"
#include "views/screen.h"
#include "views/show.h"
#include "views/views.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: fdtrace map [OPTION]... CAPTURE\n"
	"Prints one column for each call and a row for each descriptor, in blocks as wide as the screen:\n"
	"  *  in the set, and came back     :  in the set, not ready     !  open, but not in the set\n"
	"  o  born     r w  data     0  end of file     x  closed     |  open     ?  in the set, and not open\n"
	"then why each wait returned, and its number in the thread, as in `fdtrace turns` (the last digit).\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --all            nothing is folded\n"
	"  --width=N        columns (the terminal's, COLUMNS, or 80)\n"
	"  --color=WHEN     always, never, auto (on a terminal, and NO_COLOR is not set)\n"
	"  --ascii          no line drawing (there is none)\n"
	NARROW_HELP
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

enum {
	TURN_COLUMNS = 64, /* a turn of more is never folded */
	ROWS_MOST = 16,    /* with more descriptors, those on which nothing happens in a block have no row in it */
	LETTERS = 26,      /* threads that are told apart */
};

struct call_column {
	char why, who;
	char turn;       /* a digit, or a part of "x997" */
	uint32_t number; /* of the turn */
	uint64_t seq;
};

/* Columns, and what stands in each row of them. */
struct strip {
	struct call_column *columns;
	char *marks; /* columns * lanes */
	int n, room;
};

struct map_view {
	struct view *v;
	struct model *m;
	struct screen screen;
	struct columns lanes;
	struct strip turn, before, block; /* the turn that goes on, the one before, what fits on the screen */
	uint32_t same;     /* turns that were left out: they look as the one before them */
	int labels;        /* columns that the labels take */
	uint32_t number;
	uint64_t blocks;
	bool who, foldable, whole; /* whole: all of the turn is in `turn` */
	bool seen[128];    /* the letters of `why`, for the legend */
};

/* ---- strips ---- */

static void
strip_open(const struct map_view *v, struct strip *s, int room)
{
	*s = (struct strip){.room = room};
	s->columns = more(NULL, (size_t)room, sizeof *s->columns);
	s->marks = more(NULL, (size_t)room, v->lanes.n + 1);
}

static void
strip_close(struct strip *s)
{
	free(s->columns);
	free(s->marks);
}

static char *
marks_of(const struct map_view *v, const struct strip *s, int column)
{
	return s->marks + (size_t)column * v->lanes.n;
}

static bool
strips_look_alike(const struct map_view *v, const struct strip *a, const struct strip *b)
{
	for (int i = 0; a->n == b->n && i < a->n; i++)
		if (a->columns[i].why != b->columns[i].why || a->columns[i].who != b->columns[i].who)
			return false;
	return a->n == b->n && memcmp(a->marks, b->marks, (size_t)a->n * v->lanes.n) == 0;
}

/* ---- a block ---- */

static bool
has_row(const struct map_view *v, uint32_t lane)
{
	if (v->v->o.live.all || v->lanes.n <= ROWS_MOST || v->lanes.at[lane].keep)
		return true;
	for (int i = 0; i < v->block.n; i++)
		if (!glyph_is_quiet(marks_of(v, &v->block, i)[lane]) && marks_of(v, &v->block, i)[lane] != '~')
			return true;
	return false;
}

static void
label(struct map_view *v, const char *name, int number)
{
	struct out *o = &v->v->out;
	size_t from = out_length(o);

	out_text(o, name);
	if (number >= 0)
		out_number(o, number);
	out_pad(o, from, v->labels - 1);
	out_char(o, '|');
}

static void
end_of_row(struct map_view *v)
{
	out_char(&v->v->out, '|');
	out_line(&v->v->out);
}

static void
lane_row(struct map_view *v, uint32_t lane)
{
	struct out *o = &v->v->out;

	label(v, "fd ", v->lanes.at[lane].number);
	for (int i = 0; i < v->block.n; i++)
		out_glyph(o, &v->screen, marks_of(v, &v->block, i)[lane]);
	end_of_row(v);
}

static void
events_row(struct map_view *v)
{
	struct out *o = &v->v->out;
	const struct call_column *first = &v->block.columns[0], *last = &v->block.columns[v->block.n - 1];

	if (v->blocks++ > 0)
		out_line(o);
	out_text(o, "events ");
	out_right(o, first->seq, 0);
	out_char(o, '-');
	out_right(o, last->seq, 0);
	out_text(o, ", turns ");
	out_number(o, first->number);
	out_char(o, '-');
	out_number(o, last->number);
	out_line(o);
}

static void
show_block(struct map_view *v)
{
	struct out *o = &v->v->out;
	uint32_t quiet = 0;

	if (v->block.n == 0)
		return;
	events_row(v);
	for (uint32_t i = 0; i < v->lanes.n; i++) {
		if (has_row(v, i))
			lane_row(v, i);
		else
			quiet++;
	}
	if (quiet > 0) {
		out_char(o, '+');
		out_number(o, quiet);
		out_text(o, " on which nothing happens");
		out_line(o);
	}
	if (v->who) {
		label(v, "who", -1);
		for (int i = 0; i < v->block.n; i++)
			out_char(o, v->block.columns[i].who);
		end_of_row(v);
	}
	label(v, "why", -1);
	for (int i = 0; i < v->block.n; i++)
		out_char(o, v->block.columns[i].why);
	end_of_row(v);
	label(v, "turn", -1);
	for (int i = 0; i < v->block.n; i++)
		out_char(o, v->block.columns[i].turn);
	end_of_row(v);
	v->block.n = 0;
}

static void
put_column(struct map_view *v, const struct call_column *column, const char *marks)
{
	if (v->block.n == v->block.room)
		show_block(v);
	v->block.columns[v->block.n] = *column;
	memcpy(marks_of(v, &v->block, v->block.n), marks, v->lanes.n);
	v->block.n++;
}

/* ---- turns ---- */

/* "x997", in columns of its own. */
static void
end_fold(struct map_view *v)
{
	char text[16], *marks;
	int n = number_digits(v->same) + 1;
	uint32_t left = v->same;

	if (v->same == 0)
		return;
	marks = more(NULL, 1, v->lanes.n + 1);
	memset(marks, '~', v->lanes.n);
	for (int i = n - 1; i > 0; i--, left /= 10)
		text[i] = (char)('0' + left % 10);
	text[0] = 'x';
	if (v->block.n + n > v->block.room)
		show_block(v);
	for (int i = 0; i < n; i++) {
		struct call_column column = v->before.columns[v->before.n - 1];

		column.why = column.who = '~';
		column.turn = text[i];
		put_column(v, &column, marks);
	}
	free(marks);
	v->same = 0;
	v->seen['~'] = true;
}

static void
put_turn(struct map_view *v)
{
	for (int i = 0; i < v->turn.n; i++)
		put_column(v, &v->turn.columns[i], marks_of(v, &v->turn, i));
	v->turn.n = 0;
}

/* The next wait begins. The first two of equal turns are shown, the others counted. */
static void
end_turn(struct map_view *v)
{
	bool same = v->whole && v->turn.n > 0 && !v->v->o.live.all && strips_look_alike(v, &v->turn, &v->before);
	struct strip kept = v->before;

	if (v->turn.n == 0 && v->whole)
		return;
	if (same && v->foldable) {
		v->before.columns[v->before.n - 1] = v->turn.columns[v->turn.n - 1];
		v->same++;
		v->turn.n = 0;
		return;
	}
	end_fold(v);
	v->foldable = same;
	v->before = v->turn;
	v->turn = kept;
	v->turn.n = 0;
	for (int i = 0; i < v->before.n; i++)
		put_column(v, &v->before.columns[i], marks_of(v, &v->before, i));
	if (!v->whole)
		v->before.n = 0;
	v->whole = true;
}

/* ---- columns ---- */

/* L listener, D data or end of file, W room to write, + both, T timeout, - none ready and none waited for, E failed, > never
 * returned. */
static char
why_of(const struct moment *at)
{
	struct fdt_timeout limit;
	bool listener = false, other = false, writes = true;

	if (!at->ev->done)
		return '>';
	if (at->ev->ret < 0)
		return 'E';
	if (at->ev->ret == 0)
		return event_timeout(at->ev, &limit) && limit.ns == 0 ? '-' : 'T';
	for (int i = 0; i < at->nwatched; i++) {
		const struct life *life = model_life(at->model, at->watched[i].life);

		if (at->watched[i].ready == 0)
			continue;
		listener |= life != NULL && life->listens;
		other |= life == NULL || !life->listens;
		writes &= at->watched[i].ready == WATCH_WRITE;
	}
	if (!listener && !other) /* its sets were cut off */
		return ' ';
	return listener && other ? '+' : listener ? 'L' : writes ? 'W' : 'D';
}

/* A call that nothing is seen of in any lane has no column. */
static bool
fill_marks(struct map_view *v, const struct moment *at, char *marks)
{
	bool any = event_is_wait(at->ev);

	for (uint32_t i = 0; i < v->lanes.n; i++) {
		marks[i] = moment_glyph(at, v->lanes.at[i].number);
		any |= marks[i] == 'o' || marks[i] == 'x';
		any |= at->ev->has_fd && at->ev->fd == v->lanes.at[i].number && at->ev->info->shape != SHAPE_event;
	}
	return any;
}

static void
map_event(struct map_view *v, const struct event *ev)
{
	struct call_column column = {.why = ' ', .turn = ' ', .seq = ev->seq};
	struct moment at;

	narrow_step(&v->v->narrow, ev);
	moment_of(&at, v->m, ev, ev->pid);
	if (event_is_wait(ev))
		end_turn(v);
	if (v->turn.n == v->turn.room) {
		v->whole = false;
		end_fold(v);
		put_turn(v);
	}
	if (!fill_marks(v, &at, marks_of(v, &v->turn, v->turn.n)) || !narrow_event(&v->v->narrow, &at))
		return;
	v->number = narrow_turn_of(&v->v->narrow, ev->thread);
	if (event_is_wait(ev)) {
		column.why = why_of(&at);
		v->seen[(unsigned char)column.why] = true;
		column.turn = (char)('0' + v->number % 10);
	}
	column.who = ev->thread <= LETTERS && ev->thread > 0 ? (char)('a' + ev->thread - 1) : '.';
	column.number = v->number;
	v->turn.columns[v->turn.n++] = column;
}

/* ---- the legend ---- */

static void
why_legend(const struct map_view *v, struct out *text)
{
	static const struct {
		char letter;
		const char *says;
	} whys[] = {{'L', "L new connection\n"}, {'D', "D data or end of file\n"},
		{'W', "W room to write\n"}, {'+', "+ L and D\n"},
		{'T', "T timeout\n"}, {'-', "- none ready, no wait\n"}, {'E', "E failed or interrupted\n"}, {'>', "> never returned\n"},
		{'~', "~ so many more turns of the same\n"}};

	for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++)
		if (v->seen[(unsigned char)whys[i].letter])
			out_text(text, whys[i].says);
}

static void
who_legend(const struct map_view *v, struct out *text)
{
	uint32_t n = timeline_threads(v->v->timeline);

	for (uint32_t i = 1; v->who && i <= n && i <= LETTERS; i++) {
		out_char(text, (char)('a' + i - 1));
		out_char(text, ' ');
		out_right(text, timeline_thread(v->v->timeline, i)->tid, 0);
		out_char(text, PIECE_END);
	}
	if (v->who && n > LETTERS)
		out_text(text, ". others\n");
}

static void
legend(struct map_view *v)
{
	const struct screen plain = {.width = v->screen.width};
	struct out *o = &v->v->out, text;
	size_t next = 0;

	out_open(&text, -1);
	out_text(&text, "* came back\n: in the set\n! open, not in the set\n? in the set, not open\no born\n"
			"r w data\n0 end of file\nx closed\n| open\n");
	why_legend(v, &text);
	who_legend(v, &text);
	out_line(o);
	while (next < out_length(&text)) {
		out_pieces(o, &plain, &text, &next, v->screen.width, 3);
		out_line(o);
	}
	out_close(&text);
}

/* ---- all ---- */

static void
map_open(struct map_view *m, struct view *v)
{
	int digits = 1;

	*m = (struct map_view){.v = v, .m = v->model, .whole = true};
	m->screen = screen_of(&v->o.live);
	columns_know(&m->lanes, m->m);
	narrow_columns(&v->narrow, &m->lanes);
	m->who = model_processes(m->m) > 1;
	for (uint32_t i = 0; i < model_processes(m->m); i++)
		m->who |= model_process(m->m, i)->threaded;
	for (uint32_t i = 0; i < m->lanes.n; i++)
		digits = m->lanes.at[i].width > digits ? m->lanes.at[i].width : digits;
	m->labels = 3 + digits + 2 > 6 ? 3 + digits + 2 : 6;
	strip_open(m, &m->turn, TURN_COLUMNS);
	strip_open(m, &m->before, TURN_COLUMNS);
	strip_open(m, &m->block, m->screen.width - m->labels - 1);
}

static void
map_close(struct map_view *m)
{
	struct out *o = &m->v->out;
	char problem[512];

	end_turn(m);
	end_fold(m);
	show_block(m);
	legend(m);
	narrow_line(&m->v->narrow, o, "calls", m->screen.width);
	capture_problem(m->v->capture, problem, sizeof problem);
	if (problem[0] != '\0') {
		out_text(o, "-- ");
		out_text(o, problem);
		out_line(o);
	}
	strip_close(&m->turn);
	strip_close(&m->before);
	strip_close(&m->block);
	free(m->lanes.at);
}

int
map_main(int argc, char **argv)
{
	struct view v;
	struct map_view m;
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
	map_open(&m, &v);
	while (!view_broken(&v) && ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(v.model, step, ev, &e);
		if (step == STEP_BEGIN)
			map_event(&m, ev);
	}
	map_close(&m);
	return view_close(&v);
}
