/* trace/rules/spin.c: a wait that returns at once, again and again, with the same news and nothing done; and a call
 * that says EAGAIN again and again with no wait between.
 */
#include "rules/engine.h"

#include <errno.h>
#include <poll.h>

enum {
	ROUNDS = 64,       /* from so many on it is a spin */
	MANY = 1000,       /* with a timeout of 0, fewer may be meant: work in slices, of which nothing is seen here */
	AT_ONCE = 200000,  /* ns: a wait that takes no longer did not wait */
	BETWEEN = 1000000, /* ns from one round to the next: more is work that is not seen, or a rest. But after ROUNDS without
	                    * one it is the scheduler's doing, on a machine that is busy: the spin goes on */
};

enum cause { NO_CAUSE, BY_TIMER, BY_ERROR, BY_CALL, BY_WRITE, BY_STATE, BY_READ };

/* Own table 0, by thread. */
struct spin {
	uint64_t rounds, signature;
	uint64_t pause; /* rounds since the last one */
	struct site first, at;
	int64_t computing, end;
	bool progress; /* since the last round */
	bool telling;  /* live: it was told */
	uint32_t life;
	uint8_t ready;
	uint16_t wait, error;
	uint16_t call, call_error; /* what failed in the rounds */
	uint32_t call_life;
	struct site call_at;
};

static enum cause
cause_of(const struct spin *s)
{
	if (s->error != 0)
		return BY_ERROR;
	if (s->ready == 0)
		return BY_TIMER;
	if (s->call_error != 0)
		return BY_CALL;
	if (s->ready & WATCH_READ)
		return BY_READ;
	return s->ready & WATCH_WRITE && !(s->ready & (WATCH_ERROR | WATCH_HANGUP)) ? BY_WRITE : BY_STATE;
}

static void
advise_call(struct finding *f, struct check *c, const struct spin *s)
{
	if (s->call_error == EMFILE || s->call_error == ENFILE)
		advise(f, c,
			"The connection stays in the queue, so the listener stays readable. Keep a reserve "
			"descriptor: close it, accept, close the new one, "
			"open the reserve again; or take the listener out of the set until a client leaves.");
	else
		advise(f, c,
			"Look at the error, and take the descriptor out of the set, or close it, when the call "
			"cannot succeed.");
}

static void
say_cause(struct finding *f, struct check *c, const struct spin *s)
{
	const struct life *life = model_life(c->model, s->life), *other = model_life(c->model, s->call_life);

	switch (cause_of(s)) {
	case BY_TIMER:
		f->severity = s->rounds >= MANY ? SEVERITY_BUG : SEVERITY_RISK;
		say(f, c, "its timeout is 0, and nothing was ready.");
		advise(f, c,
			"A timeout of 0 means \"do not wait\". To wait for ever is NULL for select, -1 for poll and "
			"epoll_wait.");
		break;
	case BY_ERROR: say(f, c, "it failed with %e each time, and the program went on.", (int)s->error); break;
	case BY_CALL:
		say(f, c, "%L was ready, and %c", life, (unsigned)s->call);
		if (other != NULL)
			say(f, c, " on %l", other);
		say(f, c, " failed with %e each time, at %p.", (int)s->call_error, &s->call_at);
		advise_call(f, c, s);
		break;
	case BY_WRITE:
		say(f, c, "%L could be written to, and the program had nothing to write.", life);
		advise(f, c,
			"Ask for writing only while there is something to send: a socket can be written to nearly "
			"always.");
		break;
	case BY_STATE:
		say(f, c, "%L was reported with an error or a hang-up, and nothing was done about it.", life);
		advise(f, c,
			"POLLERR and POLLHUP are reported whether they were asked for or not: read the descriptor to "
			"its end, or its SO_ERROR, and close it.");
		break;
	default: say(f, c, "%L was reported as readable each time, and no byte was read from it.", life); break;
	}
}

static void
tell(struct check *c, struct spin *s, struct finding *f)
{
	if (f == NULL)
		return;
	say(f, c, "%c returned at once %n times in a row, %t of computing time (from event %n on): ", (unsigned)s->wait,
		(int64_t)s->rounds, s->computing, (int64_t)s->first.seq);
	say_cause(f, c, s);
}

