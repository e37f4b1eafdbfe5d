/* trace/views/diff.c: `fdtrace diff MINE THEIRS`: two runs of the same session side by side, by what happened.
 *
 *     fdtrace diff build/lab2/trace.fdt reference.fdt
 *
 * Both runs become stories (story.h). Stories of the same name are laid side by side; what only one of them has is a difference.
 * The first difference is the earliest one on a common clock: a deed that only the other run has stands behind the last deed before
 * it that both have.
 */
#include "views/story.h"
#include "views/views.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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
	CELLS_MOST = 1 << 22, /* of the table that finds what two stories have in common */
	AROUND = 2,           /* deeds that are the same and shown before and after a difference */
};

struct run {
	struct view v;
	struct stories s;
};

/* A row: a deed of one run or of both. -1: none. */
struct pair {
	int64_t mine, theirs;
};

/* Two deeds that are the same, by their steps. */
struct anchor {
	uint64_t theirs, mine;
};

struct diff {
	struct run mine, theirs;
	struct screen screen;
	struct out *out;
	struct pair *pairs; /* of the story at hand */
	uint32_t npairs, pairs_room;
	struct anchor *anchors;
	uint32_t nanchors, anchors_room;
	struct out left, right;
	int seq_width, numbers; /* numbers: the columns "  event turn " before a deed */
	uint64_t differences;
	uint32_t differ, same;  /* stories */
	const struct deed *mine_stops, *theirs_stops; /* the first step of the script that only the other run has */
	const char *mine_stopped, *theirs_stopped;    /* whose step that is */
	uint64_t mine_last, theirs_last; /* events: the last step of the script */
};

/* ---- one pair of stories: what they have in common ---- */

/* Bytes may be cut into any number of calls: an exchange that ends where none of the other run's does goes into the next one. */
static bool
ends_alike(const struct story *story, const struct deed *d)
{
	uint32_t low = 0, high = story->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2, at = middle;
		const struct deed *m;

		while (at < high && story->deeds[at].kind != DEED_MOVED)
			at++;
		if (at == high) {
			high = middle;
			continue;
		}
		m = &story->deeds[at];
		if (m->a == d->a && m->b == d->b)
			return true;
		if (m->a + m->b < d->a + d->b)
			low = at + 1;
		else
			high = middle;
	}
	return false;
}

/* Up to the last exchange that both have; behind it they differ, and are shown as they were. */
static void
merge_moves(struct story *story, const struct story *other)
{
	uint32_t kept = 0, last = 0;
	uint64_t first = 0;

	for (uint32_t i = 0; i < story->n; i++)
		if (story->deeds[i].kind == DEED_MOVED && ends_alike(other, &story->deeds[i]))
			last = i;
	for (uint32_t i = 0; i < story->n; i++) {
		struct deed *d = &story->deeds[i];
		bool move = d->kind == DEED_MOVED && i + 1 < story->n && story->deeds[i + 1].kind == DEED_MOVED;

		if (move && i < last && !ends_alike(other, d)) {
			first = first == 0 ? d->seq : first;
			continue;
		}
		if (first != 0 && d->kind == DEED_MOVED)
			d->seq = first;
		first = 0;
		story->deeds[kept++] = *d;
	}
	story->n = kept;
}

/* The longest common subsequence of what is left between equal ends, where the table is not too big. */
static void
mark_common(struct deed *a, uint32_t na, struct deed *b, uint32_t nb)
{
	uint32_t wide = nb + 1, *table;

	if ((uint64_t)(na + 1) * wide > CELLS_MOST)
		return;
	table = more(NULL, (size_t)(na + 1) * wide, sizeof *table);
	memset(table, 0, (size_t)(na + 1) * wide * sizeof *table);
	for (uint32_t i = na; i-- > 0;)
		for (uint32_t j = nb; j-- > 0;) {
			uint32_t down = table[(i + 1) * wide + j], right = table[i * wide + j + 1];

			table[i * wide + j] =
				deeds_same(&a[i], &b[j]) ? table[(i + 1) * wide + j + 1] + 1 : down > right ? down : right;
		}
	for (uint32_t i = 0, j = 0; i < na && j < nb;) {
		if (deeds_same(&a[i], &b[j]))
			a[i++].same = b[j++].same = true;
		else if (table[(i + 1) * wide + j] >= table[i * wide + j + 1])
			i++;
		else
			j++;
	}
	free(table);
}

