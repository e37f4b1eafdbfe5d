/* trace/rules/timer.c: select() is given what its last call left of the time. */
#include "rules/engine.h"

#include <errno.h>

enum {
	SITES = 4,       /* selects of a thread that are told apart */
	SURELY = 1000,   /* live: as many, when nothing else speaks for it */
	ZEROS = 32,      /* so many rounds with no time at all are no accident */
	ROUND = 1000000, /* ns for one of them, at most: it is a loop that does nothing else */
	SHRUNK = 3,      /* and so many that were given the rest, in a loop that serves */
};

/* Own table 0, by thread: for each select of its own, what it was given and what it left. */
struct timer {
	struct one {
		uint64_t where, used;
		int64_t given, left;
		int32_t ret;
		uint16_t error;
		uint32_t shrunk, zeros; /* rounds in a row */
		uint32_t all;           /* rounds that were given a rest of some time, in a loop that serves */
		struct site all_first;
		int64_t all_from, all_left;
		struct site first, at; /* of the row */
		int64_t began, end;
		bool told;
	} list[SITES];
};

static struct one *
one_of(struct check *c)
{
	struct timer *t = OWN(c, 0, c->ev->thread, struct timer);
	struct one *oldest = &t->list[0];

	for (int i = 0; i < SITES; i++) {
		if (t->list[i].where == c->ev->where)
			return &t->list[i];
		if (t->list[i].used < oldest->used)
			oldest = &t->list[i];
	}
	*oldest = (struct one){.where = c->ev->where, .given = -1};
	return oldest;
}

static void
tell(struct check *c, struct one *o, struct finding *f)
{
	if (f == NULL)
		return;
	if (o->zeros >= ZEROS) {
		say(f, c,
			"After its time was up, select was given no time at all, %n times in a row within %t (from "
			"event %n on): the timeval still holds the 0 that "
			"the timeout left in it.",
			(int64_t)o->zeros, o->end - o->began, (int64_t)o->first.seq);
		return;
	}
	f->severity = SEVERITY_RISK;
	say(f, c,
		"select was given what its last call had left, %n times (from event %n on): of %t there were %t left "
		"the last time, and each event takes more.",
		(int64_t)o->all, (int64_t)o->all_first.seq, o->all_from, o->all_left);
}

/* A loop that computes its timeouts may well ask with 0 after one was over, many times. But it does not pass on a
 * rest to the microsecond, and it does not go on so to the end.
 */
static void
end_row(struct check *c, struct one *o, bool at_end)
{
	bool shrank = o->shrunk > o->zeros, fast = o->end - o->began < (int64_t)o->zeros * ROUND;

	if (o->zeros >= ZEROS && fast && (shrank || at_end))
		tell(c, o, found(c, o->first, NULL));
	o->zeros = 0;
	if (at_end && o->all >= SHRUNK)
		tell(c, o, found(c, o->all_first, NULL));
	o->shrunk = 0;
	o->told = false;
}

static bool
asks_a_listener(const struct check *c)
{
	for (int i = 0; i < c->nwatched; i++) {
		const struct life *life = model_life(c->model, c->watched[i].life);

		if (life != NULL && life->listens)
			return true;
	}
	return false;
}

static void
add_round(struct check *c, struct one *o, int64_t given)
{
	bool first = o->shrunk == 0;

	if (first)
		o->first = site_of(c, c->ev);
	if (given > 0 && asks_a_listener(c)) {
		if (o->all++ == 0) {
			o->all_first = site_of(c, c->ev);
			o->all_from = o->given;
		}
		o->all_left = given;
	}
	if (given == 0 && o->zeros++ == 0) {
		o->first = site_of(c, c->ev);
		o->began = c->ev->begin;
	}
	o->shrunk++;
	o->at = site_of(c, c->ev);
	o->end = c->ev->end;
	if (o->zeros >= (o->shrunk > o->zeros ? ZEROS : SURELY) && !o->told && c->o.live) {
		struct finding *f = found_early(c, o->at, NULL, c->ev->end);

		o->told = f != NULL;
		tell(c, o, f);
	}
}

static void
on(struct check *c)
{
	struct fdt_timeout t = {-1, -1};
	struct one *o;

	if (c->ev->info->shape != SHAPE_select || !event_timeout(c->ev, &t) || t.ns < 0)
		return;
	o = one_of(c);
	/* A rest is passed on: the same to the microsecond, less than was given, or still nothing. After a signal
	 * that is right.
	 */
	if (o->used != 0 && t.ns == o->left && o->error != EINTR &&
		(o->left < o->given || (o->zeros > 0 && t.ns == 0))) {
		o->left = t.left;
		add_round(c, o, t.ns);
	} else if (o->error != EINTR || t.ns != o->left) {
		end_row(c, o, false);
	}
	o->used = c->ev->seq;
	o->given = t.ns;
	o->left = t.left;
	o->ret = c->ev->ret;
	o->error = c->ev->error;
}

static void
over(struct check *c)
{
	for (uint32_t i = 0; i < own_room(c, 0); i++)
		for (int n = 0; n < SITES; n++)
			end_row(c, &OWN(c, 0, i, struct timer)->list[n], true);
}

const struct rule rule_timer = {
	.id = "timer-not-rearmed",
	.severity = SEVERITY_BUG,
	.title = "select() is given the time that its last call left",
	.why = "Linux writes into select()'s timeval how much of it was left. Set once, outside the loop, it "
	       "shrinks with each event, and after the first timeout it is 0: from then on select() does not wait "
	       "at all. Other systems leave the timeval alone, so it can be right there and wrong here.",
	.advice = "Set the timeval anew in each round, right before select(); or use pselect(), which does not "
		  "change its timer.",
	.what = "select() that is given, to the microsecond, what its last call from this line left: 32 times or "
		"more nothing at all after a timeout (a bug), or three times or more a rest of it, in a loop that "
		"asks a listener (a risk).",
	.example = " 20  select(5, r{3,4}, 2 s)             = 0  timeout        server.c:36\n"
		   " 21  select(5, r{3,4}, 0 s)             = 0  timeout        server.c:36\n"
		   " 22  select(5, r{3,4}, 0 s)             = 0  timeout        server.c:36",
	.mend = "for (;;) {\n"
		"    struct timeval left = timeout;   /* a fresh copy in each round */\n"
		"\n"
		"    ready_set = watch_set;\n"
		"    ready = select(max_fd + 1, &ready_set, NULL, NULL, &left);",
	.not_this = "After EINTR the rest is what select() is to go on with. A timer for a whole task, in however "
		    "many rounds, which ends with it. pselect() with a timer that is set once: it is never changed.",
	.end = CALLS_WAIT,
	.on = on,
	.over = over,
};
