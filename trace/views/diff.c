/* trace/views/diff.c: `fdtrace diff MINE THEIRS`: two runs of the same session side by side, by what happened.
 *
 *     fdtrace diff build/lab2/trace.fdt reference.fdt
 *
 * Both runs become stories (story.h). Stories of the same name are laid side by side; what only one of them has is a difference.
 * The first difference is the earliest one on a common clock: a deed that only the other run has stands behind the last deed before
 * it that both have.
 */
#include "views/diff.h"
#include "views/views.h"

#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: fdtrace diff [OPTION]... MINE THEIRS\n"
	"Compares two runs of the same session by what happened and not by when: the first difference, then all. Clients are the same by\n"
	"their names (without notes, by the order in which they were accepted), sockets by the order in which they were made.\n"
	"  <  only in the first run      >  only in the second      |  not the same in both\n"
	"Times, ports that the kernel chose, numbers of processes, how bytes were cut into calls, the order of events within a turn, and\n"
	"calls that change nothing for a client are no differences; numbers of descriptors are.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --all            also what is the same\n"
	"  --no-where       no source lines\n"
	"  --width=N        columns (the terminal's, COLUMNS, or 80); from 100 on side by side\n"
	"  --color=WHEN     always, never, auto (on a terminal, and NO_COLOR is not set)\n"
	"  --ascii          nothing but ASCII\n"
	"\n"
	"Exit status: 0 when the same happened, 1 when not; 2 for a bad capture or bad arguments.\n";

enum {
	SIDE_BY_SIDE = 100,
	AROUND = 2, /* deeds that are the same and shown before and after a difference */
};

/* ---- cells ---- */

static void
deed_cell(struct diff *d, struct out *o, struct run *run, const struct story *story, uint32_t i, bool where)
{
	const char *line = where ? deed_where(&run->s, &story->deeds[i]) : "";

	(void)d;
	out_reset(o);
	deed_text(o, &run->s, story, i);
	out_char(o, PIECE_END);
	if (line[0] != '\0') {
		out_text(o, line);
		out_char(o, PIECE_END);
	}
}

static void
out_numbers(struct diff *d, const struct deed *deed)
{
	struct out *o = d->out;
	size_t from = out_length(o);

	if (deed != NULL && deed->seq != 0)
		out_right(o, deed->seq, d->seq_width);
	if (deed != NULL && deed->turn != UINT32_MAX)
		out_right(o, deed->turn, d->numbers - d->seq_width - 1);
	out_pad(o, from, d->numbers);
}

/* As wide as the numbers of both runs need. */
static void
number_widths(struct diff *d)
{
	uint64_t seq = 0;
	uint32_t turn = 0;

	for (int which = 0; which < 2; which++) {
		const struct stories *s = which == 0 ? &d->mine.s : &d->theirs.s;

		for (uint32_t i = 0; i < s->n; i++)
			for (uint32_t k = 0; k < s->list[i].n; k++) {
				const struct deed *deed = &s->list[i].deeds[k];

				seq = deed->seq > seq ? deed->seq : seq;
				turn = deed->turn != UINT32_MAX && deed->turn > turn ? deed->turn : turn;
			}
	}
	d->seq_width = number_digits(seq) + 2 > 7 ? number_digits(seq) + 2 : 7;
	d->numbers = d->seq_width + (number_digits(turn) + 1 > 5 ? number_digits(turn) + 1 : 5) + 1;
}

static void
trim(struct out *o)
{
	while (o->at > o->start && o->at[-1] == ' ')
		o->at--;
	out_line(o);
}

static void
out_mark(struct diff *d, char mark)
{
	enum hue hue = mark == '<' ? HUE_WOKE : mark == '>' ? HUE_BORN : mark == '|' ? HUE_LOUD : HUE_NONE;

	if (hue != HUE_NONE)
		out_hue(d->out, &d->screen, hue);
	out_char(d->out, mark);
	if (hue != HUE_NONE)
		out_hue(d->out, &d->screen, HUE_NONE);
}

