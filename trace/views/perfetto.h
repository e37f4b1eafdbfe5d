/* trace/views/perfetto.h: what the two halves of `fdtrace perfetto` share: perfetto.c has the traced processes, perfetto_clients.c
 * who connects to them and what the notes say.
 */
#ifndef FDT_PERFETTO_H
#define FDT_PERFETTO_H

#include "reader/map.h"
#include "reader/turns.h"
#include "rules/rules.h"
#include "views/chrome.h"
#include "views/glyphs.h"
#include "views/show.h"

/* A descriptor number of a process. */
struct fd_lane {
	struct chrome_track track;
	uint32_t life; /* the one whose slice lies at the bottom of `track` */
	int64_t until; /* ns: the lives that were drawn have ended */
};

struct thread_lane {
	struct chrome_track track;
	bool known;
	uint64_t slice; /* the last event of it that is drawn as a slice */
};

struct client {
	int64_t tid;
	struct chrome_track track;
	bool queued, accepted, early; /* early: an accept took it before its note had come */
	bool shown;                   /* that it connects was asked for */
	int64_t since;                /* ns: queued or accepted */
	uint64_t seq;                 /* of the note that it connects */
	char *to;                     /* what that says */
	uint32_t life;
};

/* A connect of a traced program whose slice was drawn. */
struct connect {
	int64_t from[3]; /* pid, tid, ns */
};

struct perfetto {
	struct view *v;
	struct model *m;
	struct chrome chrome;
	struct check *check;
	struct out text;
	int64_t over;             /* ns: when the last thing happened */
	struct map last_calls;    /* pid, tid -> 1 + index: the last event of the thread */
	uint64_t *last_call;
	uint32_t nlast, last_room;
	struct map named;         /* pids that have their names */
	struct map fd_lane_of;    /* pid, number -> 1 + index */
	struct fd_lane *fd_lanes;
	uint32_t nfd_lanes, fd_lanes_room;
	int64_t *life_begin;      /* by life: where its slice begins; NOT_DRAWN */
	unsigned char *shown;     /* bits: the events that are drawn */
	size_t shown_size;
	struct thread_lane *threads;
	uint32_t nthreads, threads_room;
	struct map client_of;     /* hash of the name -> 1 + index */
	struct client *clients;
	uint32_t nclients, clients_room;
	struct map connect_of;    /* hash of the client's address -> 1 + index */
	struct connect *connects;
	uint32_t nconnects, connects_room;
	bool prints;
};

/* The name of a process, once. */
void perfetto_process(struct perfetto *p, uint32_t pid, uint32_t order, const char *argv);
/* An instant in the lane of what the program prints, with the name that is in chrome.name. */
void perfetto_prints(struct perfetto *p, const char *cat, int64_t at);
/* A note, whether it is asked for or not: the clients are followed in any case. */
void perfetto_note(struct perfetto *p, const struct event *ev, bool asked);
/* At the begin of a connect that is drawn; at the return of any accept. */
void perfetto_connects(struct perfetto *p, const struct event *ev);
void perfetto_accepted(struct perfetto *p, const struct event *ev, const struct effects *e);
/* All is over: what the clients are still in ends now. */
void perfetto_clients_over(struct perfetto *p);

#endif
