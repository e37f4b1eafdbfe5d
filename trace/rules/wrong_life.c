/* trace/rules/wrong_life.c: a number was closed and given to somebody else, and the program acts on the new one for
 * the old one.
 */
#include "rules/engine.h"

#include <errno.h>
#include <stdlib.h>

/* Own table 0, by life: how it was closed, when that close looks as if another life was meant. */
struct ended {
	struct site at;
	bool doubtful;
};

/* Own table 1, by thread: the last bytes it read. */
struct last_read {
	struct site at;
	uint32_t life;
	int32_t number;
};

/* Own table 2: by the hash of a line: reads there come from lives that no wait has reported, on purpose. */
enum { KEPT = 4 };
struct line {
	uint64_t where;
	bool optimistic;
	struct finding *found[KEPT]; /* to be taken back when it turns out to be so */
};

static struct line *
line_of(struct check *c, uint64_t where)
{
	struct line *line = OWN(c, 2, (uint32_t)hash_bytes(&where, sizeof where) & 1023, struct line);

	if (line->where != where)
		*line = (struct line){.where = where};
	return line;
}

/* What the thread's last wait said about this number, when it meant a life that has ended since. */
static const struct life *
stale(struct check *c)
{
	const struct wait *w = &c->tf->wait;

	for (int i = 0; i < w->count; i++) {
		const struct life *life = model_life(c->model, w->list[i].life);

		if (w->list[i].number != c->ev->fd || w->list[i].ready == 0 || life == NULL || life->id == c->life->id)
			continue;
		if (life->process == c->life->process && !life->open && life->ended_seq > w->at.seq)
			return life;
	}
	return NULL;
}

static void
reads(struct check *c)
{
	struct line *line = line_of(c, c->ev->where);
	const struct life *old;
	struct finding *f;
	struct site ended;

	if (c->lf->told != 0 || c->lf->watched != 0)
		return; /* a wait has spoken of this life too */
	old = c->life->born_seq > c->tf->wait.at.seq ? stale(c) : NULL;
	line->optimistic |= old == NULL;
	if (line->optimistic || (f = found_here(c, c->life)) == NULL)
		return;
	for (int i = 0; i < KEPT; i++)
		if (line->found[i] == NULL) {
			line->found[i] = f;
			break;
		}
	ended = (struct site){old->ended_seq, old->ended_where, c->ev->pid, f->at.image};
	say(f, c,
		"%c(%l) reads from %L because the wait at %p reported %l; that life was closed at %p, and the number "
		"given out again.",
		(unsigned)c->ev->call, c->life, c->life, &c->tf->wait.at, old, &ended);
	say_opened(f, c, c->life);
}

/* The thread read from one life of the number and now answers to the next one, who has asked nothing. */
static void
answers(struct check *c)
{
	const struct last_read *r = OWN(c, 1, c->ev->thread, struct last_read);
	const struct life *old = model_life(c->model, r->life);
	struct finding *f;

	if (old == NULL || r->number != c->ev->fd || old->id == c->life->id || old->open ||
		old->process != c->life->process)
		return;
	if (r->at.seq != c->tf->last.at.seq || c->life->in != 0 || c->lf->born_thread == c->ev->thread)
		return;
	f = found_here(c, c->life);
	if (f == NULL)
		return;
	say(f, c,
		"%c(%l) answers to what %L had asked at %p; that one was closed by another thread meanwhile, and %L, "
		"who gets the answer, had asked nothing.",
		(unsigned)c->ev->call, c->life, old, &r->at, c->life);
	say_opened(f, c, c->life);
	advise(f, c,
		"Let one thread own a connection from accept to close, or count who still needs it and close it "
		"after the last one.");
}

/* Closed, and nothing about this life gave a reason for it. */
static void
closes(struct check *c)
{
	const struct life *life = c->life, *before = model_life(c->model, life->before);
	const struct watched *told = told_of(&c->tf->wait, life->id);
	bool stranger = c->lf->born_thread != c->ev->thread && c->lf->thread != c->ev->thread;
	struct ended *e = OWN(c, 0, life->id, struct ended);

	if (before == NULL || before->ending != ENDS_CLOSED || c->lf->eof.seq != 0 || c->lf->gone.seq != 0 ||
		(told != NULL && told->ready != 0))
		return;
	if (!stranger && (!life->accepted || life->origin != BORN_MADE || c->lf->used != 0 || c->lf->watched != 0))
		return; /* a pipe may be made for others alone; a connection is not */
	*e = (struct ended){site_of(c, c->ev),
		stranger || before->ended_where == c->ev->where || before->ended_seq > c->tf->wait.at.seq};
}

