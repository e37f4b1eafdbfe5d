/* trace/views/svg.c: `fdtrace svg`: a still picture of a run, or of some of its turns, for handouts and slides.
 *
 *     fdtrace svg --turns 0-9 -o reuse.svg build/lab2/trace.fdt
 *
 * A column is a call, so the same capture gives the same bytes, and a change shows in a diff.
 */
#include "reader/map.h"
#include "reader/turns.h"
#include "views/glyphs.h"
#include "views/show.h"
#include "views/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: fdtrace svg [OPTION]... CAPTURE\n"
	"Draws a run as a still picture (SVG) for handouts and slides: a column for each call, a bar for each life of a descriptor\n"
	"(first, third ... lives filled, second, fourth ... hatched), a band of waits. At most 60 turns and 100 KB.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	NARROW_HELP
	"\n"
	"Exit status: 0; 2 for a bad capture, bad arguments, or more than one picture can hold.\n";

enum {
	TURNS_MOST = 60,
	BYTES_MOST = 100000,
	COLUMNS_MOST = 1200,
	LANES_MOST = 64,
	PER_LINE = 56,  /* columns in a line of the picture, at most */
	PITCH = 16,
	LEFT = 72,
	WIDTH = LEFT + PER_LINE * PITCH + 12, /* the words below need about that */
	BAND = 42,      /* turn numbers and the band of waits */
	LANE = 32,
	GAP = 18,
	TOP = 34,
	FOOT = 58,
};

#define BLUE "#0072B2"
#define RED "#D55E00"
#define GREY "#767676"

struct svg_lane {
	uint32_t process;
	int number;
	bool used, gone; /* gone: its process has ended */
};

struct svg_column {
	char why; /* of a wait; ' ': none */
	uint32_t number;
	char marks[LANES_MOST];
	uint32_t lives[LANES_MOST];
};

struct svg {
	struct view *v;
	struct model *m;
	struct turns *turns;
	struct svg_lane lanes[LANES_MOST];
	int nlanes, shown;
	struct svg_column *columns;
	uint32_t ncolumns, nturns;
	uint32_t first, last; /* turns */
	bool too_much, several;
	struct out desc, body, text;
	int y;
};

/* ---- text ---- */

static void
xml(struct out *o, const struct out *text)
{
	for (const char *p = text->start; p < text->at; p++) {
		switch (*p) {
		case '<': out_text(o, "&lt;"); break;
		case '>': out_text(o, "&gt;"); break;
		case '&': out_text(o, "&amp;"); break;
		case '"': out_text(o, "&quot;"); break;
		default: out_char(o, *p >= ' ' && *p <= '~' ? *p : ' '); break;
		}
	}
}

static void
attribute(struct out *o, const char *name, int64_t value)
{
	out_char(o, ' ');
	out_text(o, name);
	out_text(o, "=\"");
	out_number(o, value);
	out_char(o, '"');
}

static void
rect(struct out *o, int x, int y, int width, int height, const char *paint)
{
	out_text(o, "<rect");
	attribute(o, "x", x);
	attribute(o, "y", y);
	attribute(o, "width", width);
	attribute(o, "height", height);
	out_text(o, paint);
	out_text(o, "/>\n");
}

static void
text_open(struct out *o, int x, int y, const char *paint)
{
	out_text(o, "<text");
	attribute(o, "x", x);
	attribute(o, "y", y);
	out_text(o, paint);
	out_char(o, '>');
}

static void
text_close(struct out *o)
{
	out_text(o, "</text>\n");
}

/* ---- what is drawn ---- */

static int
lane_order(const void *a, const void *b)
{
	const struct svg_lane *x = a, *y = b;

	return x->process != y->process ? (x->process < y->process ? -1 : 1) : x->number < y->number ? -1 : x->number > y->number;
}

