/* trace/reader/model.h: what happened: processes, their tables of descriptors, and the lives in them.
 *
 * A life is one span of a descriptor number in one process. Its name is `4` for the first, `4#2` for the second (life_name).
 * The model is fed with the steps of a timeline and holds the state after the last one: the current tables, who is watched by
 * an epoll, how long each listener's queue is. Lives stay for good; a pointer to one stays good.
 *
 * A file is read twice: model_load() runs through it once, so that all lives are known; then a view runs through it again
 * with model_step() (`replay`), in which the k-th birth is the k-th life, and facts that only the future tells (what an
 * accept that is still on its way will return, how many bytes a life will move) are there already.
 * A live reader has one pass: model_open(), timeline_next(), model_step().
 *
 * All strings in here are text.h's: printable ASCII, escaped.
 */
#ifndef FDT_MODEL_H
#define FDT_MODEL_H

#include "reader/timeline.h"

enum kind {
	KIND_OTHER, KIND_TCP, KIND_UDP, KIND_UNIX, KIND_SOCKET, KIND_PIPE, KIND_FILE, KIND_DIR, KIND_TTY, KIND_EPOLL,
	KIND_EVENTFD, KIND_TIMERFD, KIND_SIGNALFD, KIND_INOTIFY, KIND_MEMFD, KIND_PIDFD,
	KINDS
};
extern const char *const kind_names[KINDS];

struct address {
	uint16_t family; /* 0: not known */
	uint16_t port;
	unsigned char ip[16];
	const char *path; /* of a unix socket; "" when it has none */
};

enum origin {
	BORN_MADE,      /* a call returned it */
	BORN_DUP,       /* a copy of `of` */
	BORN_RECEIVED,  /* came in a message */
	BORN_INHERITED, /* open when the program started, or copied by fork: `of` is the parent's, when it is known */
	BORN_FOUND,     /* found open, and nobody saw it made: libc holds it, or a call that is not covered made it */
};

enum ending {
	ENDS_NOT,    /* still open */
	ENDS_CLOSED, /* by a call that named it */
	ENDS_OVER,   /* dup2 and kin put another in its place */
	ENDS_EXEC,   /* close-on-exec */
	ENDS_UNSEEN, /* its number was given to somebody else and nobody saw it end */
};

struct life {
	uint32_t id;      /* from 1, in the order of births */
	uint32_t process; /* model_process() */
	int32_t number;
	uint32_t ordinal; /* 1 for the first life of the number */
	uint32_t before;  /* the life of this number before, or 0 */
	uint32_t of;      /* dup of, inherited from, or 0 */
	uint32_t root;    /* the first of all these copies: itself, when it is none */
	uint32_t next_open, prev_open; /* model.c's own */
	uint8_t kind, origin, ending;
	bool open;        /* now, at the step that the model has come to; `ending` is what the future holds */
	bool listens;     /* listen() was called on it, some time: see listen_seq */
	bool accepted;    /* an accept returned it: a client's connection */
	bool cloexec, nonblock;
	bool eof;         /* end of file was read from it */
	bool named_at_birth; /* local and peer were known when it was born */
	uint64_t born_seq, ended_seq, listen_seq; /* events; 0: none */
	uint64_t born_step, ended_step;
	int64_t born, ended; /* ns */
	uint64_t born_where, ended_where; /* return addresses, for where.h */
	uint64_t in, out;    /* bytes */
	struct address local, peer;
	const char *path;    /* of a file; NULL */
	const char *client;  /* who it is that is connected, as the notes say; NULL */
	uint32_t listener;   /* the life that accepted it, or 0 */
	uint32_t queued;     /* a listener's: handshakes waiting, when last seen */
	bool queue_known;
	uint32_t pair;       /* the other end of a pipe or socketpair, or 0 */
};

