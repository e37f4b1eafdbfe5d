/* trace/views/diff.h: two runs side by side: what both have, what only one has, and which of that was first. Only diff*.c knows it.
 *
 * diff_pairs.c lays two stories (story.h) beside each other, diff_first.c finds the first difference, diff.c shows it all.
 */
#ifndef FDT_DIFF_H
#define FDT_DIFF_H

#include "views/story.h"

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

/* diff_pairs.c. Finds the other run's story of each story, and which of their deeds are the same. */
void diff_compare(struct diff *d);
/* Where a step of the second run would be in the first; the last step of the first that both have, at or before this one. */
uint64_t diff_as_mine(const struct diff *d, uint64_t at);
uint64_t diff_common_before(const struct diff *d, uint64_t at);
/* The rows of two stories, of which one may be NULL, into d->pairs. */
void diff_pair_up(struct diff *d, const struct story *mine, const struct story *theirs);
/* '<' only mine, '>' only theirs, '|' not the same, ' ' the same. */
char diff_mark(const struct pair *p, const struct story *mine);

/* diff_first.c. Is a story compared at all? Calls `look` with each pair of stories. */
bool diff_is_compared(const struct story *story);
void diff_each_pair(struct diff *d, void (*look)(struct diff *, const struct story *, const struct story *, struct firsts *),
	struct firsts *firsts);
/* Where the sessions broke off, how much differs, and the first difference: its `mine` and `theirs` are NULL when there is none. */
struct first diff_first(struct diff *d);

#endif
