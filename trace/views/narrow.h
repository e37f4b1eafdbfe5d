/* trace/views/narrow.h: --since, --until, --turns, --fd, --pid: how much of a run is shown.
 *
 *     fdtrace lanes --fd 3,4#2 --since 1.5 trace.fdt
 *
 * The model sees every event whatever is shown, so numbers and lives are those of the whole run. Each view asks for each event, and
 * says at its end how much it has left out.
 */
#ifndef FDT_NARROW_H
#define FDT_NARROW_H

#include "reader/map.h"
#include "reader/turns.h"
#include "views/glyphs.h"

enum { NARROW_MOST = 64 }; /* descriptors, or processes, that can be asked for */

struct narrow_options {
	const char *since_word, *until_word, *turns_word, *fd_word, *pid_word; /* as they were given; NULL: not given */
	int64_t since, until; /* ns */
	uint32_t first_turn, last_turn;
	struct {
		int32_t number;
		uint32_t ordinal; /* of the life; 0: all of them */
	} fds[NARROW_MOST];
	int nfds;
	uint32_t pids[NARROW_MOST]; /* processes or threads */
	int npids;
};

/* Nothing is left out. */
void narrow_all(struct narrow_options *o);
/* One option: 's'ince, 'u'ntil, 't'urns, 'f'd, 'p'id. NULL, or what the value should have been. */
const char *narrow_option(struct narrow_options *o, char option, const char *word);
/* NULL, or why the options do not go together. */
const char *narrow_sense(const struct narrow_options *o);

struct narrow_thread {
	uint32_t number;  /* of the turn that it is in */
	bool inside;      /* that turn is one of --turns */
	bool hit;         /* something of that turn is shown */
	uint32_t before;  /* the turn before that, and whether something of it was */
	bool before_hit;
	bool goes_on;     /* the call that it is in is asked for, if it still goes on at --since */
};

struct narrow {
	const struct narrow_options *o;
	struct model *m;
	bool all;                      /* nothing is left out */
	struct narrow_thread *threads; /* by number */
	uint32_t nthreads, room, inside;
	struct map clients; /* by name: CLIENT_OF_ASKED, CLIENT_OF_OTHER */
	uint32_t lives;     /* whose clients are in it */
	uint64_t shown, left;
};

/* `o` NULL: nothing is left out. */
void narrow_open(struct narrow *n, struct model *m, const struct narrow_options *o);
void narrow_close(struct narrow *n);
/* A replay: false when a life or a process was asked for that was never there; `line` says so. */
bool narrow_known(const struct narrow *n, char *line, size_t size);

/* Every event, at its BEGIN, before anything else is asked about it: which turn is it of? */
void narrow_step(struct narrow *n, const struct event *ev);
uint32_t narrow_turn_of(const struct narrow *n, uint32_t thread);
/* Is it asked for? In a replay at its BEGIN. Live: at its END; at its BEGIN only that it may be, once --since has come. */
bool narrow_asks(struct narrow *n, const struct moment *at);
/* The same, counted. */
bool narrow_event(struct narrow *n, const struct moment *at);
/* Is a turn shown, as far as it has gone by `now`? */
bool narrow_turn(const struct narrow *n, const struct turn *t, int64_t now);
/* Is this number's column? */
bool narrow_number(const struct narrow *n, int number);
void narrow_columns(const struct narrow *n, struct columns *c);
/* One line on what was left out, where anything was asked for: "left out: 17 of 20 turns (--fd 4)". */
void narrow_says(const struct narrow *n, struct out *o, const char *what);
/* The same as a line of its own behind a view's last one, "-- ", broken at `width` columns (0: never). */
void narrow_line(const struct narrow *n, struct out *o, const char *what, int width);

#endif