static void
compare(struct story *mine, struct story *theirs)
{
	uint32_t from = 0, na, nb;

	merge_moves(mine, theirs);
	merge_moves(theirs, mine);
	na = mine->n;
	nb = theirs->n;
	while (from < na && from < nb && deeds_same(&mine->deeds[from], &theirs->deeds[from])) {
		mine->deeds[from].same = theirs->deeds[from].same = true;
		from++;
	}
	while (na > from && nb > from && deeds_same(&mine->deeds[na - 1], &theirs->deeds[nb - 1])) {
		na--;
		nb--;
		mine->deeds[na].same = theirs->deeds[nb].same = true;
	}
	if (na > from && nb > from)
		mark_common(mine->deeds + from, na - from, theirs->deeds + from, nb - from);
}

static void
add_anchors(struct diff *d, const struct story *mine, const struct story *theirs)
{
	for (uint32_t i = 0, j = 0; i < mine->n && j < theirs->n; i++, j++) {
		while (i < mine->n && !mine->deeds[i].same)
			i++;
		while (j < theirs->n && !theirs->deeds[j].same)
			j++;
		if (i == mine->n || j == theirs->n || mine->deeds[i].at == UINT64_MAX || theirs->deeds[j].at == UINT64_MAX)
			return;
		d->anchors = grow(d->anchors, d->nanchors, &d->anchors_room, sizeof *d->anchors);
		d->anchors[d->nanchors++] = (struct anchor){theirs->deeds[j].at, mine->deeds[i].at};
	}
}

static int
by_theirs(const void *a, const void *b)
{
	const struct anchor *x = a, *y = b;

	return x->theirs != y->theirs ? (x->theirs < y->theirs ? -1 : 1) : x->mine < y->mine ? -1 : x->mine > y->mine;
}

static void
compare_all(struct diff *d)
{
	for (uint32_t i = 0; i < d->mine.s.n; i++) {
		struct story *mine = &d->mine.s.list[i], *theirs = stories_find(&d->theirs.s, mine->name);

		if (theirs == NULL)
			continue;
		mine->peer = (uint32_t)(theirs - d->theirs.s.list) + 1;
		theirs->peer = i + 1;
		compare(mine, theirs);
		add_anchors(d, mine, theirs);
	}
	if (d->nanchors > 0)
		qsort(d->anchors, d->nanchors, sizeof *d->anchors, by_theirs);
	for (uint32_t i = 1; i < d->nanchors; i++) /* the latest so far */
		if (d->anchors[i].mine < d->anchors[i - 1].mine)
			d->anchors[i].mine = d->anchors[i - 1].mine;
}