static bool
has_lane(const struct svg *s, const struct life *life)
{
	for (int i = 0; i < s->nlanes; i++)
		if (s->lanes[i].process == life->process && s->lanes[i].number == life->number)
			return true;
	return !life_can_wait(life) ||
	       (life->number <= 2 && (life->origin == BORN_FOUND || life->origin == BORN_INHERITED));
}

static void
know_lanes(struct svg *s)
{
	for (uint32_t id = 1; id <= model_lives(s->m); id++) {
		const struct life *life = model_life(s->m, id);

		if (has_lane(s, life) || !narrow_number(&s->v->narrow, life->number))
			continue;
		if (s->nlanes == LANES_MOST) {
			s->too_much = true;
			break;
		}
		s->lanes[s->nlanes++] = (struct svg_lane){.process = life->process, .number = life->number};
	}
	qsort(s->lanes, (size_t)s->nlanes, sizeof s->lanes[0], lane_order);
	s->several = model_processes(s->m) > 1;
}

static char
why_of(const struct event *ev)
{
	struct fdt_timeout limit;

	if (ev->done && ev->ret == 0 && event_timeout(ev, &limit) && limit.ns == 0)
		return '-';
	return !ev->done ? '>' : ev->ret < 0 ? 'E' : ev->ret == 0 ? 'T' : 'R';
}

static uint32_t
life_in(const struct svg *s, const struct moment *at, int lane, bool own)
{
	uint32_t pid = model_process(s->m, s->lanes[lane].process)->pid;
	const struct life *life = model_at(s->m, pid, s->lanes[lane].number);

	for (uint32_t i = 0; own && i < at->effects.nopened; i++)
		if (model_life(s->m, at->effects.opened[i])->number == s->lanes[lane].number)
			return at->effects.opened[i];
	return life != NULL ? life->id : 0;
}

/* A column of the call, if anything of it shows. */
static bool
fill_column(struct svg *s, const struct moment *at, struct svg_column *c)
{
	const struct process *p = model_pid(s->m, at->pid);
	bool wait = event_is_wait(at->ev), any = wait;

	for (int i = 0; i < s->nlanes; i++) {
		bool own = p != NULL && s->lanes[i].process == p->index;
		char mark = own ? moment_glyph(at, s->lanes[i].number) : '|';

		if (own && mark == '|' && !at->ev->done && at->ev->has_fd && at->ev->fd == s->lanes[i].number)
			mark = '>'; /* it sits in this call for good */
		c->marks[i] = mark;
		c->lives[i] = s->lanes[i].gone ? 0 : life_in(s, at, i, own);
		s->lanes[i].gone |= own && at->ev->info->shape == SHAPE_exit;
		any |= mark != '|' && mark != ' ';
		any |= own && at->ev->info->shape == SHAPE_exit;
		s->lanes[i].used |= c->lives[i] != 0;
	}
	c->why = wait ? why_of(at->ev) : ' ';
	return any;
}

static void
svg_event(struct svg *s, const struct event *ev)
{
	struct moment at;
	uint32_t number;

	narrow_step(&s->v->narrow, ev);
	moment_of(&at, s->m, ev, ev->pid);
	number = narrow_turn_of(&s->v->narrow, ev->thread);
	if (ev->call == FDT_CALL_note || s->too_much || !narrow_event(&s->v->narrow, &at))
		return;
	s->nturns += event_is_wait(ev);
	if (s->ncolumns == COLUMNS_MOST || s->nturns > TURNS_MOST) {
		s->too_much = true;
		return;
	}
	if (!fill_column(s, &at, &s->columns[s->ncolumns]))
		return;
	s->columns[s->ncolumns].number = number;
	s->first = s->ncolumns == 0 || number < s->first ? number : s->first;
	s->last = number > s->last ? number : s->last;
	s->ncolumns++;
}