/* Pieces up to `width`, and spaces behind them. */
static void
cell(struct diff *d, const struct out *text, size_t *at, int width, bool fill)
{
	const struct screen plain = {.width = width, .utf8 = d->screen.utf8};
	int used = *at < out_length(text) ? out_pieces(d->out, &plain, text, at, width, 2) : 0;

	if (fill && used < width)
		out_pad(d->out, out_length(d->out), width - used);
}

/* Two halves and a mark between them. */
static void
row_wide(struct diff *d, char mark, const struct deed *mine, const struct deed *theirs)
{
	int half = (d->screen.width - 3) / 2 - d->numbers;
	size_t left = 0, right = 0;
	bool first = true;

	while (first || left < out_length(&d->left) || right < out_length(&d->right)) {
		out_numbers(d, first ? mine : NULL);
		cell(d, &d->left, &left, half, true);
		out_char(d->out, ' ');
		out_mark(d, first ? mark : ' ');
		out_char(d->out, ' ');
		if (right < out_length(&d->right)) {
			out_numbers(d, first ? theirs : NULL);
			cell(d, &d->right, &right, half, false);
		}
		trim(d->out);
		first = false;
	}
}

static void
line_narrow(struct diff *d, char mark, const struct deed *deed, const struct out *text)
{
	size_t at = 0;

	for (bool first = true; at < out_length(text); first = false) {
		out_char(d->out, ' ');
		out_mark(d, first ? mark : ' ');
		out_numbers(d, first ? deed : NULL);
		cell(d, text, &at, d->screen.width - 2 - d->numbers, false);
		trim(d->out);
	}
}

static void
row(struct diff *d, const struct pair *p, const struct story *mine, const struct story *theirs, bool where)
{
	const struct deed *left = p->mine >= 0 ? &mine->deeds[p->mine] : NULL;
	const struct deed *right = p->theirs >= 0 ? &theirs->deeds[p->theirs] : NULL;
	char mark = diff_mark(p, mine);

	out_reset(&d->left);
	out_reset(&d->right);
	if (left != NULL)
		deed_cell(d, &d->left, &d->mine, mine, (uint32_t)p->mine, where);
	if (right != NULL)
		deed_cell(d, &d->right, &d->theirs, theirs, (uint32_t)p->theirs, where);
	if (d->screen.width >= SIDE_BY_SIDE) {
		row_wide(d, mark, left, right);
	} else if (mark == ' ') {
		line_narrow(d, ' ', left, &d->left);
	} else {
		if (left != NULL)
			line_narrow(d, '<', left, &d->left);
		if (right != NULL)
			line_narrow(d, '>', right, &d->right);
	}
}

/* ---- the first difference ---- */

/* d->left as lines. */
static void
out_left(struct diff *d)
{
	size_t at = 0;

	for (bool begin = true; at < out_length(&d->left); begin = false) {
		const struct screen plain = {.width = d->screen.width, .utf8 = d->screen.utf8};

		out_text(d->out, begin ? "" : "  ");
		out_pieces(d->out, &plain, &d->left, &at, d->screen.width - 2, 1);
		out_line(d->out);
	}
}

static void
show_first(struct diff *d, const struct first *first)
{
	out_reset(&d->left);
	out_text(&d->left, "The first difference: ");
	out_text(&d->left, first->mine != NULL ? first->mine->name : first->theirs->name);
	if (first->before >= 0) {
		out_text(&d->left, ", after \"");
		deed_text(&d->left, &d->mine.s, first->mine, (uint32_t)first->before);
		out_char(&d->left, '"');
	} else if (first->mine == NULL || first->theirs == NULL) {
		out_text(&d->left, first->mine == NULL ? ", which only the second run has" : ", which only the first run has");
	}
	out_char(&d->left, PIECE_END);
	out_left(d);
	row(d, &first->pair, first->mine, first->theirs, true);
}

/* "The session broke off in the first run, before client G says "still alive?"." */
static void
show_stop(struct diff *d, const struct deed *stops, const char *whose, const struct run *other, const char *which)
{
	if (stops == NULL)
		return;
	out_reset(&d->left);
	out_text(&d->left, "The session broke off in the ");
	out_text(&d->left, which);
	out_text(&d->left, " run, before ");
	out_text(&d->left, strcmp(whose, other->s.list[0].name) == 0 ? "the" : whose);
	out_char(&d->left, ' ');
	out_text(&d->left, stops->text);
	out_char(&d->left, PIECE_END);
	out_left(d);
}