static void
end_row(struct check *c, struct spin *s)
{
	const struct life *life = model_life(c->model, s->life);

	if (s->rounds >= ROUNDS)
		tell(c, s, found(c, s->first, life));
	*s = (struct spin){0};
}

/* What the wait reported, as a number. */
static uint64_t
signature(const struct check *c)
{
	uint64_t hash = (uint64_t)c->ev->error << 32 | (uint32_t)c->ev->ret;

	for (int i = 0; i < c->nwatched; i++)
		if (c->watched[i].ready != 0)
			hash = hash * 0x100000001b3u + ((uint64_t)c->watched[i].life << 8 | c->watched[i].ready);
	return hash;
}

/* Did anybody, this thread or another, get on with one of those that are reported? */
static bool
got_on(struct check *c, uint64_t since)
{
	for (int i = 0; i < c->nwatched; i++)
		if (c->watched[i].ready != 0 && c->watched[i].life != 0 &&
			facts_of(c, c->watched[i].life)->moved > since)
			return true;
	return false;
}

static void
begin_row(struct check *c, struct spin *s)
{
	s->first = site_of(c, c->ev);
	s->signature = signature(c);
	s->wait = c->ev->call;
	s->error = c->ev->error;
	for (int i = 0; i < c->nwatched && s->life == 0; i++) {
		s->life = c->watched[i].ready != 0 ? c->watched[i].life : 0;
		s->ready = c->watched[i].ready;
	}
	if (s->life == 0)
		s->ready = c->ev->ret > 0 ? WATCH_READ : 0;
}

static bool
did_not_wait(const struct event *ev)
{
	struct fdt_timeout t = {-1, -1};

	if (took(ev) > AT_ONCE)
		return false;
	event_timeout(ev, &t);
	return ev->ret != 0 || t.ns == 0;
}

static void
round_over(struct check *c, struct spin *s)
{
	struct spin before = *s;
	bool pause = c->ev->begin - s->end > BETWEEN;

	if (!did_not_wait(c->ev) || c->ev->error == EINTR) {
		end_row(c, s);
		return;
	}
	if (s->rounds == 0 || s->progress || s->at.where != c->ev->where || s->signature != signature(c) ||
		(pause && s->pause < ROUNDS) || got_on(c, s->at.seq)) {
		end_row(c, s);
		begin_row(c, s);
		if (before.at.where == c->ev->where &&
			!before.progress) { /* what failed in the round before this row */
			s->call = before.call;
			s->call_error = before.call_error;
		}
	}
	s->pause = pause ? 0 : s->pause + 1;
	s->computing += s->rounds > 0 && !pause ? c->ev->end - s->end : took(c->ev);
	s->at = site_of(c, c->ev);
	s->end = c->ev->end;
	s->rounds++;
	if (s->rounds >= ROUNDS && !s->telling && c->o.live) {
		struct finding *f = found_early(c, s->at, model_life(c->model, s->life), c->ev->end);

		s->telling = f != NULL;
		tell(c, s, f);
	}
}

/* Own table 1, by thread: the same call on the same descriptor that says EAGAIN again and again. */
struct again {
	uint64_t rounds;
	struct site first, at;
	int64_t begin, end;
	uint32_t life;
	uint16_t call;
};

static void
end_again(struct check *c, struct again *a)
{
	const struct life *life = model_life(c->model, a->life);
	struct finding *f = a->rounds >= ROUNDS ? found(c, a->first, life) : NULL;

	if (f != NULL) {
		say(f, c, "%c on %L said EAGAIN %n times in a row within %t, with no wait between (from event %n on).",
			(unsigned)a->call, life, (int64_t)a->rounds, a->end - a->begin, (int64_t)a->first.seq);
		advise(f, c, "Wait for the descriptor in select, poll or epoll_wait, and call again when it is ready.");
	}
	*a = (struct again){0};
}

