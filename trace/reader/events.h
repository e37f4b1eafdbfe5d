/* trace/reader/events.h: a capture, read as events.
 *
 * The one place that knows slots. Everything in a capture is hostile: a length, an index or a count that does not fit is
 * cut to what is there, a slot that was never written is passed over and counted, and reading always comes to an end.
 * A capture may be read while it is being written: capture_poll() looks again, and events come as far as they are there.
 *
 *     struct capture *c = capture_open("trace.fdt", error, sizeof error);
 *     while (capture_next(c, &ev) == READ_EVENT)
 *         printf("%llu %s\n", ev.seq, ev.info->name);
 */
#ifndef FDT_EVENTS_H
#define FDT_EVENTS_H

#include "capture.h"
#include "reader/calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture;

/* Bytes as the program or its clients gave them: print them with out_escaped(). */
struct bytes {
	const unsigned char *at; /* NULL: there are none */
	uint32_t size;
};

#define EVENT_ITEMS 24 /* kinds of items that a reader of this version looks at */

struct event {
	uint64_t seq;  /* 1, 2, 3 ...: the event's number in every view; the order in which calls began */
	uint64_t slot; /* where its head is: capture_event() reads it again */
	int64_t begin; /* ns since the run began; never runs backwards within a thread */
	int64_t end;   /* when it returned; begin when it has not */
	uint64_t where; /* return address, or 0 */
	uint32_t pid, tid;
	const struct call_info *info;
	uint16_t call; /* FDT_CALL_* */
	uint16_t error;
	uint8_t flags; /* FDT_EV_* */
	uint8_t fault; /* 1 + index of the injected fault, or 0 */
	bool done;     /* it has returned: ret, error and end count */
	bool has_fd;
	int32_t fd;
	int32_t ret;
	int nargs;
	int64_t args[CALL_KEPT]; /* as call_infos[call].kept names them; those that are not there are 0 */
	uint32_t have;           /* bit k: there is an item of kind k */
	struct bytes items[EVENT_ITEMS]; /* event_item() */

	/* Filled in by timeline.c. */
	uint32_t life;    /* model.h: the life of fd when the call began, or 0 */
	uint32_t thread;  /* model.h: whose it is */
	uint64_t began;   /* the step at which it began */
	void *inflight;   /* timeline.c's own */
};

enum read_state {
	READ_EVENT, /* an event */
	READ_END,   /* no more now: the end, or, while the run goes on, all that is there yet */
};

/* Opens a capture. NULL: it cannot be read as one, and `error` holds one line that says what, where and what to do. */
struct capture *capture_open(const char *path, char *error, size_t size);
/* The same from memory, for tests and fuzzing. The bytes must stay while the capture is open. */
struct capture *capture_memory(const void *bytes, size_t length, char *error, size_t size);
void capture_close(struct capture *c);

/* The next event. Its items are good until the next call but one. An event that has not returned comes with done = false;
 * a live reader looks at it again with capture_event(). */
enum read_state capture_next(struct capture *c, struct event *ev);
/* Reads the event with this head and number again. false: it is not there (any more). */
bool capture_event(struct capture *c, uint64_t slot, uint64_t seq, struct event *ev);
/* Has the event with this head returned by now? Cheap: one load. */
bool capture_returned(const struct capture *c, uint64_t slot);
/* Starts again from the first event. */
void capture_rewind(struct capture *c);
/* Turns on live reading: capture_next() then waits behind a slot that is claimed and not yet written (for 100 ms). */
void capture_live(struct capture *c, bool live);
/* Looks at the file again: its size, its cursor, its anchors. true: the run still goes on. */
bool capture_poll(struct capture *c);
bool capture_running(const struct capture *c); /* as it was at the last look */

/* ns since the run began of a reading of the capture's clock. */
int64_t capture_ns(const struct capture *c, uint64_t ticks);

struct capture_state {
	uint64_t lost;      /* events for which there was no space */
	int64_t lost_from;  /* when the first of them was, or -1 */
	uint64_t unwritten; /* slots passed over: claimed, and then the program died; or damaged */
	uint64_t missing;   /* slots that the header counts and the file does not have: it was cut off */
	bool ended;         /* the launcher closed it in good order */
	bool running;       /* its launcher is alive */
	bool no_times;      /* the clock was never compared with another: times are guesses */
	int status;         /* wait(2) status of the program, once ended */
};
void capture_state(const struct capture *c, struct capture_state *state);
/* One line on what is not whole, or an empty one. */
void capture_problem(const struct capture *c, char *line, size_t size);

const struct fdt_header *capture_header(const struct capture *c); /* a checked copy */
const char *capture_path(const struct capture *c);

static inline struct bytes
event_item(const struct event *ev, enum fdt_item kind)
{
	static const struct bytes none;

	return ev->have >> kind & 1 ? ev->items[kind] : none;
}

/* The i-th number of an item of int32_t, and how many there are. */
int event_count(const struct event *ev, enum fdt_item kind);
int32_t event_fd(const struct event *ev, enum fdt_item kind, int i);

/* select and pselect: bit `fd` of set 0 read, 1 write, 2 except; as passed, and as it came back. */
struct select_sets {
	int nfds;    /* numbers that the sets below have: nfds as passed, or fewer when they were cut */
	int passed;  /* nfds as passed */
	bool back;   /* the sets came back */
	struct bytes in[3], out[3]; /* at == NULL: no such set */
};
bool event_sets(const struct event *ev, struct select_sets *sets);
static inline bool
set_has(struct bytes set, int fd)
{
	return set.at != NULL && (uint32_t)fd / 8 < set.size && (set.at[fd / 8] >> fd % 8 & 1);
}

bool event_timeout(const struct event *ev, struct fdt_timeout *timeout);
bool event_poll(const struct event *ev, int i, struct fdt_poll *poll);
bool event_epoll(const struct event *ev, int i, struct fdt_epoll *epoll);
bool event_stat(const struct event *ev, struct fdt_stat *stat);
bool event_queue(const struct event *ev, uint32_t *queued);
bool event_is_wait(const struct event *ev); /* select, pselect, poll, ppoll, epoll_wait and kin */

#endif
