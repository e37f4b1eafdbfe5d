/* trace/rules/engine.h: what a rule sees: the step that was taken, and the past of the life, thread and process that
 * it is about.
 *
 * A rule is asked before the facts below take in the event, so they tell how it was before. All of this grows with
 * lives, threads and processes, never with the length of the capture.
 */
#ifndef FDT_ENGINE_H
#define FDT_ENGINE_H

#include "reader/map.h"
#include "rules/rules.h"

/* Classes of calls. */
enum {
	CALLS_WAIT = 1 << 0,  /* select, poll, epoll_wait and kin */
	CALLS_SLEEP = 1 << 1, /* nanosleep, pause, sigwait ... */
	CALLS_ACCEPT = 1 << 2,
	CALLS_CONNECT = 1 << 3,
	CALLS_IN = 1 << 4,         /* bytes in */
	CALLS_OUT = 1 << 5,        /* bytes out */
	CALLS_MOVE = 1 << 6,       /* sendfile, splice: both */
	CALLS_CLOSE = 1 << 7,      /* close, fclose, closedir */
	CALLS_CLOSE_MANY = 1 << 8, /* close_range, closefrom */
	CALLS_MAKE = 1 << 9,       /* a new descriptor of any other kind */
	CALLS_BIND = 1 << 10,
	CALLS_LISTEN = 1 << 11,
	CALLS_OPTION = 1 << 12, /* setsockopt */
	CALLS_SHUTDOWN = 1 << 13,
	CALLS_TABLE = 1 << 14, /* fcntl, ioctl */
	CALLS_EPOLL_CTL = 1 << 15,
	CALLS_FORK = 1 << 16, /* a child that goes on in the same program */
	CALLS_EXEC = 1 << 17,
	CALLS_SPAWN = 1 << 18, /* posix_spawn, system, popen */
	CALLS_EXIT = 1 << 19,
	CALLS_FDELT = 1 << 20,
	CALLS_OTHER = 1 << 21,
	CALLS_START = 1 << 22, /* a program image begins */
	CALLS_ENDED = 1 << 23, /* a process has ended, says the launcher */
	CALLS_QUEUE = 1 << 24,
	CALLS_BIRTH = 1 << 25,  /* at an END: whatever it was, it made a descriptor */
	CALLS_FAILED = 1 << 26, /* at an END: whatever it was, it failed */
	CALLS_DEATH = 1 << 27,  /* at an END: whatever it was, it ended a descriptor */
	CALLS_NOTE = 1 << 28,   /* the harness has written down what a client does */
	CALLS_ALL = (1 << 22) - 1,
};

/* What was done with a life. Numbers are events; 0: never. */
struct life_facts {
	struct site born, last; /* last: the last call that named it and was no wait */
	struct site eof;        /* where its end of file was read first */
	struct site gone;       /* where its peer was found to be gone: ECONNRESET, EPIPE */
	uint64_t used;          /* bytes were moved, or were to be; accepted from; connected */
	uint64_t moved;         /* ... and it went well: progress */
	uint64_t watched;       /* a select or poll had it in its list */
	uint64_t told;          /* a wait said that it is ready */
	uint64_t idle;          /* its process's work when it was named or watched last */
	uint64_t born_work;     /* its process's work when it was born */
	uint64_t eof_accepts;   /* connections that its process had taken when that came */
	uint32_t eofs;          /* reads in a row that returned 0 */
	uint32_t thread;        /* that named it last */
	uint32_t born_thread;
	uint32_t epoll;    /* the events that an epoll is to watch it for, or 0 */
	uint8_t wanted;    /* WATCH_*: by the last select or poll that had it */
	bool other_thread; /* another thread than that of its birth has named it */
	bool fionbio; /* ioctl(FIONBIO) was called on the first of its copies; its argument is not kept: taken for on */
};

/* A wait that has returned. */
struct wait {
	struct site at; /* at.seq 0: there was none yet */
	uint16_t call, error;
	int32_t ret;
	int64_t begin, end, timeout, left; /* ns; -1: none, not known */
	struct watched *list;              /* of an epoll only those that are ready */
	int count;
	uint32_t room;
};

struct thread_facts {
	uint32_t process; /* index */
	struct {
		struct site at; /* at.seq 0: in none */
		int64_t begin;
		uint16_t call;
		int32_t fd;
		uint32_t life;
	} inside;         /* the call that it is in */
	struct wait wait; /* the last one: the turn that the thread is in */
	struct {
		struct site at;
		uint16_t call, error;
		int32_t fd, ret;
		uint32_t life;
	} last; /* the last call that returned */
};

