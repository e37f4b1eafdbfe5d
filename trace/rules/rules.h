/* trace/rules/rules.h: findings: what went wrong in a capture, told rule by rule.
 *
 *     struct check *c = check_open(model, &(struct check_options){0});
 *     while ((step = timeline_next(t, &ev)) == STEP_BEGIN || step == STEP_END) {
 *         model_step(model, step, ev, &effects);
 *         check_step(c, step, ev, &effects);
 *     }
 *     check_over(c);
 *     for (int i = 0; (f = check_finding(c, i)) != NULL; i++)
 *         ...
 *     check_close(c);
 *
 * A live view feeds it in the same way and asks check_early() after each look at the capture: findings that can be
 * known while the program runs, each rule's at most once a second.
 */
#ifndef FDT_RULES_H
#define FDT_RULES_H

#include "reader/model.h"
#include "reader/text.h"
#include "reader/where.h"

enum severity { SEVERITY_NOTE, SEVERITY_RISK, SEVERITY_BUG };
extern const char *const severity_names[];

struct check;

/* A rule is a table row of rules.c; trace/rules/README.md says how to add one. */
struct rule {
	const char *id;
	enum severity severity; /* of what it finds; a single finding may weigh less */
	const char *title;      /* one line */
	const char *why;        /* one or two sentences: why it matters */
	const char *advice;     /* one or two sentences: what to do */
	/* The rest of its page, `fdtrace explain` and handouts/findings.md: */
	const char *what;     /* what it looks for */
	const char *example;  /* a piece of a capture */
	const char *mend;     /* the code that is right */
	const char *not_this; /* what looks like it and is right */

	unsigned begin, end; /* CALLS_*: the calls of which it wants the BEGIN, the END */
	void (*on)(struct check *c);
	void (*over)(struct check *c);             /* the capture is at its end; or NULL */
	void (*now)(struct check *c, int64_t now); /* live: it is so late now, and nothing may have happened; or NULL */
};
extern const struct rule *const rules[];
extern const int rule_count;
const struct rule *rule_named(const char *id); /* NULL: there is none */

/* A place in the capture and in a source file. */
struct site {
	uint64_t seq;   /* event; 0: none */
	uint64_t where; /* return address */
	uint32_t pid, image;
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	struct site at, opened;       /* opened: who made the descriptor */
	uint32_t life;                /* model_life(), or 0 */
	uint64_t times, last;         /* so often at this place; the last event */
	const char *message, *advice; /* places in them are written by finding_text() */
	struct finding *next;         /* engine.c's own */
	bool silent;
};

struct check_options {
	bool all_open; /* every descriptor that is open at exit is a note */
	bool live;     /* findings while the program runs: check_early() */
};

struct check *check_open(struct model *m, const struct check_options *o);
void check_close(struct check *c);
/* A step of the timeline that model_step() has taken. */
void check_step(struct check *c, enum step step, struct event *ev, const struct effects *effects);
/* All was given: the rules that judge the whole speak, and where two see one cause the deeper one stays. */
void check_over(struct check *c);
/* The gravest first, and among equals in the order of the events; NULL: no more. */
const struct finding *check_finding(const struct check *c, int i);
uint64_t check_events(const struct check *c);
uint64_t check_beyond(const struct check *c); /* findings at places that were too many to be kept */

/* Live: the next early finding, or NULL. `now`: ns since the run began, for a call that lasts and lasts. */
const struct finding *check_early(struct check *c, int64_t now);

/* A message or an advice with its places as source lines: "at server.c:61 (event 12)". */
void finding_text(struct out *o, struct where *w, const char *text);
/* The finding's line, "server.c:61"; "" when it is not known. */
const char *site_line(struct where *w, const struct site *s);
/* Gives `where` the modules that the model has seen since *known. */
void check_modules(const struct model *m, struct where *w, uint32_t *known);

#endif