/* ---- all ---- */

static bool
is_near(const struct diff *d, uint32_t at, const struct story *mine)
{
	uint32_t from = at > AROUND ? at - AROUND : 0;

	for (uint32_t i = from; i <= at + AROUND && i < d->npairs; i++)
		if (diff_mark(&d->pairs[i], mine) != ' ')
			return true;
	return false;
}

static void
skipped_line(struct diff *d, uint32_t count)
{
	if (count == 0)
		return;
	out_pad(d->out, out_length(d->out), d->screen.width >= SIDE_BY_SIDE ? d->numbers : d->numbers + 2);
	out_text(d->out, "... ");
	out_number(d->out, count);
	out_text(d->out, " the same");
	out_line(d->out);
}

static void
show_story(struct diff *d, const struct story *mine, const struct story *theirs, struct firsts *unused)
{
	bool all = d->mine.v.o.live.all, differ = false;
	uint32_t skipped = 0;

	(void)unused;
	diff_pair_up(d, mine, theirs);
	for (uint32_t i = 0; i < d->npairs; i++)
		differ |= diff_mark(&d->pairs[i], mine) != ' ';
	if (!all && (!differ || mine == NULL || theirs == NULL))
		return;
	out_line(d->out);
	out_hue(d->out, &d->screen, HUE_LOUD);
	out_text(d->out, mine != NULL ? mine->name : theirs->name);
	out_hue(d->out, &d->screen, HUE_NONE);
	out_text(d->out, mine == NULL ? ": only in the second run" : theirs == NULL ? ": only in the first run" : "");
	out_line(d->out);
	for (uint32_t i = 0; i < d->npairs; i++) {
		if (!all && !is_near(d, i, mine)) {
			skipped++;
			continue;
		}
		skipped_line(d, skipped);
		skipped = 0;
		row(d, &d->pairs[i], mine, theirs, false);
	}
	skipped_line(d, skipped);
}

/* Stories that one run has alone, by their names. */
static void
show_lonely(struct diff *d, const struct stories *s, const char *words)
{
	bool any = false;

	out_reset(&d->left);
	out_text(&d->left, words);
	out_char(&d->left, PIECE_END);
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->list[i].peer != 0 || !diff_is_compared(&s->list[i]))
			continue;
		if (any) { /* a comma behind the one before */
			d->left.at--;
			out_char(&d->left, ',');
			out_char(&d->left, PIECE_END);
		}
		out_text(&d->left, s->list[i].name);
		out_char(&d->left, PIECE_END);
		any = true;
	}
	if (!any || d->mine.v.o.live.all)
		return;
	out_line(d->out);
	out_left(d);
}

static void
heading(struct diff *d, const char *mark)
{
	out_pad(d->out, out_length(d->out), d->seq_width - 5);
	out_text(d->out, "event");
	out_pad(d->out, out_length(d->out), d->numbers - d->seq_width - 5);
	out_text(d->out, "turn");
	out_text(d->out, mark[0] != '\0' ? " " : "");
	out_text(d->out, mark);
}

static void
show_all(struct diff *d)
{
	out_line(d->out);
	if (d->screen.width >= SIDE_BY_SIDE) {
		size_t from = out_length(d->out);

		heading(d, "<");
		out_pad(d->out, from, (d->screen.width - 3) / 2 + 3);
		heading(d, ">");
	} else {
		out_text(d->out, "  ");
		heading(d, "");
	}
	out_line(d->out);
	diff_each_pair(d, show_story, NULL);
	show_lonely(d, &d->mine.s, "Only in the first run:");
	show_lonely(d, &d->theirs.s, "Only in the second run:");
}