static void
say_turn(struct svg *s, const struct turn *t)
{
	if (t == NULL || s->too_much || !narrow_turn(&s->v->narrow, t, INT64_MAX))
		return;
	out_reset(&s->text);
	turn_sentence(&s->text, s->m, t);
	if (out_length(&s->text) == 0)
		return;
	out_text(&s->desc, "\nTurn ");
	out_right(&s->desc, t->number, 0);
	out_text(&s->desc, ": ");
	xml(&s->desc, &s->text);
	out_char(&s->desc, '.');
}

/* ---- the picture ---- */

/* A life's bar, and its name on it. */
static void
bar(struct svg *s, uint32_t id, int column, int count)
{
	const struct life *life = model_life(s->m, id);
	bool filled = life->ordinal % 2 == 1;
	int x = LEFT + column * PITCH, width = count * PITCH, length;

	rect(&s->body, x + 1, s->y, width - 2, 14, filled ? " fill=\"" BLUE "\"" : " fill=\"url(#h)\" stroke=\"" BLUE "\"");
	out_reset(&s->text);
	out_life(&s->text, life);
	length = (int)out_length(&s->text);
	if (life->client != NULL && (length + 1 + (int)strlen(life->client)) * 7 + 6 < width) {
		out_char(&s->text, ' ');
		out_text(&s->text, life->client);
		length = (int)out_length(&s->text);
	}
	if (!filled)
		rect(&s->body, x + 3, s->y + 1, length * 6 + 4, 12, " fill=\"#FFFFFF\"");
	text_open(&s->body, x + 5, s->y + 11, filled ? " font-size=\"10\" fill=\"#FFFFFF\"" : " font-size=\"10\"");
	xml(&s->body, &s->text);
	text_close(&s->body);
}

/* The marks of a lane in one element: each has its place. */
static void
marks(struct svg *s, int lane, uint32_t from, uint32_t to, bool loud)
{
	struct out *o = &s->body;
	bool any = false;

	out_reset(&s->text);
	for (uint32_t i = from; i < to; i++) {
		char c = s->columns[i].marks[lane];

		if (c == '|' || c == ' ' || (c == '!' || c == '?') != loud)
			continue;
		out_text(o, any ? " " : "<text x=\"");
		out_number(o, LEFT + (int)(i - from) * PITCH + PITCH / 2);
		out_char(&s->text, c);
		any = true;
	}
	if (!any)
		return;
	out_char(o, '"');
	attribute(o, "y", s->y + 26);
	out_text(o, loud ? " text-anchor=\"middle\" font-weight=\"bold\" fill=\"" RED "\">" : " text-anchor=\"middle\">");
	xml(o, &s->text);
	text_close(o);
}

static void
lane(struct svg *s, int i, uint32_t from, uint32_t to)
{
	struct out *o = &s->body;

	text_open(o, 12, s->y + 12, "");
	if (s->several) {
		out_right(o, model_process(s->m, s->lanes[i].process)->pid, 0);
		out_char(o, ' ');
	} else {
		out_text(o, "fd ");
	}
	out_number(o, s->lanes[i].number);
	text_close(o);
	for (uint32_t a = from, b; a < to; a = b) {
		uint32_t id = s->columns[a].lives[i];

		for (b = a + 1; b < to && s->columns[b].lives[i] == id;)
			b++;
		if (id != 0)
			bar(s, id, (int)(a - from), (int)(b - a));
	}
	marks(s, i, from, to, false);
	marks(s, i, from, to, true);
	s->y += LANE;
}

static const char *
wait_paint(char why)
{
	if (why == '>' || why == '-')
		return " fill=\"#FFFFFF\" stroke=\"#000000\"";
	return why == 'R' ? " fill=\"" GREY "\"" : " fill=\"" RED "\"";
}

