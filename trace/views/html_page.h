/* trace/views/html_page.h: what the parts of `fdtrace html` share: the columns of one page, as they grow.
 *
 * html_state.c writes the steps and what each did to the state: the model's own changes, so that the page only has to add them
 * up. html_events.c writes the events: what each was, in words and in numbers. html.c puts it all into the page.
 */
#ifndef FDT_HTML_PAGE_H
#define FDT_HTML_PAGE_H

#include "views/html_pack.h"
#include "views/html_source.h"
#include "views/show.h"

struct page {
	struct view v;
	uint64_t total, from, to; /* events: how many there are, and those that are shown */
	bool full, no_source;

	struct table strings; /* 0 is the empty one */
	struct table shapes;  /* of sentences */

	/* html_state.c */
	struct out steps;
	struct out op_step, op_life, op_what, op_value; /* changes: at which step, of which life, what, and to what */
	uint64_t nsteps, nops, last_op_step;
	uint32_t *life_place; /* the model's life -> the page's, from 1 */
	uint32_t known_lives; /* lives that life_place has room for */
	uint32_t nlives;      /* of the page */
	struct out lives;     /* a row of numbers for each */
	struct out fd, life;  /* of each event: its descriptor; its life, where that is not the one that is open under the number */

	/* html_events.c */
	struct table kinds;
	uint32_t calls_used[FDT_CALLS];
	struct out kind, begin, spent, ret, numbers; /* a number for each event; numbers: those of its sentences */
	struct out number_places; /* JSON: where in `numbers` each 1024th event begins */
	uint64_t nevents;
	struct out wait_set, wait_ready, wait_timeout, wait_left;
	uint64_t nwaits;
	struct out sets, ready; /* JSON: strings of 64 entries each */
	uint32_t nsets, nready;
	struct out note_event, note_who, note_verb, note_text;
	uint64_t nnotes;
	struct out turn_event, turn_number, turn_shape, turn_numbers, turn_places;
	uint64_t nturns;
	struct sources *sources; /* html_source.h; NULL: left out */
	struct out findings;     /* JSON: what trace/rules found in the whole run */
};

/* The number of a life on the page; 0: none. */
uint32_t page_life(struct page *p, uint32_t id);
uint32_t page_string(struct page *p, const char *text);
uint32_t page_bytes(struct page *p, struct bytes bytes, uint32_t most); /* as out_shown() */

/* Reads the capture a second time, forward. Returns -1 to go on, or the status. */
int page_state(struct page *p);
void page_events(struct page *p);

/* What a change changes; trace/player/state.js has the same list. */
enum page_op {
	OP_OPEN, OP_CLOSE,     /* value: none; the ending (enum ending) */
	OP_IN, OP_OUT,         /* bytes so far, where they are not what the results of the calls say */
	OP_FLAGS,              /* PAGE_FLAG_* */
	OP_QUEUE,              /* handshakes waiting + 1; 0: not known */
	OP_KIND,               /* enum kind */
	OP_LOCAL, OP_PEER, OP_PATH, OP_CLIENT, /* strings */
	OP_PROCESS, OP_PROGRAM, OP_ENDED, /* of a process, which stands in the place of the life: begun (pid), argv (string), ended */
};
enum { PAGE_LISTENS = 1, PAGE_ACCEPTED = 2, PAGE_EOF = 4, PAGE_NONBLOCK = 8, PAGE_CLOEXEC = 16 };

#endif
