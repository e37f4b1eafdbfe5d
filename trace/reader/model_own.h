/* trace/reader/model_own.h: what model.c, effects.c and watch.c share, and nobody else looks at. */
#ifndef FDT_MODEL_OWN_H
#define FDT_MODEL_OWN_H

#include "reader/map.h"
#include "reader/model.h"
#include "reader/text.h"

enum { LIVES_CHUNK = 1024, LONGEST_WALK = 10000, SENT_KEPT = 64, SENT_MOST = 16 };

/* What an epoll watches. Copies of an epoll's descriptor share it. */
struct epoll_set {
	struct interest *list;
	uint32_t count, room;
	struct map by_life, by_data; /* -> place in the list + 1 */
};

struct ids {
	uint32_t *list;
	uint32_t count, room;
};

/* Descriptors that were sent in a message and have not been seen to arrive. */
struct sent {
	uint64_t seq; /* the call that sent them */
	uint32_t socket;
	uint32_t count;
	uint32_t lives[SENT_MOST];
};

struct module;

struct model {
	struct timeline *timeline;
	struct capture *capture;
	uint64_t now; /* steps taken */
	bool replay;

	struct life **chunks;
	uint32_t nchunks, chunks_room;
	uint32_t nlives; /* all that were ever born */
	uint32_t born;   /* born by now; in a replay less than nlives */
	uint64_t work;   /* see work_left() */

	struct process **processes;
	uint32_t nprocesses, processes_room, seen; /* seen: by now */
	uint32_t images;

	struct map numbers; /* process, number -> its last life */
	struct map pids;    /* pid -> process + 1 */
	struct map epolls;  /* life -> place + 1 */
	struct epoll_set *sets;
	uint32_t nsets, sets_room;

	struct map strings_map, clients, peers; /* -> string + 1; address -> string + 1; address -> its last life */
	char **strings;
	uint32_t nstrings, strings_room;
	struct out scratch;

	struct ids opened, closed;
	struct ids by_born, by_ended; /* replay: all lives by the event that made or ended them */
	uint32_t born_at, ended_at;
	struct watched *watched;
	uint32_t nwatched, watched_room;
	struct module *modules;
	uint32_t nmodules, modules_room;
	struct sent sent[SENT_KEPT];
	uint32_t nsent;
};

struct module {
	uint32_t image;
	uint64_t slot, seq;
};

/* How a life begins. */
struct birth {
	enum kind kind;
	enum origin origin;
	bool cloexec, nonblock, over; /* over: what is open under the number ends by this call (dup2) */
	struct life *of, *listener;
	struct address local, peer;
	const char *path;
};

/* model.c */
struct process *process_of(struct model *m, const struct event *ev);
struct process *process_new(struct model *m, uint32_t pid, uint32_t parent, const struct event *ev);
struct process *process_fork(struct model *m, uint32_t parent, uint32_t pid, const struct event *ev);
struct life *life_begin(struct model *m, struct process *p, int number, const struct birth *birth, const struct event *ev);
void life_end(struct model *m, struct life *life, enum ending how, const struct event *ev);
const char *intern(struct model *m, struct bytes bytes);
uint64_t address_key(const struct address *a); /* 0: not one that a client can be told by */
void add_id(struct ids *ids, uint32_t id);
/* Calls that go through a whole table cost what the table is long. A real run never comes near the limit; a capture that was made
 * to keep us busy for ever does, and then its tables are no longer followed. */
bool work_left(struct model *m, const struct event *ev, uint64_t more_work);

/* effects.c */
void effect_begin(struct model *m, struct event *ev);
void effect_end(struct model *m, struct event *ev);

/* watch.c */
void watch_control(struct model *m, const struct event *ev);
void watch_forget(struct model *m);

#endif