static void
band(struct svg *s, uint32_t from, uint32_t to)
{
	struct out *o = &s->body;

	text_open(o, 12, s->y + 12, "");
	out_text(o, "turn");
	text_close(o);
	text_open(o, 12, s->y + 30, "");
	out_text(o, "wait");
	text_close(o);
	for (uint32_t i = from; i < to; i++) {
		char why = s->columns[i].why;
		int x = LEFT + (int)(i - from) * PITCH;

		if (why == ' ')
			continue;
		text_open(o, x + PITCH / 2, s->y + 12, " font-size=\"9\" text-anchor=\"middle\"");
		out_right(o, s->columns[i].number, 0);
		text_close(o);
		rect(o, x + 1, s->y + 18, PITCH - 2, 16, wait_paint(why));
		if (why == 'R')
			continue;
		text_open(o, x + PITCH / 2, s->y + 30, " text-anchor=\"middle\" font-weight=\"bold\"");
		out_text(o, why == '>' ? "&gt;" : why == 'T' ? "T" : why == 'E' ? "E" : "-");
		text_close(o);
	}
	s->y += BAND;
}

/* s->text, on the picture and in words. */
static void
foot_line(struct svg *s, const char *words, const char *paint)
{
	text_open(&s->body, 12, s->y + 32, paint);
	xml(&s->body, &s->text);
	text_close(&s->body);
	out_char(&s->desc, '\n');
	out_text(&s->desc, words);
	xml(&s->desc, &s->text);
	out_char(&s->desc, '.');
	s->y += 17;
}

static void
foot(struct svg *s)
{
	char problem[512];

	text_open(&s->body, 12, s->y, " font-size=\"11\"");
	out_text(&s->body, "wait: grey ready, T timeout, E failed, - none ready and no wait, &gt; never returned. "
			   "Bar: a life; the second of 4 is 4#2, and hatched");
	text_close(&s->body);
	text_open(&s->body, 12, s->y + 15, " font-size=\"11\"");
	out_text(&s->body, "* in the set and came back, : in the set, ! open and not in the set, ? in the set and not open, "
			   "o born, r w data, 0 end of file, x closed");
	text_close(&s->body);
	capture_problem(s->v->capture, problem, sizeof problem);
	out_reset(&s->text);
	out_text(&s->text, problem);
	if (problem[0] != '\0')
		foot_line(s, "Not whole: ", " font-weight=\"bold\"");
	out_reset(&s->text);
	if (!s->v->narrow.all)
		narrow_says(&s->v->narrow, &s->text, "events");
	if (out_length(&s->text) > 0)
		foot_line(s, "", " font-size=\"11\"");
}

/* "server: turns 0-9": the program by its name, without its path. */
static void
heading(struct svg *s)
{
	const char *argv = model_processes(s->m) > 0 ? model_process(s->m, 0)->argv : NULL;
	size_t length = argv != NULL ? strcspn(argv, " ") : 0, from = length;

	out_reset(&s->text);
	while (from > 0 && argv[from - 1] != '/')
		from--;
	if (length > from)
		out_copy(&s->text, argv + from, length - from < 40 ? length - from : 40);
	else
		out_text(&s->text, "a program");
	out_text(&s->text, " and its descriptors: turns ");
	out_right(&s->text, s->first, 0);
	out_char(&s->text, '-');
	out_right(&s->text, s->last, 0);
}

static void
draw(struct svg *s)
{
	uint32_t lines = (s->ncolumns + PER_LINE - 1) / PER_LINE;
	uint32_t per_line = lines > 0 ? (s->ncolumns + lines - 1) / lines : 1; /* none of them much shorter than the others */

	text_open(&s->body, 12, 20, " font-size=\"14\" font-weight=\"bold\"");
	heading(s);
	xml(&s->body, &s->text);
	text_close(&s->body);
	s->y = TOP;
	for (uint32_t from = 0; from < s->ncolumns; from += per_line) {
		uint32_t to = from + per_line < s->ncolumns ? from + per_line : s->ncolumns;

		band(s, from, to);
		for (int i = 0; i < s->nlanes; i++)
			if (s->lanes[i].used)
				lane(s, i, from, to);
		s->y += GAP;
	}
	foot(s);
}

