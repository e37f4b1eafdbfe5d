/* trace/rules/starved.c: the thread sat in one blocking call, and others had something for it. */
#include "rules/engine.h"

#include <string.h>

/* ns in calls on one descriptor that no wait had reported, within one turn: while another one is known to have waited
 * then; when only the next wait tells so; and for writes, of which nobody knows beforehand whether they will sit, and
 * in a program that does without a wait. */
enum { LONG = 20000000, LONG_TOLD_AFTER = 50000000, LONG_OUT = 100000000 };
enum {
	AT_ONCE = 1000000, /* ns: a wait or accept that takes no longer found something that was there already */
	BUFFERED = 65536,  /* bytes */
	STEP = 1000000,    /* ns: shorter calls are not counted */
};
#define LONG_NOW INT64_C(1000000000) /* live: it has lasted so long and goes on */

/* Own table 0, by thread: where its time went since its last wait, or its last accept. */
struct sat {
	int64_t total, longest;
	struct site at; /* of the longest call */
	uint32_t life;
	uint16_t call;
	bool out;
	uint32_t late_life; /* somebody who is known to wait meanwhile, or 0 */
	const char *late_how;
	bool told, early, blocks; /* blocks: the call that it is in may wait */
};

static bool
is_long(const struct sat *s, int64_t than)
{
	return s->total >= (s->out ? LONG_OUT : than);
}

static void
tell(struct check *c, struct sat *s, const struct life *other, const char *how)
{
	const struct life *life = model_life(c->model, s->life);
	struct finding *f;

	if (s->told)
		return;
	s->told = true;
	f = found(c, s->at, life);
	if (f == NULL)
		return;
	say(f, c, "%c sat on %L for %t", (unsigned)s->call, life, s->longest);
	if (s->total - s->longest > STEP)
		say(f, c, ", %t with all the calls on it since the last wait", s->total);
	say(f, c, "; meanwhile %L %s.", other, how);
	say_opened(f, c, life);
}

/* A read that the turn's wait has promised does not sit, however long it takes on a busy machine. */
static bool
was_promised(const struct check *c)
{
	const struct watched *told = told_of(&c->tf->wait, c->life->id);

	return told != NULL && told->ready != 0 && c->lf->used < c->tf->wait.at.seq;
}

static void
add(struct check *c, struct sat *s)
{
	const struct event *ev = c->ev;

	if (took(ev) < STEP || !s->blocks)
		return;
	if (s->life != ev->life) {
		if (took(ev) < s->total)
			return;
		*s = (struct sat){.life = ev->life, .late_life = s->late_life, .late_how = s->late_how};
	}
	s->total += took(ev);
	if (took(ev) <= s->longest)
		return;
	s->longest = took(ev);
	s->at = site_of(c, ev);
	s->call = ev->call;
	s->out = (c->class & CALLS_OUT) != 0;
}

/* One that the turn's wait has reported and that was not served; NULL: there is none. */
static const struct life *
unserved(struct check *c, const struct thread_facts *t, uint32_t but)
{
	for (int i = 0; i < t->wait.count; i++) {
		const struct life *life = model_life(c->model, t->wait.list[i].life);

		if (life != NULL && life->open && life->id != but && t->wait.list[i].ready & WATCH_READ &&
			facts_of(c, life->id)->used < t->wait.at.seq)
			return life;
	}
	return NULL;
}

/* A socket takes so many bytes before it can make anybody wait: a write that lasts long before that was not run. */
static bool
may_be_full(const struct check *c)
{
	int64_t asked = asked_bytes(c->ev);

	return asked < 0 || c->life->out + (uint64_t)asked >= BUFFERED;
}

static void
begins(struct check *c, struct sat *s)
{
	s->blocks = may_block(c, c->life) && !was_promised(c) && (!(c->class & CALLS_OUT) || may_be_full(c));
	if (is_long(s, LONG) && s->life != c->life->id && was_promised(c))
		tell(c, s, c->life, "had been reported as ready, and was not served before that was over");
}

