/* trace/views/chrome.h: Chrome Trace Event JSON, as Perfetto and chrome://tracing read it: one event after another.
 *
 * What their importers ask for is kept here: times are microseconds, written from ns without a float; no thread is 0; slices of one
 * track nest, so one that would not is an instant; a flow's ends lie inside slices that were drawn.
 */
#ifndef FDT_CHROME_H
#define FDT_CHROME_H

#include "reader/text.h"

enum {
	CHROME_STRANGE = 9000000,   /* a pid or tid that cannot be one: 0, or above what Linux gives */
	CHROME_PRINTS = 9999999,    /* the lane of what the program prints */
	CHROME_LANES = 10000000,    /* + the number of a descriptor; Linux has no thread above 4194304 */
	CHROME_CLIENTS = 20000000,  /* the process of the clients; + 1, 2 ...: each of them */
};

struct chrome {
	struct out *out;
	struct out name; /* of the next event: text, which chrome_event() takes */
	bool any, open;  /* an event was written; its args are being written */
};

/* The slices of a track that are open, to know what nests. All zeros is an empty one. */
enum { CHROME_DEPTH = 8 };
struct chrome_track {
	int64_t ends[CHROME_DEPTH];
	int64_t latest; /* begin of the last one */
	int depth;
};

void chrome_open(struct chrome *c, struct out *out);
void chrome_close(struct chrome *c, const char *capture, const char *problem);
int64_t chrome_id(uint32_t pid); /* a pid or tid as it is written */

/* Does a slice that lasts from `begin` to `end` nest? Then it counts as drawn. */
bool chrome_nests(struct chrome_track *t, int64_t begin, int64_t end);

/* Begins an event with the name that is in c->name (and empties it). Its args may follow, then the next event or chrome_close(). */
void chrome_slice(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t begin, int64_t end);
void chrome_endless(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t begin); /* a slice without an end */
void chrome_instant(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t at);
/* Both ends of an arrow: from a slice that is open at `from` to one that is open at `to`. `id` is of this arrow alone. */
void chrome_flow(struct chrome *c, uint32_t id, const int64_t from[3], const int64_t to[3]); /* pid, tid, time */
void chrome_counter(struct chrome *c, int64_t pid, int64_t at, const char *key, int64_t value);
void chrome_process(struct chrome *c, int64_t pid, int64_t order);
void chrome_thread(struct chrome *c, int64_t pid, int64_t tid, int64_t order);

/* A member of the event's args; chrome_arg() leaves the value to the caller. */
void chrome_arg(struct chrome *c, const char *key);
void chrome_arg_number(struct chrome *c, const char *key, int64_t value);
void chrome_arg_text(struct chrome *c, const char *key, const char *text); /* a string of the model */
void chrome_arg_out(struct chrome *c, const char *key, struct out *text);  /* and empties it */

#endif