/* Where a step of the second run would be in the first. */
static uint64_t
as_mine(const struct diff *d, uint64_t at)
{
	uint32_t low = 0, high = d->nanchors;

	if (at == UINT64_MAX)
		return at;
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (d->anchors[middle].theirs < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? d->anchors[low - 1].mine : 0;
}

/* The last step of the first run that both have, at or before this one. */
static uint64_t
common_before(const struct diff *d, uint64_t at)
{
	uint32_t low = 0, high = d->nanchors;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (d->anchors[middle].mine <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? d->anchors[low - 1].mine : 0;
}

/* ---- the rows of a pair of stories ---- */

static void
add_pair(struct diff *d, int64_t mine, int64_t theirs)
{
	d->pairs = grow(d->pairs, d->npairs, &d->pairs_room, sizeof *d->pairs);
	d->pairs[d->npairs++] = (struct pair){mine, theirs};
}

/* Deeds that could stand in one row: the same kind of thing went another way. */
static bool
are_rivals(const struct deed *a, const struct deed *b)
{
	bool ends_a = a->kind == DEED_CLOSED || a->kind == DEED_OPEN || a->kind == DEED_UNKNOWN;
	bool ends_b = b->kind == DEED_CLOSED || b->kind == DEED_OPEN || b->kind == DEED_UNKNOWN;

	return a->kind == b->kind || (ends_a && ends_b);
}

/* Rows from (i, j) up to the next deeds that both have. */
static void
add_differences(struct diff *d, const struct story *mine, const struct story *theirs, uint32_t *i, uint32_t *j)
{
	while (*i < mine->n && !mine->deeds[*i].same) {
		uint32_t k = *j;

		while (k < theirs->n && !theirs->deeds[k].same && !are_rivals(&mine->deeds[*i], &theirs->deeds[k]))
			k++;
		if (k < theirs->n && !theirs->deeds[k].same) {
			while (*j < k)
				add_pair(d, -1, (*j)++);
			add_pair(d, (*i)++, (*j)++);
		} else {
			add_pair(d, (*i)++, -1);
		}
	}
	while (*j < theirs->n && !theirs->deeds[*j].same)
		add_pair(d, -1, (*j)++);
}

static void
pair_up(struct diff *d, const struct story *mine, const struct story *theirs)
{
	static const struct story none;
	uint32_t i = 0, j = 0;

	mine = mine != NULL ? mine : &none;
	theirs = theirs != NULL ? theirs : &none;
	d->npairs = 0;
	while (i < mine->n || j < theirs->n) {
		add_differences(d, mine, theirs, &i, &j);
		if (i < mine->n && j < theirs->n)
			add_pair(d, i++, j++);
		else if (i < mine->n || j < theirs->n) /* a deed that lost its partner: never silently */
			add_pair(d, i < mine->n ? (int64_t)i++ : -1, j < theirs->n ? (int64_t)j++ : -1);
	}
}

static char
mark_of(const struct pair *p, const struct story *mine)
{
	if (p->mine < 0)
		return '>';
	if (p->theirs < 0)
		return '<';
	return mine->deeds[p->mine].same || mine->kind == STORY_OUTPUT ? ' ' : '|'; /* other words at the same place: no matter */
}

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
	char mark = mark_of(p, mine);

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

struct first {
	const struct story *mine, *theirs;
	struct pair pair;
	int rank;     /* 1: a file, or words; 2: a step of a session that broke off in the other run; 3: it comes of the end of one */
	uint64_t gap; /* the step of the first run that both have, and that is the last one before it */
	uint64_t at;  /* where it is in that gap, in the run that has it */
	int64_t before; /* the row with the last deed that both have before it; -1 */
};

/* The earliest of each sort. Between two deeds that both runs have, nobody can say which difference was first. */
struct firsts {
	struct first mine;   /* what only the first run has */
	struct first cause;  /* the same, of those that are causes */
	struct first theirs; /* what the second has, or what is another in both */
};

/* A script goes on as long as its steps succeed. The first step that one run has alone is where the other one's broke off: what
 * the run has alone after that comes of the session and not of the program. */
static void
look_for_stops(const struct story *story, const struct deed **stops, const char **stopped, uint64_t *last)
{
	for (uint32_t i = 0; story != NULL && i < story->n; i++) {
		const struct deed *deed = &story->deeds[i];

		if (deed->kind != DEED_STEP)
			continue;
		*last = deed->seq > *last ? deed->seq : *last;
		if (!deed->same && (*stops == NULL || deed->at < (*stops)->at)) {
			*stops = deed;
			*stopped = story->name;
		}
	}
}

static void
find_stops(struct diff *d, const struct story *mine, const struct story *theirs, struct firsts *unused)
{
	(void)unused;
	look_for_stops(theirs, &d->mine_stops, &d->mine_stopped, &d->theirs_last);
	look_for_stops(mine, &d->theirs_stops, &d->theirs_stopped, &d->mine_last);
}

/* When a session breaks off, its clients vanish and the program is ended. `last`: the event of its last step. */
static bool
comes_of_the_end(const struct deed *deed, const struct deed *stops, uint64_t last)
{
	if (stops == NULL)
		return false;
	if (deed->kind == DEED_ENDED)
		return WIFSIGNALED((int)deed->a) && (WTERMSIG((int)deed->a) == SIGKILL || WTERMSIG((int)deed->a) == SIGTERM);
	if (deed->kind == DEED_SITS)
		return deed->seq > last;
	return deed->kind == DEED_FAILED && (deed->a == ECONNRESET || deed->a == EPIPE) && deed->seq > last;
}

/* What a set was and what failed are why something then did not happen. */
static bool
is_cause(const struct deed *deed)
{
	switch (deed->kind) {
	case DEED_WATCHED:
	case DEED_FORGOTTEN:
	case DEED_NOT_OPEN:
	case DEED_FAILED:
	case DEED_SITS:
	case DEED_LIMIT: return true;
	default: return false;
	}
}

/* When it was, on the first run's clock; and whether it comes of a session that broke off. */
static void
place(const struct diff *d, const struct story *mine, const struct story *theirs, struct first *f)
{
	const struct story *told = mine != NULL ? mine : theirs;
	bool late = true, late_theirs = true, end = false;

	f->gap = f->at = UINT64_MAX;
	if (f->pair.mine >= 0) {
		const struct deed *deed = &mine->deeds[f->pair.mine];

		end = comes_of_the_end(deed, d->mine_stops, d->mine_last);
		late = deed->at == UINT64_MAX ? d->mine_stops != NULL : (d->theirs_stops != NULL && deed->at >= d->theirs_stops->at) || end;
		f->gap = common_before(d, deed->at);
		f->at = deed->at;
	}
	if (f->pair.theirs >= 0) {
		const struct deed *deed = &theirs->deeds[f->pair.theirs];

		end |= comes_of_the_end(deed, d->theirs_stops, d->theirs_last);
		late_theirs = (d->mine_stops != NULL && deed->at >= d->mine_stops->at) || end;
		if (f->pair.mine < 0 || (!late_theirs && as_mine(d, deed->at) < f->gap))
			f->gap = as_mine(d, deed->at);
		f->at = deed->at != UINT64_MAX ? deed->at : f->at;
	}
	if (late && late_theirs)
		f->rank = end ? 3 : 2;
	else
		f->rank = told->kind == STORY_OUTPUT || (told->kind == STORY_OTHER && told->peer == 0);
}

static bool
is_any(const struct first *f)
{
	return f->mine != NULL || f->theirs != NULL;
}

/* -1, 0, 1: a is in a gap before b's, in the same, in a later one. */
static int
by_gap(const struct first *a, const struct first *b)
{
	if (is_any(a) != is_any(b))
		return is_any(a) ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->gap != b->gap ? (a->gap < b->gap ? -1 : 1) : 0;
}

static void
take_first(struct first *first, const struct first *found)
{
	int order = by_gap(found, first);

	if (order < 0 || (order == 0 && found->at < first->at))
		*first = *found;
}

static const struct first *
first_of(const struct firsts *f)
{
	int order = by_gap(&f->mine, &f->theirs);

	if (order == 0 && by_gap(&f->cause, &f->theirs) != 0)
		return &f->theirs;
	return order <= 0 ? &f->mine : &f->theirs;
}

static void
look_for_first(struct diff *d, const struct story *mine, const struct story *theirs, struct firsts *firsts)
{
	int64_t before = -1;

	pair_up(d, mine, theirs);
	for (uint32_t i = 0; i < d->npairs; i++) {
		struct first found = {.mine = mine, .theirs = theirs, .pair = d->pairs[i], .before = before};

		if (mark_of(&found.pair, mine) == ' ') {
			before = d->pairs[i].mine;
			continue;
		}
		d->differences++;
		place(d, mine, theirs, &found);
		take_first(found.pair.theirs < 0 ? &firsts->mine : &firsts->theirs, &found);
		if (found.pair.theirs < 0 && is_cause(&mine->deeds[found.pair.mine]))
			take_first(&firsts->cause, &found);
	}
}

static const struct story *
their_story(const struct diff *d, const struct story *mine)
{
	return mine->peer > 0 ? &d->theirs.s.list[mine->peer - 1] : NULL;
}

/* Whether a program's output is in its capture is a matter of how it was run. */
static bool
is_compared(const struct story *story)
{
	return story->peer != 0 || (story->kind != STORY_OUTPUT && story->n > 0);
}

/* Calls `look` with each pair of stories. */
static void
each_pair(struct diff *d, void (*look)(struct diff *, const struct story *, const struct story *, struct firsts *),
	struct firsts *firsts)
{
	for (uint32_t i = 0; i < d->mine.s.n; i++)
		if (is_compared(&d->mine.s.list[i]))
			look(d, &d->mine.s.list[i], their_story(d, &d->mine.s.list[i]), firsts);
	for (uint32_t i = 0; i < d->theirs.s.n; i++)
		if (d->theirs.s.list[i].peer == 0 && is_compared(&d->theirs.s.list[i]))
			look(d, NULL, &d->theirs.s.list[i], firsts);
}

static void
find_first(struct diff *d, const struct story *mine, const struct story *theirs, struct firsts *firsts)
{
	uint64_t before = d->differences;
	bool cut = mine != NULL && theirs != NULL && mine->more != theirs->more;

	look_for_first(d, mine, theirs, firsts);
	if (d->differences > before || cut || mine == NULL || theirs == NULL)
		d->differ++;
	else
		d->same++;
}

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
		if (mark_of(&d->pairs[i], mine) != ' ')
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
	pair_up(d, mine, theirs);
	for (uint32_t i = 0; i < d->npairs; i++)
		differ |= mark_of(&d->pairs[i], mine) != ' ';
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
		if (s->list[i].peer != 0 || !is_compared(&s->list[i]))
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
	each_pair(d, show_story, NULL);
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
	struct firsts firsts = {0};
	const struct first *first;
	bool any;

	each_pair(d, find_stops, NULL);
	each_pair(d, find_first, &firsts);
	first = first_of(&firsts);
	any = is_any(first);
	number_widths(d);
	head_line(d, &d->mine, '<');
	head_line(d, &d->theirs, '>');
	if (any) {
		out_line(d->out);
		show_first(d, first);
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
	compare_all(&d);
	show(&d);
	return close_both(&d, d.differ > 0);
}