static void
wait_over(struct check *c, struct sat *s)
{
	const struct wait *before = &c->tf->wait;
	const struct life *sat_on = model_life(c->model, s->life);
	bool client = sat_on != NULL && sat_on->accepted; /* others are the program's own, and answer at once */

	for (int i = 0; client && is_long(s, LONG_TOLD_AFTER) && took(c->ev) < AT_ONCE && i < c->nwatched; i++) {
		const struct life *life = model_life(c->model, c->watched[i].life);
		const struct life_facts *f;

		if (life == NULL || c->watched[i].ready == 0 || life->id == s->life)
			continue;
		f = facts_of(c, life->id);
		if (told_of(before, life->id) != NULL || (f->epoll != 0 && f->born.seq < before->at.seq) ||
			(f->watched != 0 && f->watched >= before->at.seq))
			tell(c, s, life, "had something for it, as the next wait says, which returned at once");
	}
	*s = (struct sat){0};
}

static void
accepted(struct check *c, struct sat *s)
{
	uint32_t queued = 0;

	if (c->ev->ret < 0)
		return;
	if (s->total >= LONG_OUT && took(c->ev) < AT_ONCE && s->life != c->life->id && c->tf->wait.at.seq == 0)
		tell(c, s, c->life, "had a connection waiting in its queue: the next accept returned at once");
	if (c->tf->wait.at.seq == 0)
		*s = (struct sat){0};
	if (event_queue(c->ev, &queued)) {
		s->late_life = queued > 0 ? c->life->id : 0;
		s->late_how = "had connections in its queue, which nobody took";
	}
}

/* Somebody is waiting from now on: for every thread of the process that sits in a call on another one. */
static void
waits_for(struct check *c, const struct life *life, const char *how)
{
	const struct process *p = model_process(c->model, life->process);

	for (uint32_t i = 1; i <= timeline_threads(model_timeline(c->model)); i++) {
		const struct thread_facts *t = facts_of_thread(c, i);
		struct sat *s = OWN(c, 0, i, struct sat);

		if (t->inside.at.seq == 0 || t->inside.at.pid != p->pid || !s->blocks || t->inside.life == life->id ||
			class_of(t->inside.call) == CALLS_WAIT)
			continue;
		s->late_life = life->id;
		s->late_how = how;
	}
}

/* The launcher has counted who stands in the queue of a listener. */
static void
counted(struct check *c)
{
	const struct life *listener = model_at(c->model, c->ev->pid, c->ev->fd);

	if (listener != NULL && c->ev->args[0] > 0)
		waits_for(c, listener, "had connections in its queue, which nobody took");
}

/* The harness has written down that a client speaks. */
static void
noted(struct check *c)
{
	struct bytes who = event_item(c->ev, FDT_ITEM_WHO), verb = event_item(c->ev, FDT_ITEM_VERB);

	if (verb.size != 4 || memcmp(verb.at, "says", 4) != 0)
		return;
	for (uint32_t i = 0; i < model_processes(c->model); i++)
		for (uint32_t id = model_process(c->model, i)->open; id != 0;
			id = model_life(c->model, id)->next_open) {
			const struct life *life = model_life(c->model, id);

			if (life->client != NULL && life->accepted && strlen(life->client) == who.size &&
				memcmp(life->client, who.at, who.size) == 0)
				waits_for(c, life, "had spoken, and was not heard");
		}
}

static void
on(struct check *c)
{
	struct sat *s = OWN(c, 0, c->ev->thread, struct sat);
	const struct life *other;

	if (c->class == CALLS_QUEUE || c->class == CALLS_NOTE) {
		(c->class == CALLS_QUEUE ? counted : noted)(c);
		return;
	}

	if (c->step == STEP_BEGIN) {
		if (c->life != NULL)
			begins(c, s);
	} else if (c->class == CALLS_WAIT) {
		wait_over(c, s);
	} else if (c->life == NULL) {
		return;
	} else if (c->class == CALLS_ACCEPT) {
		accepted(c, s);
	} else if (is_stream(c->life) || c->life->kind == KIND_SOCKET) {
		add(c, s);
		other = model_life(c->model, s->late_life);
		if (is_long(s, LONG) && s->life == c->life->id && other != NULL && other->open)
			tell(c, s, other, s->late_how);
	}
}

