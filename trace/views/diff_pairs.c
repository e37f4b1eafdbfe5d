/* trace/views/diff_pairs.c: two stories beside each other; see diff.h. */
#include "views/diff.h"

#include <stdlib.h>
#include <string.h>

enum { CELLS_MOST = 1 << 22 }; /* of the table that finds what two stories have in common */

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

void
diff_compare(struct diff *d)
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
uint64_t
diff_as_mine(const struct diff *d, uint64_t at)
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
uint64_t
diff_common_before(const struct diff *d, uint64_t at)
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

void
diff_pair_up(struct diff *d, const struct story *mine, const struct story *theirs)
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

char
diff_mark(const struct pair *p, const struct story *mine)
{
	if (p->mine < 0)
		return '>';
	if (p->theirs < 0)
		return '<';
	return mine->deeds[p->mine].same || mine->kind == STORY_OUTPUT ? ' ' : '|'; /* other words at the same place: no matter */
}