static void
missed(struct check *c, int number)
{
	const struct life *life = last_life(c, c->ev->pid, number), *before;
	const struct ended *e;
	struct finding *f;
	struct site first;

	if (life == NULL || life->open || !(e = OWN(c, 0, life->id, struct ended))->doubtful)
		return;
	f = found(c, e->at, life);
	if (f == NULL)
		return;
	before = model_life(c->model, life->before);
	first = (struct site){before->ended_seq, before->ended_where, c->ev->pid, e->at.image};
	say(f, c,
		"The close at %p was the second one for %l, which had been closed at %p; meanwhile the number was "
		"given to %L, and that is what it closed: %c "
		"then failed with EBADF.",
		&e->at, before, &first, life, (unsigned)c->ev->call);
	say_opened(f, c, life);
	advise(f, c, "Close a descriptor in one place and set the variable to -1 there.");
}

static void
failed(struct check *c)
{
	if (c->ev->error != EBADF)
		return;
	if (c->ev->has_fd && c->ev->life == 0)
		missed(c, c->ev->fd);
	for (int i = 0; i < c->nwatched; i++)
		if (c->watched[i].life == 0)
			missed(c, c->watched[i].number);
}

static void
over(struct check *c)
{
	for (uint32_t i = 0; i < own_room(c, 2); i++) {
		struct line *line = OWN(c, 2, i, struct line);

		for (int k = 0; k < KEPT && line->optimistic; k++)
			if (line->found[k] != NULL)
				line->found[k]->silent = true;
	}
}

static void
on(struct check *c)
{
	if (c->step == STEP_BEGIN) {
		if (c->life == NULL)
			return;
		if (c->class & CALLS_IN)
			reads(c);
		else if (c->class & CALLS_OUT)
			answers(c);
		else
			closes(c);
		return;
	}
	if (c->class & CALLS_IN && c->ev->ret > 0)
		*OWN(c, 1, c->ev->thread, struct last_read) =
			(struct last_read){site_of(c, c->ev), c->ev->life, c->ev->fd};
	if (c->ev->error != 0)
		failed(c);
}

const struct rule rule_wrong_life = {
	.id = "wrong-life",
	.severity = SEVERITY_BUG,
	.title = "a number that came back was taken for the one before",
	.why = "A new descriptor gets the lowest free number, so a number that was just closed comes back at once. "
	       "What the program still remembers of the old client then happens to the new one: it is read from, "
	       "answered to, or closed, in the other's place.",
	.advice = "When a client is closed, take its number out of everything that this round still works through; "
		  "or keep a count with each number (fdtrace writes 4#2) and compare it before acting.",
	.what = "Three things. A wait reported a descriptor, it was closed, its number was given out again in the "
		"same round, and the program then reads from the new one. A thread read a request, another thread "
		"closed the connection and a new one got the number, and the answer goes there. A second close of "
		"one descriptor met the next life of its number.",
	.example = " 30  select(7, r{4,5})                  = 2  r{4,5}         server.c:61\n"
		   " 31  recv(4, 64)                        = 4  \"kick\"         server.c:41\n"
		   " 32  close(5)                           = 0                 server.c:31\n"
		   " 33  accept(3)                          = 5#2  127.0.0.1:53130  server.c:32\n"
		   " 34  recv(5#2, 64)                      ... never returned  server.c:41",
	.mend = "close(client_fd);\n"
		"FD_CLR(client_fd, &watch_set);\n"
		"FD_CLR(client_fd, &ready_set);   /* this round shall not meet it again */",
	.not_this = "A new client that is read from right after accept, as all of them are, without asking a wait "
		    "first. An epoll event that is thrown away because its count (generation) is an old one. A pool of "
		    "threads through which the same numbers come again and again.",
	.begin = CALLS_IN | CALLS_OUT | CALLS_CLOSE,
	.end = CALLS_IN | CALLS_FAILED,
	.on = on,
	.over = over,
};
