/* trace/rules/ready_ignored.c: reported as readable again and again, and nobody does anything about it. */
#include "rules/engine.h"

enum { ROUNDS = 32 };

/* Own table 0, by life. */
struct ignored {
	uint32_t rounds;
	struct site first, at;
	uint32_t others; /* as many as were reported with it, at most */
};

static void
end_row(struct check *c, const struct life *life, struct ignored *r)
{
	struct finding *f;

	if (r->rounds >= ROUNDS && r->rounds >= 2 * r->others) {
		f = found(c, r->first, life);
		if (f != NULL) {
			say(f, c,
				"%L was reported as readable %n times in a row (events %n to %n), and nobody read "
				"from it, accepted from it or closed it.",
				life, (int64_t)r->rounds, (int64_t)r->first.seq, (int64_t)r->at.seq);
			say_opened(f, c, life);
		}
	}
	*r = (struct ignored){0};
}

static void
on(struct check *c)
{
	for (int i = 0; i < c->nwatched; i++) {
		const struct watched *w = &c->watched[i];
		struct ignored *r;

		if (w->life == 0 || !(w->ready & WATCH_READ))
			continue;
		r = OWN(c, 0, w->life, struct ignored);
		if (r->rounds > 0 && facts_of(c, w->life)->last.seq > r->at.seq)
			end_row(c, model_life(c->model, w->life), r);
		r->at = site_of(c, c->ev);
		if (r->rounds++ == 0)
			r->first = r->at;
		if ((uint32_t)c->ev->ret > r->others)
			r->others = (uint32_t)c->ev->ret;
	}
}

static void
over(struct check *c)
{
	for (uint32_t id = 1; id < own_room(c, 0) && id <= model_lives(c->model); id++)
		end_row(c, model_life(c->model, id), OWN(c, 0, id, struct ignored));
}

const struct rule rule_ready_ignored = {
	.id = "ready-ignored",
	.severity = SEVERITY_BUG,
	.title = "a descriptor is reported as ready again and again, and never served",
	.why = "The wait reports what is there, not what is new: as long as nobody reads, it returns at once. The "
	       "loop turns at full speed, and the one who is reported waits all the same.",
	.advice = "Serve everything that a wait reports before you wait again; and do not ask about what you do not "
		  "mean to serve now.",
	.what = "A descriptor that 32 waits in a row, or more, reported as readable, while nobody in the process "
		"named it in any call. Two causes are frequent: a listener that is asked about while the server is "
		"full, and a loop that serves only the first of those that are ready.",
	.example = " 41  poll(2, r{3,4})                    = 2  r{3,4}         server.c:38\n"
		   " 42  recv(4, 64)                        = 1  \"x\"            server.c:42\n"
		   " 43  poll(2, r{3,4})                    = 2  r{3,4}         server.c:38\n"
		   " 44  recv(4, 64)                        = 1  \"x\"            server.c:42\n"
		   "     3 is reported each time, and nobody accepts",
	.mend = "/* full: do not ask about the listener */\n"
		"list[0].fd = clients < MAX_CLIENTS ? listen_fd : -1;",
	.not_this = "One client for each round, when they take turns. A thread that only waits while others do the "
		    "work. Edge-triggered epoll, which reports once.",
	.end = CALLS_WAIT,
	.on = on,
	.over = over,
};