struct process {
	uint32_t index;
	uint32_t pid, parent; /* pids; parent 0: not known */
	uint32_t image;       /* where.h: which program; forked children share it */
	const char *argv;     /* "./server 2 50000", or NULL */
	uint32_t open;        /* the first of its open lives; life.next_open goes on */
	uint32_t nopen;
	bool arrived;         /* it had an event of its own; a child is known before that, from its parent's fork */
	bool starting;        /* a program begins: what is found open now it was given */
	bool threaded;
	bool forked;          /* a child that runs its parent's program */
	bool ended;
	uint64_t begun_seq, ended_seq;
	int64_t begun, ended_at;
};

/* What a step did to the tables. A forked child's copies are told by the child's `forked`. */
struct effects {
	uint32_t nopened, nclosed;
	const uint32_t *opened, *closed;
};

struct model;

/* Makes an empty model, to be fed with the steps of this timeline. */
struct model *model_open(struct timeline *t);
/* Runs the whole timeline through a new model, and rewinds both: the next steps are a replay. NULL: no memory. */
struct model *model_load(struct timeline *t);
void model_close(struct model *m);
void model_rewind(struct model *m);

/* Takes a step. Fills in ev->life at a BEGIN, and tells at an END what the event did. */
void model_step(struct model *m, enum step step, struct event *ev, struct effects *effects);
/* In a replay: what the event `ev` does at its END, whenever that is. Events must be asked for in slot order. */
void model_effects(struct model *m, const struct event *ev, struct effects *effects);

/* An item that is a sockaddr; an item that is argv, as one line. */
struct address model_address(struct model *m, struct bytes sockaddr);
const char *model_arguments(struct model *m, struct bytes argv);

struct timeline *model_timeline(const struct model *m);
struct capture *model_capture(const struct model *m);
uint64_t model_now(const struct model *m); /* steps taken */
uint32_t model_lives(const struct model *m);      /* how many there are: 1 .. n */
struct life *model_life(const struct model *m, uint32_t id);
uint32_t model_processes(const struct model *m);  /* 0 .. n - 1, in the order they were seen */
struct process *model_process(const struct model *m, uint32_t index);
struct process *model_pid(const struct model *m, uint32_t pid); /* the last one that had it, or NULL */

/* The open life of this number in this process: now, or as it was after `step`. NULL: none is known. */
struct life *model_at(const struct model *m, uint32_t pid, int number);
bool model_skipped(const struct model *m, const struct event *ev); /* a fault was injected in the call's place */
struct life *model_was(const struct model *m, uint32_t pid, int number, uint64_t step);

/* The objects that programs have loaded (`module` events), in the order of the capture: i = 0, 1 ... */
uint32_t model_modules(const struct model *m);
bool model_module(const struct model *m, uint32_t i, uint32_t *image, struct event *ev);

/* An epoll's interests: the i-th one, for i = 0, 1, 2 ... until false. */
struct interest {
	uint32_t life;
	uint32_t events;
	uint64_t data;
};
bool model_interest(const struct model *m, const struct life *epoll, uint32_t i, struct interest *interest);
/* The life that was registered under this data, or NULL. */
struct life *model_epoll_life(const struct model *m, const struct life *epoll, uint64_t data);

/* A wait's descriptors, whatever kind of wait it is. */
struct watched {
	int32_t number;
	uint32_t life;   /* 0: none is open there */
	uint8_t wanted;  /* WATCH_* */
	uint8_t ready;   /* WATCH_*, WATCH_ERROR, WATCH_HANGUP, WATCH_NOT_OPEN */
};
enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_EXCEPT = 4, WATCH_ERROR = 8, WATCH_HANGUP = 16, WATCH_NOT_OPEN = 32 };
/* The list belongs to the model and is good until the next call. Returns how many there are. At a BEGIN (or in a replay,
 * where the result is known already) and at an END alike, lives are those of the moment when the wait began. */
int model_watched(struct model *m, const struct event *ev, const struct watched **list);

#endif