static void
write_picture(struct svg *s)
{
	struct out *o = &s->v->out;

	out_text(o, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"t d\"");
	attribute(o, "width", WIDTH);
	attribute(o, "height", s->y + FOOT - 18);
	out_text(o, " viewBox=\"0 0 ");
	out_number(o, WIDTH);
	out_char(o, ' ');
	out_number(o, s->y + FOOT - 18);
	out_text(o, "\" font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"12\""
		    " fill=\"#000000\">\n<title id=\"t\">");
	heading(s);
	xml(o, &s->text);
	out_text(o, "</title>\n<desc id=\"d\">A column is a call, a row a descriptor.");
	out_copy(o, s->desc.start, out_length(&s->desc));
	out_text(o, "</desc>\n<defs><pattern id=\"h\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
		    "<rect width=\"6\" height=\"6\" fill=\"#FFFFFF\"/><path d=\"M0 6L6 0\" stroke=\"" BLUE "\"/></pattern></defs>\n");
	rect(o, 0, 0, WIDTH, s->y + FOOT - 18, " fill=\"#FFFFFF\"");
	out_copy(o, s->body.start, out_length(&s->body));
	out_text(o, "</svg>\n");
}

/* How much fits: says so, and which turns would. */
static int
refuse(const struct svg *s)
{
	uint32_t turns = s->nturns < TURNS_MOST ? s->nturns / 2 : TURNS_MOST, first = s->v->o.narrow.first_turn;

	if (s->ncolumns == 0 && !s->too_much) {
		fprintf(stderr, "fdtrace: svg: %s: no such turn, nothing to draw; `fdtrace turns` lists them\n", s->v->o.capture);
		return 2;
	}
	fprintf(stderr, "fdtrace: svg: %s: more than a picture holds (%d turns, %d KB, %d descriptors); try --turns %u-%u\n",
		s->v->o.capture, TURNS_MOST, BYTES_MOST / 1000, LANES_MOST, first, first + (turns > 1 ? turns - 1 : 0));
	return 2;
}

static void
svg_open(struct svg *s, struct view *v)
{
	*s = (struct svg){.v = v, .m = v->model};
	s->columns = more(NULL, COLUMNS_MOST, sizeof *s->columns);
	s->turns = turns_open(s->m);
	out_open(&s->desc, -1);
	out_open(&s->body, -1);
	out_open(&s->text, -1);
	know_lanes(s);
}

static int
svg_close(struct svg *s)
{
	int status = 0;

	for (uint32_t i = 1; i <= timeline_threads(s->v->timeline); i++)
		say_turn(s, turns_current(s->turns, i));
	draw(s);
	if (s->ncolumns == 0 || s->too_much || out_length(&s->body) + out_length(&s->desc) + 1500 > BYTES_MOST)
		status = refuse(s);
	else if ((s->v->out.fd = view_output(&s->v->o)) < 0)
		status = 2;
	else
		write_picture(s);
	s->v->to_file = s->v->out.fd > 1;
	turns_close(s->turns);
	out_close(&s->desc);
	out_close(&s->body);
	out_close(&s->text);
	free(s->columns);
	return status;
}

int
svg_main(int argc, char **argv)
{
	struct view v;
	struct svg s;
	const char *output;
	struct effects e;
	struct event *ev;
	enum step step;
	int status = view_arguments(&v.o, argc, argv, TAKES_NARROW, help), closed;

	if (status >= 0)
		return status;
	v.o.no_where = true;
	output = v.o.output;
	v.o.output = NULL; /* nothing is overwritten when there will be no picture */
	if ((status = view_open(&v, false)) >= 0)
		return status;
	v.o.output = output;
	svg_open(&s, &v);
	while ((step = timeline_next(v.timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(v.model, step, ev, &e);
		say_turn(&s, turns_step(s.turns, step, ev, &e)); /* it ends where the next one begins */
		if (step == STEP_BEGIN)
			svg_event(&s, ev);
	}
	status = svg_close(&s);
	closed = view_close(&v);
	return status != 0 ? status : closed;
}