static void
again(struct check *c, struct again *a)
{
	const struct event *ev = c->ev;

	if (a->rounds == 0 || a->at.where != ev->where || a->life != ev->life || ev->begin - a->end > BETWEEN) {
		end_again(c, a);
		a->first = site_of(c, ev);
		a->begin = ev->begin;
		a->life = ev->life;
		a->call = ev->call;
	}
	a->at = site_of(c, ev);
	a->end = ev->end;
	a->rounds++;
}

/* Lines for people, and what a file takes, are no progress: "time out!" is printed in a spin too. */
static bool
is_progress(const struct check *c)
{
	const struct event *ev = c->ev;

	if (c->class & (CALLS_TABLE | CALLS_OPTION | CALLS_OTHER | CALLS_EPOLL_CTL) || ev->ret < 0)
		return false;
	if (c->class & CALLS_OUT)
		return ev->ret > 0 && c->life != NULL && c->life->number > 2 && c->life->kind != KIND_FILE &&
		       c->life->kind != KIND_TTY;
	if (c->class & CALLS_IN)
		return ev->ret > 0 || ev->call == FDT_CALL_eventfd_read;
	return true;
}

static void
on(struct check *c)
{
	struct spin *s = OWN(c, 0, c->ev->thread, struct spin);
	struct again *a = OWN(c, 1, c->ev->thread, struct again);
	const struct event *ev = c->ev;

	if (c->class == CALLS_WAIT) {
		end_again(c, a);
		round_over(c, s);
	} else if (is_progress(c)) {
		end_again(c, a);
		s->progress = true;
	} else if (ev->error != 0) {
		if (ev->error == EAGAIN && c->life != NULL && c->class & (CALLS_IN | CALLS_OUT | CALLS_ACCEPT))
			again(c, a);
		if (s->call_error != 0 && ev->life == 0)
			return; /* close(-1), say: what comes of a failure, and not the cause */
		s->call = ev->call;
		s->call_error = ev->error;
		s->call_life = ev->life;
		s->call_at = site_of(c, ev);
	}
}

static void
over(struct check *c)
{
	for (uint32_t i = 0; i < own_room(c, 0); i++)
		end_row(c, OWN(c, 0, i, struct spin));
	for (uint32_t i = 0; i < own_room(c, 1); i++)
		end_again(c, OWN(c, 1, i, struct again));
}

const struct rule rule_spin = {
	.id = "spin",
	.severity = SEVERITY_BUG,
	.title = "the loop turns at full speed and gets nothing done",
	.why = "One processor is busy for nothing, for as long as it lasts; and everything else on the machine gets "
	       "slower.",
	.advice = "See what the wait reports and what the program does about it: each thing that is reported must "
		  "be served, or no longer be asked about.",
	.what = "A wait that returns at once, 64 times or more in a row from one line, with the same news each "
		"time, while no byte moves, no connection is taken and nothing is closed in between. The cause is "
		"told where it can be seen: accept that fails with EMFILE, a write set on an idle socket, an error "
		"that nobody looks at, a timeout of 0 (a risk below 1000 times). Also a call that says EAGAIN as "
		"many times in a row, with no wait between.",
	.example = "812  select(5, r{3,4})                  = 1  r{3}  after 1 us  server.c:33\n"
		   "813  accept(3)                          = -1 EMFILE         server.c:35\n"
		   "814  select(5, r{3,4})                  = 1  r{3}  after 1 us  server.c:33\n"
		   "815  accept(3)                          = -1 EMFILE         server.c:35",
	.mend = "if (client_fd == -1 && errno == EMFILE) {\n"
		"    close(reserve_fd);                    /* it was kept for this */\n"
		"    close(accept(listen_fd, NULL, NULL)); /* a polite refusal */\n"
		"    reserve_fd = open(\"/dev/null\", O_RDONLY | O_CLOEXEC);\n"
		"}",
	.not_this = "Many waits in a row that return at once because there is work each time, and it is done. A "
		    "program with a beat of its own: poll with a timeout of 0, and a sleep elsewhere.",
	.end = CALLS_ALL & ~CALLS_FDELT,
	.on = on,
	.over = over,
};