struct process_facts {
	uint64_t work;    /* waits that brought something, connections taken, transfers: how much has been done */
	uint64_t last;    /* its last event */
	struct site exec; /* the exec that has begun */
	uint64_t accepts; /* connections taken */
	bool selects;     /* it has called select or pselect */
};

/* A table of small things by life or thread: at(id) makes room, and what is new is all zeros. */
struct table {
	size_t size;
	char *list;
	uint32_t room;
};
void *table_at(struct table *t, uint32_t id, size_t size);
uint32_t table_room(const struct table *t); /* ids below this may be there */

struct check {
	struct model *model;
	struct check_options o;
	/* The step: */
	enum step step;
	struct event *ev;
	const struct effects *effects;
	unsigned class;        /* CALLS_*: one of them */
	struct life *life;     /* that the call names, or NULL */
	struct life_facts *lf; /* of it, or NULL */
	struct thread_facts *tf;
	struct process_facts *pf;
	const struct watched *watched; /* at the END of a wait */
	int nwatched;
	/* The past: */
	struct table lives, threads, processes; /* facts */
	struct map last_of;                     /* process, number -> its last life */
	uint64_t nevents;
	int64_t time;            /* of the last step */
	struct watched *epolled; /* room for an epoll's list */
	uint32_t epolled_room;
	/* Rules: */
	const struct rule *rule; /* that is being asked */
	int rule_index;
	uint64_t key;         /* findings of one rule at one place with different keys are told apart */
	struct table *tables; /* TABLES for each rule, its own */
	struct findings *found;
};

/* ---- facts ---- */

void facts_begin(struct check *c); /* what the event is about */
void facts_step(struct check *c);  /* takes it in */
void facts_close(struct check *c);
struct life_facts *facts_of(struct check *c, uint32_t life);
struct thread_facts *facts_of_thread(struct check *c, uint32_t thread);
struct process_facts *facts_of_process(struct check *c, uint32_t index);
/* The last life that this number had in the process, open or not; NULL: it never had one. */
struct life *last_life(const struct check *c, uint32_t pid, int number);
struct site site_of(struct check *c, const struct event *ev);
unsigned class_of(unsigned call);
/* Bytes that a read had room for, or a write was to move; -1: not known. */
int64_t asked_bytes(const struct event *ev);
/* Did a read say that nothing will come any more? */
bool is_end_of_file(const struct event *ev, const struct life *life);
bool is_stream(const struct life *life); /* tcp, unix, pipe */
/* May the call that begins, or has ended, wait in the kernel for this life? */
bool may_block(struct check *c, const struct life *life);
/* The entry of the thread's last wait for this life, or NULL. */
const struct watched *told_of(const struct wait *w, uint32_t life);
static inline int64_t
took(const struct event *ev)
{
	return ev->end - ev->begin;
}

/* ---- a rule's own state: for each rule up to TABLES tables ---- */

enum { TABLES = 3 };
void *own(struct check *c, int table, uint32_t id, size_t size);
#define OWN(c, table, id, type) ((type *)own((c), (table), (id), sizeof(type)))
uint32_t own_room(const struct check *c, int table); /* ids below this may be there */

/* ---- who speaks ---- */

/* Where two rules see one cause, the deeper one speaks and the other is silent: the one table of it is in rules.c. */
struct precedence {
	const char *speaks, *silent;
	unsigned same; /* SAME_*: what tells that it is one cause; any of them will do */
};
enum { SAME_LIFE = 1, SAME_LINE = 2, SAME_EVENT = 4 };
extern const struct precedence precedences[]; /* ends with {0} */

/* ---- saying it ---- */

/* A finding at this place, of the rule that is being asked. NULL: the same was found here often enough, and was
 * counted. say() writes its message. */
struct finding *found(struct check *c, struct site at, const struct life *life);
struct finding *found_here(struct check *c, const struct life *life); /* at the event of this step */
/* Live: the same, for now. NULL: it is not a live run, or the rule has said something within the last second. */
struct finding *found_early(struct check *c, struct site at, const struct life *life, int64_t now);
/* Adds to the message. In the format:
 *   %s text   %n int64_t, a number   %t int64_t, a duration   %e int, an error's name   %c unsigned, a call's name
 *   %l life, "4#2"   %L life with what it is, "4#2 (client 127.0.0.1:53124)"   %p struct site *, "server.c:61 (event
 * 12)" Calls and integers narrower than that need a cast. */
void say(struct finding *f, const struct check *c, const char *format, ...);
/* The same in place of the rule's own advice. */
void advise(struct finding *f, const struct check *c, const char *format, ...);
/* "It was opened at server.c:61 (event 12)." */
void say_opened(struct finding *f, const struct check *c, const struct life *life);

#endif
