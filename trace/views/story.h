/* trace/views/story.h: a run as stories: what befell each client, each socket and the program itself, without times, addresses and
 * process numbers. Two runs of one session have the same stories when the same happened; diff.c lays them side by side.
 *
 * A story is told of: the program; each socket that it made, in their order; each connection that it accepted, by the client's name
 * (without notes: in their order); each client, as the notes say; what else it opened, by kind and in their order. A deed is kept
 * when it can matter: the same twice in a row is one, bytes are sums, calls that change nothing for a client are none.
 */
#ifndef FDT_STORY_H
#define FDT_STORY_H

#include "views/show.h"

enum deed_kind {
	DEED_OPENED,    /* number; via: the story of the listener that accepted it */
	DEED_COPIED,    /* number */
	DEED_REUSEADDR, /* value */
	DEED_BOUND,     /* a: how far from the session's first port; text: the address */
	DEED_LISTENS,
	DEED_WATCHED,   /* a wait had it in its set, for the first time or again */
	DEED_FORGOTTEN, /* a wait had it no more */
	DEED_MOVED,     /* a, b: bytes in and out since its birth */
	DEED_EOF,
	DEED_SHUT,      /* a: how */
	DEED_FAILED,    /* call, a: errno */
	DEED_SITS,      /* call: it never returned from it */
	DEED_CLOSED,    /* a: enum ending */
	DEED_CLOSED_COPY,
	DEED_OPEN,      /* when the run ended */
	DEED_UNKNOWN,   /* the same, where the capture ends before the run does */
	DEED_STEP,      /* of the script: text; a: as DEED_BOUND */
	DEED_HEARD,     /* what the client heard: text */
	DEED_LIMIT,     /* a: ns that a wait lasts at most; LIMIT_NONE, LIMIT_LEFT */
	DEED_TIMEOUT,
	DEED_POLLED,    /* none ready, and it did not wait */
	DEED_NOT_OPEN,  /* a: a number in a set */
	DEED_ACCEPTED,  /* text: whom */
	DEED_PRINTS,    /* text; a line with numbers in it is none */
	DEED_ENDED,     /* a: wait(2) status */
};
enum { LIMIT_NONE = -1, LIMIT_LEFT = -2 };

struct deed {
	uint8_t kind;
	bool same;        /* diff.c: the other run has it too */
	uint16_t call;
	uint32_t turn;
	uint32_t times;
	int32_t number;   /* of the descriptor; -1: none */
	uint32_t via, image;
	int64_t a, b;
	const char *text; /* printable, or NULL */
	uint64_t seq;     /* the event; 0: the end of the run */
	uint64_t at;      /* the step at which it was done: calls return in another order than they begin */
	uint64_t where;
};

enum story_kind { STORY_PROGRAM, STORY_SOCKET, STORY_CONNECTION, STORY_CLIENT, STORY_OTHER, STORY_OUTPUT };
struct story {
	uint8_t kind;
	bool watched;            /* as the last wait had it */
	bool out;                /* the last that was moved was a write */
	const char *name;        /* "socket 1", "A's connection": the other run's is found by it */
	uint32_t peer;           /* diff.c: that story + 1, or 0 */
	struct deed *deeds;
	uint32_t n, room;
	uint64_t more;           /* deeds that were not kept */
	uint64_t in, outs;       /* bytes so far */
};

struct stories {
	struct view *v;
	struct screen screen;
	struct story *list;
	uint32_t n, room;
	uint32_t *of_life;      /* story + 1, by life */
	struct map names;
	struct map clients;
	char *block;            /* where texts lie */
	size_t block_left;
	char **blocks;
	uint32_t nblocks, blocks_room;
	int base;               /* the session's first port; -1: nothing listens */
	uint64_t watch_shape, births;
	int64_t left, limit;    /* of the wait before; ns */
	bool whole;             /* the capture is */
	bool named;             /* clients have names */
};

/* Do notes say who the clients were? */
bool stories_named(const struct view *v);
/* Reads the whole of an open view. Without `named` clients are told apart by their order, and have no stories of their own. */
void stories_read(struct stories *s, struct view *v, const struct screen *screen, bool named);
void stories_free(struct stories *s);
struct story *stories_find(struct stories *s, const char *name);
/* The same happened. */
bool deeds_same(const struct deed *a, const struct deed *b);
/* What a deed is in words: "accepted as 4 by socket 1", "12 bytes in, 12 out". */
void deed_text(struct out *o, const struct stories *s, const struct story *story, uint32_t i);
const char *deed_where(struct stories *s, const struct deed *d);

#endif
