/* trace/views/diff_first.c: which difference was the first; see diff.h. */
#include "views/diff.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

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
		f->gap = diff_common_before(d, deed->at);
		f->at = deed->at;
	}
	if (f->pair.theirs >= 0) {
		const struct deed *deed = &theirs->deeds[f->pair.theirs];

		end |= comes_of_the_end(deed, d->theirs_stops, d->theirs_last);
		late_theirs = (d->mine_stops != NULL && deed->at >= d->mine_stops->at) || end;
		if (f->pair.mine < 0 || (!late_theirs && diff_as_mine(d, deed->at) < f->gap))
			f->gap = diff_as_mine(d, deed->at);
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

	diff_pair_up(d, mine, theirs);
	for (uint32_t i = 0; i < d->npairs; i++) {
		struct first found = {.mine = mine, .theirs = theirs, .pair = d->pairs[i], .before = before};

		if (diff_mark(&found.pair, mine) == ' ') {
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
bool
diff_is_compared(const struct story *story)
{
	return story->peer != 0 || (story->kind != STORY_OUTPUT && story->n > 0);
}

/* Calls `look` with each pair of stories. */
void
diff_each_pair(struct diff *d, void (*look)(struct diff *, const struct story *, const struct story *, struct firsts *),
	struct firsts *firsts)
{
	for (uint32_t i = 0; i < d->mine.s.n; i++)
		if (diff_is_compared(&d->mine.s.list[i]))
			look(d, &d->mine.s.list[i], their_story(d, &d->mine.s.list[i]), firsts);
	for (uint32_t i = 0; i < d->theirs.s.n; i++)
		if (d->theirs.s.list[i].peer == 0 && diff_is_compared(&d->theirs.s.list[i]))
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

struct first
diff_first(struct diff *d)
{
	struct firsts firsts = {0};

	diff_each_pair(d, find_stops, NULL);
	diff_each_pair(d, find_first, &firsts);
	return *first_of(&firsts);
}