static void
head_line(struct diff *d, const struct run *run, char mark)
{
	const char *argv = model_processes(run->v.model) > 0 ? model_process(run->v.model, 0)->argv : NULL;
	char problem[512];
	size_t at = 0;

	out_reset(&d->left);
	out_said(&d->left, &d->screen, (struct bytes){(const unsigned char *)capture_path(run->v.capture),
			(uint32_t)strlen(capture_path(run->v.capture))});
	if (argv != NULL) {
		out_text(&d->left, ": ");
		out_text(&d->left, argv);
	}
	out_char(&d->left, PIECE_END);
	capture_problem(run->v.capture, problem, sizeof problem);
	if (problem[0] != '\0') {
		out_text(&d->left, "-- ");
		out_text(&d->left, problem);
		out_char(&d->left, PIECE_END);
	}
	for (bool first = true; at < out_length(&d->left); first = false) {
		out_mark(d, first ? mark : ' ');
		out_char(d->out, ' ');
		cell(d, &d->left, &at, d->screen.width - 2, false);
		out_line(d->out);
	}
}

static void
tail_line(struct diff *d)
{
	struct out *o = d->out;

	out_line(o);
	if (d->differ == 0)
		out_text(o, "The same happened in both: ");
	else {
		out_right(o, d->differences, 0);
		out_text(o, d->differences == 1 ? " difference, in " : " differences, in ");
		out_right(o, d->differ, 0);
		out_text(o, " of ");
	}
	out_right(o, d->differ + d->same, 0);
	out_text(o, " stories");
	out_line(o);
}

static void
show(struct diff *d)
{
	const struct first first = diff_first(d);
	bool any = first.mine != NULL || first.theirs != NULL;

	number_widths(d);
	head_line(d, &d->mine, '<');
	head_line(d, &d->theirs, '>');
	if (any) {
		out_line(d->out);
		show_first(d, &first);
		show_stop(d, d->mine_stops, d->mine_stopped, &d->theirs, "first");
		show_stop(d, d->theirs_stops, d->theirs_stopped, &d->mine, "second");
	}
	if (any || d->mine.v.o.live.all)
		show_all(d);
	tail_line(d);
}

/* ---- the command ---- */

static int
open_both(struct diff *d)
{
	const char *output = d->mine.v.o.output;
	int status;

	d->theirs.v.o = d->mine.v.o;
	d->theirs.v.o.capture = d->mine.v.o.second;
	d->mine.v.o.output = d->theirs.v.o.output = NULL; /* nothing is overwritten when one of them is no capture */
	d->mine.v.o.live.narrow = &d->mine.v.o.narrow;
	if ((status = view_open(&d->mine.v, false)) >= 0)
		return status;
	status = view_open(&d->theirs.v, false);
	d->mine.v.o.output = output;
	if (status < 0 && (d->mine.v.out.fd = view_output(&d->mine.v.o)) >= 0) {
		d->mine.v.to_file = d->mine.v.out.fd != 1;
		return -1;
	}
	if (status < 0)
		view_close(&d->theirs.v);
	d->mine.v.out.fd = 1;
	d->mine.v.o.output = NULL;
	view_close(&d->mine.v);
	return 2;
}

static int
close_both(struct diff *d, int status)
{
	int mine, theirs;

	stories_free(&d->mine.s);
	stories_free(&d->theirs.s);
	out_close(&d->left);
	out_close(&d->right);
	free(d->pairs);
	free(d->anchors);
	theirs = view_close(&d->theirs.v);
	mine = view_close(&d->mine.v);
	return mine != 0 ? mine : theirs != 0 ? theirs : status;
}

int
diff_main(int argc, char **argv)
{
	struct diff d = {0};
	bool named;
	int status = view_arguments(&d.mine.v.o, argc, argv, TAKES_SCREEN | TAKES_WHERE | TAKES_TWO, help);

	if (status >= 0 || (status = open_both(&d)) >= 0)
		return status;
	d.out = &d.mine.v.out;
	d.mine.v.o.live.fd = d.out->fd;
	d.screen = screen_of(&d.mine.v.o.live);
	out_open(&d.left, -1);
	out_open(&d.right, -1);
	named = stories_named(&d.mine.v) && stories_named(&d.theirs.v);
	stories_read(&d.mine.s, &d.mine.v, &d.screen, named);
	stories_read(&d.theirs.s, &d.theirs.v, &d.screen, named);
	diff_compare(&d);
	show(&d);
	return close_both(&d, d.differ > 0);
}