/* A listener that the thread asks about and in whose queue somebody stands now. */
static const struct life *
queue_of(struct check *c, const struct thread_facts *t, const struct sat *s)
{
	const struct life *late = model_life(c->model, s->late_life);

	for (int k = 0; k < t->wait.count; k++) {
		const struct life *one = model_life(c->model, t->wait.list[k].life);

		if (one != NULL && one->open && one->listens && one->queue_known && one->queued > 0)
			return one;
	}
	return late != NULL && late->open ? late : NULL;
}

/* A thread that is in such a call now, and has been for long. */
static void
look_at(struct check *c, uint32_t thread, int64_t now, bool early)
{
	const struct thread_facts *t = facts_of_thread(c, thread);
	struct sat *s = OWN(c, 0, thread, struct sat);
	const struct life *life = model_life(c->model, t->inside.life), *ready, *listener;
	int64_t since = now - t->inside.begin;
	struct finding *f;

	if (t->inside.at.seq == 0 || life == NULL ||
		!(class_of(t->inside.call) & (CALLS_IN | CALLS_OUT | CALLS_ACCEPT)) || !is_stream(life) || !s->blocks)
		return;
	if (since < (early ? LONG_NOW : class_of(t->inside.call) & CALLS_OUT ? LONG_OUT : LONG) || (early && s->early))
		return;
	ready = unserved(c, t, life->id);
	listener = queue_of(c, t, s);
	if (ready == NULL && (listener == NULL || listener == life))
		return;
	f = early ? found_early(c, t->inside.at, life, now) : found(c, t->inside.at, life);
	s->early |= f != NULL;
	if (f == NULL)
		return;
	say(f, c, early ? "%c has been sitting on %L for %t; " : "%c sat on %L to the end, for %t; ",
		(unsigned)t->inside.call, life, since);
	if (ready != NULL)
		say(f, c, "meanwhile %L, which had been reported as ready, is not served.", ready);
	else
		say(f, c, "meanwhile %L %s.", listener,
			listener->listens ? "has connections in its queue, which nobody takes" : s->late_how);
	say_opened(f, c, life);
}

static void
now(struct check *c, int64_t time)
{
	for (uint32_t i = 1; i <= timeline_threads(model_timeline(c->model)); i++)
		look_at(c, i, time, true);
}

static void
over(struct check *c)
{
	for (uint32_t i = 1; i <= timeline_threads(model_timeline(c->model)); i++)
		look_at(c, i, c->time, false);
}

const struct rule rule_starved = {
	.id = "starved",
	.severity = SEVERITY_RISK,
	.title = "one client was waited for, and all the others with it",
	.why = "While the program is inside a call on one connection it can do nothing else: who speaks is not "
	       "heard, who connects stands in the queue. One slow client, or a malicious one, stops them all.",
	.advice = "Read only what is there, once for each time that the wait reports it, and go back to the wait; "
		  "make sockets non-blocking where a send could sit. Or give each connection a thread or a process of "
		  "its own.",
	.what = "A thread that sat in calls on one connection which no wait had promised, while another one had "
		"something for it: it had been reported as ready and was not served, or it stood in a listener's "
		"queue (20 ms or more of reading or accepting), or the next wait returned at once with it (50 ms), "
		"or the next accept, in a program that does without a wait (100 ms). Writing counts from 100 ms on, "
		"non-blocking descriptors not at all.",
	.example = "  9  select(6, r{3,4,5})                = 1  r{3}           server.c:40\n"
		   " 10  accept(3)                          = 6  1 still queued  server.c:61\n"
		   " 11  recv(6, 4096)                      = 0  after 4.2 s    server.c:84",
	.mend = "received = recv(client_fd, buffer, sizeof buffer, 0);  /* once */\n"
		"if (received > 0)\n"
		"    send_all(client_fd, buffer, received);\n"
		"/* and back to select(): it says when there is more */",
	.not_this = "A thread, or a process, for each connection. A long read while nobody else had anything to "
		    "say.",
	.begin = CALLS_IN | CALLS_OUT | CALLS_ACCEPT,
	.end = CALLS_WAIT | CALLS_ACCEPT | CALLS_IN | CALLS_OUT | CALLS_QUEUE | CALLS_NOTE,
	.on = on,
	.now = now,
	.over = over,
};
