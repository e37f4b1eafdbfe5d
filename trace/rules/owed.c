/* trace/rules/owed.c: two rules about bytes that a peer was to get and never got: short-write, and
 * half-closed-dropped, which is the same at a peer's end of file. They share what is known of each connection.
 */
#include "rules/engine.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

enum { HEAD = 32, TOKEN = 8, DEBTS = 4 };

/* Own table 0, by life: a write that did not take everything, as long as the rest has not gone out. */
struct owed {
	struct site at; /* of that write */
	int64_t left;   /* 0: nothing is owed */
	int64_t asked, took;
	uint16_t call;
	uint8_t head[HEAD]; /* its first bytes */
	uint8_t known;      /* how many */
	bool watched;       /* a wait was asked when it can be written to */
	bool tried;         /* it was written to again */
	bool left_behind;   /* the thread went to its next wait, or its next read, and did not ask when it can go on */
	bool comes_back;    /* it did so before, and came back by itself */
	int64_t read;       /* bytes of the last read from the same peer since */
};

/* Own table 2, by thread: those that it owes since its last wait. */
struct debts {
	uint32_t lives[DEBTS];
	uint32_t count;
};

static bool
can_owe(const struct life *life, const struct event *ev)
{
	return life != NULL && is_stream(life) && asked_bytes(ev) > (life->kind == KIND_PIPE ? TOKEN : 0) &&
	       life->number > 2;
}

/* Own table 1, by life. A socketpair of datagrams says EAGAIN too, and a lost datagram is lost. Only the call that
 * made it tells.
 */
struct sort {
	bool datagrams;
};

static bool
is_datagram(struct check *c, const struct life *life)
{
	return OWN(c, 1, life->root != 0 ? life->root : life->id, struct sort)->datagrams;
}

static void
lost(struct check *c, const struct life *life, struct owed *o, const char *how)
{
	struct finding *f = found(c, o->at, life);

	if (f != NULL) {
		if (o->took > 0)
			say(f, c, "%c on %L took %n of %n bytes", (unsigned)o->call, life, o->took, o->asked);
		else
			say(f, c, "%c on %L took none of %n bytes (EAGAIN)", (unsigned)o->call, life, o->asked);
		if (o->took == 0) /* the stream is whole, it only lacks a message */
			f->severity = SEVERITY_RISK;
		say(f, c, ", and the rest %s.", how);
		say_opened(f, c, life);
	}
	o->left = 0;
}

/* Bytes that repeat themselves tell nothing about their place. */
static bool
repeats(const uint8_t *bytes, uint32_t size)
{
	for (uint32_t period = 1; period <= size / 2; period++)
		if (memcmp(bytes, bytes + period, size - period) == 0)
			return true;
	return false;
}

/* The next write: is it the rest? */
static const char *
wrong_place(const struct owed *o, const struct event *ev)
{
	struct bytes data = event_item(ev, FDT_ITEM_DATA);
	int64_t asked = asked_bytes(ev);
	uint32_t n;

	if (asked < 0 || data.at == NULL || o->known == 0)
		return NULL;
	if (o->took < o->known) { /* some of the rest is known */
		n = o->known - (uint32_t)o->took;
		n = n < data.size ? n : data.size;
		return n > 0 && memcmp(data.at, o->head + o->took, n) != 0 ? "was not what came next: other bytes did"
									   : NULL;
	}
	if (o->read > 0 && asked == o->read && asked != o->left)
		return "was not what came next: the next thing that was sent had been read after it";
	n = o->known < data.size ? o->known : data.size;
	if (n >= 8 && (asked == o->left || asked == o->asked) && memcmp(data.at, o->head, n) == 0 &&
		!repeats(o->head, n))
		return "was sent from the wrong place: the bytes from the start were sent again";
	return NULL;
}

static void
write_again(struct check *c, struct owed *o)
{
	const struct event *ev = c->ev;
	const char *wrong = wrong_place(o, ev);
	int64_t asked = asked_bytes(ev);

	if (wrong != NULL) {
		lost(c, c->life, o, wrong);
		return;
	}
	o->tried = true;
	o->comes_back |= o->left_behind;
	o->left_behind = false;
	if (asked < 0) {
		o->left = 0; /* not known: taken for right */
	} else if (ev->ret > 0) {
		o->left = asked >= o->left ? asked - ev->ret : o->left - ev->ret;
		o->known = 0;
		if (o->left < 0)
			o->left = 0;
	}
}

static void
remember(struct check *c)
{
	struct debts *d = OWN(c, 2, c->ev->thread, struct debts);

	d->lives[d->count++ % DEBTS] = c->life->id;
}

static void
writes(struct check *c)
{
	struct owed *o = OWN(c, 0, c->life->id, struct owed);
	const struct event *ev = c->ev;
	int64_t asked = asked_bytes(ev);
	struct bytes data = event_item(ev, FDT_ITEM_DATA);

	if (ev->error == EPIPE || ev->error == ECONNRESET) {
		o->left = 0;
		return;
	}
	if (o->left > 0) {
		write_again(c, o);
		if (o->left > 0)
			remember(c);
		if (o->left > 0 || o->tried)
			return;
	}
	if (!can_owe(c->life, ev) || ev->ret >= asked || (ev->ret < 0 && ev->error != EAGAIN) ||
		is_datagram(c, c->life))
		return;
	*o = (struct owed){.at = site_of(c, ev),
		.asked = asked,
		.took = ev->ret > 0 ? ev->ret : 0,
		.call = ev->call,
		.watched = (c->lf->epoll & EPOLLOUT) != 0};
	o->left = asked - o->took;
	o->known = (uint8_t)(data.size < HEAD ? data.size : HEAD);
	if (data.at != NULL)
		memcpy(o->head, data.at, o->known);
	remember(c);
}

static void
reads(struct check *c)
{
	struct owed *o = OWN(c, 0, c->life->id, struct owed);

	if (o->left == 0)
		return;
	if (c->ev->ret > 0)
		o->read = c->ev->ret;
	if (may_block(c, c->life) && !o->tried) /* who means to send the rest does not sit down to read */
		o->left_behind = true;
}

/* A wait begins: who is owed something is to be asked about, or it is left behind. */
static void
waits(struct check *c)
{
	struct debts *d = OWN(c, 2, c->ev->thread, struct debts);
	const struct watched *list;
	int count = d->count > 0 ? model_watched(c->model, c->ev, &list) : 0;

	for (int i = 0; i < count; i++)
		if (list[i].life != 0 && list[i].wanted & WATCH_WRITE)
			OWN(c, 0, list[i].life, struct owed)->watched = true;
	for (uint32_t i = 0; i < DEBTS && i < d->count; i++) {
		struct owed *o = OWN(c, 0, d->lives[i], struct owed);

		o->left_behind |=
			o->left > 0 && !o->watched && !o->comes_back && !(facts_of(c, d->lives[i])->epoll & EPOLLOUT);
	}
	d->count = 0;
}

static void
asks_epoll(struct check *c)
{
	const struct life *target = model_was(c->model, c->ev->pid, (int)c->ev->args[1], c->ev->began);
	struct fdt_epoll e = {0};

	event_epoll(c->ev, 0, &e);
	if (target != NULL && e.events & EPOLLOUT)
		OWN(c, 0, target->id, struct owed)->watched = true;
}

static void
closed(struct check *c, const struct life *life)
{
	struct owed *o = OWN(c, 0, life->id, struct owed);
	const struct life_facts *f = facts_of(c, life->id);

	if (o->left > 0 && (o->left_behind || (f->gone.seq == 0 && f->eof.seq == 0 && !o->watched && !o->tried &&
						      !(f->epoll & EPOLLOUT))))
		lost(c, life, o, "was never sent before the descriptor was closed");
	o->left = 0;
}

static void
made(struct check *c)
{
	const struct event *ev = c->ev;

	if (ev->info->shape != SHAPE_socket && ev->info->shape != SHAPE_pair)
		return;
	for (uint32_t i = 0; i < c->effects->nopened && ev->nargs > 1; i++)
		OWN(c, 1, c->effects->opened[i], struct sort)->datagrams = (ev->args[1] & 0xf) == 2; /* SOCK_DGRAM */
}

static void
on_short(struct check *c)
{
	if (c->step == STEP_BEGIN) {
		waits(c);
		return;
	}
	if (c->class == CALLS_EPOLL_CTL)
		asks_epoll(c);
	else if (c->class == CALLS_MAKE)
		made(c);
	if (c->life != NULL && c->class & (CALLS_OUT | CALLS_MOVE))
		writes(c);
	else if (c->life != NULL && c->class == CALLS_IN)
		reads(c);
	for (uint32_t i = 0; i < c->effects->nclosed; i++)
		closed(c, model_life(c->model, c->effects->closed[i]));
}

static void
over_short(struct check *c)
{
	for (uint32_t id = 1; id < own_room(c, 0) && id <= model_lives(c->model); id++) {
		struct owed *o = OWN(c, 0, id, struct owed);
		const struct life *life = model_life(c->model, id);

		if (o->left > 0 && life->open && o->left_behind)
			lost(c, life, o, "was never sent");
	}
}

const struct rule rule_short_write = {
	.id = "short-write",
	.severity = SEVERITY_BUG,
	.title = "a write took fewer bytes than it was given, and the rest was lost",
	.why = "A socket takes what it has room for: with large answers, slow readers, or O_NONBLOCK that is less "
	       "than all. What is not sent again is missing in the middle of the stream, and the peer cannot know.",
	.advice = "Keep what was not taken, and send it, from where it stopped, when the socket can be written to; "
		  "or, where the socket blocks, send in a loop.",
	.what = "A write to a socket or pipe that took less than it was given, after which the rest was not sent: "
		"other bytes came next, the same bytes were sent again from the start, the program went to its next "
		"wait without asking when it can go on, or the descriptor was closed. The same after EAGAIN, where "
		"nothing was taken, is a risk: the stream lacks a message, and is whole otherwise.",
	.example = " 23  send(4, ..., 8388608, MSG_NOSIGNAL) = 2621440  of 8388608  server.c:37\n"
		   " 24  select(5, r{4})                    = 1  r{4}           server.c:35",
	.mend = "sent = send(fd, data, size, MSG_NOSIGNAL);\n"
		"if (sent > 0) {\n"
		"    data += sent;       /* the rest begins here */\n"
		"    size -= sent;       /* not 0: once more, when there is room */\n"
		"}",
	.not_this = "A rest that is kept and sent when there is room. A slow reader that is watched for writing and "
		    "at last thrown out. A pipe that only wakes somebody up, and is full. A datagram that found no "
		    "room.",
	.begin = CALLS_WAIT,
	.end = CALLS_OUT | CALLS_MOVE | CALLS_IN | CALLS_EPOLL_CTL | CALLS_MAKE | CALLS_DEATH,
	.on = on_short,
	.over = over_short,
};

/* ---- half-closed-dropped ---- */

/* Own table 0, by life, of this rule. */
struct half {
	struct site at; /* its last write that took less than it was given */
	int64_t left;
	uint64_t wanted; /* the last wait that was asked when it can be written to */
	uint64_t wrote;  /* its last write */
	bool always;     /* it was asked so before anything was read: that says nothing */
	bool unheard;    /* the last wait reported a hang-up and something to read */
};

static void
wrote(struct check *c)
{
	struct half *h = OWN(c, 0, c->life->id, struct half);
	int64_t asked = asked_bytes(c->ev);

	h->wrote = c->ev->seq;
	h->left = 0;
	if (c->ev->ret < asked && (c->ev->ret > 0 || c->ev->error == EAGAIN)) {
		h->at = site_of(c, c->ev);
		h->left = asked - (c->ev->ret > 0 ? c->ev->ret : 0);
	}
}

/* The peer's hang-up was reported together with something to read, and it was closed without a single read. */
static void
unheard(struct check *c, const struct life *life)
{
	struct finding *f = found_here(c, life);

	if (f == NULL)
		return;
	say(f, c,
		"%L was closed when the wait at %p reported its hang-up; the same wait reported that there was "
		"something to read, and nothing had been read from it yet.",
		life, &c->tf->wait.at);
	say_opened(f, c, life);
	advise(f, c,
		"A hang-up (POLLRDHUP, POLLHUP) does not take away what the peer had said before: read to the end of "
		"file first, answer, and close then.");
}

static void
dropped(struct check *c, const struct life *life)
{
	const struct half *h = OWN(c, 0, life->id, struct half);
	const struct life_facts *f = facts_of(c, life->id);
	bool waits_to_write = h->wanted > h->wrote && !h->always && life->in > 0;
	struct finding *found_one;

	if (!life->accepted || life->origin != BORN_MADE)
		return;
	if (f->used == 0 && h->unheard)
		unheard(c, life);
	if (f->eof.seq == 0 || f->gone.seq != 0 || h->wrote > f->eof.seq || (h->left == 0 && !waits_to_write))
		return;
	found_one = found_here(c, life);
	if (found_one == NULL)
		return;
	say(found_one, c,
		"%L was closed after its end of file at %p, while there was still something to send to it: ", life,
		&f->eof);
	if (h->left > 0)
		say(found_one, c, "the write at %p had left %n bytes over.", &h->at, h->left);
	else
		say(found_one, c, "the wait at event %n was asked when it can be written to.", (int64_t)h->wanted);
	say_opened(found_one, c, life);
}

static void
on_half(struct check *c)
{
	if (c->class == CALLS_WAIT) {
		for (int i = 0; i < c->nwatched; i++) {
			const struct life *life = model_life(c->model, c->watched[i].life);
			struct half *h;

			if (life == NULL || !life->accepted)
				continue;
			OWN(c, 0, life->id, struct half)->unheard =
				(c->watched[i].ready & (WATCH_READ | WATCH_HANGUP)) == (WATCH_READ | WATCH_HANGUP);
			if (!(c->watched[i].wanted & WATCH_WRITE) || facts_of(c, life->id)->epoll != 0)
				continue;
			h = OWN(c, 0, life->id, struct half);
			h->wanted = c->ev->seq;
			h->always |= life->in == 0;
		}
	} else if (c->life != NULL && c->class & (CALLS_OUT | CALLS_MOVE)) {
		wrote(c);
	}
	for (uint32_t i = 0; i < c->effects->nclosed; i++)
		dropped(c, model_life(c->model, c->effects->closed[i]));
}

const struct rule rule_half_closed_dropped = {
	.id = "half-closed-dropped",
	.severity = SEVERITY_RISK,
	.title = "a client said that it will send no more, and lost its answer for it",
	.why = "End of file means that the peer sends no more; it may well still read. Many clients send all, shut "
	       "down their sending side and wait for the answer (printf ... | nc does). Closing at once throws "
	       "away what they wait for.",
	.advice = "At end of file stop reading, send what is still owed, and close after that.",
	.what = "A client whose end of file was read and which was then closed without another write, although a "
		"write to it had left bytes over, or the program was waiting until it can be written to; and one "
		"that was closed at its hang-up, unread, when there was something to read.",
	.example = " 24  send(4, ..., 8388608, MSG_NOSIGNAL) = 2621440  of 8388608  server.c:45\n"
		   " 25  poll(1, rw{4})                     = 1  r{4}           server.c:39\n"
		   " 26  recv(4, 64)                        = 0  end of file    server.c:41\n"
		   " 27  close(4)                           = 0                 server.c:48",
	.mend = "if (received == 0) {\n"
		"    client->reading = false;         /* no more questions ... */\n"
		"    if (client->unsent == 0)         /* ... but first the answers */\n"
		"        drop(client);\n"
		"}",
	.not_this = "A peer that is gone for good: ECONNRESET, EPIPE. A server that says in its protocol that "
		    "closing means leaving.",
	.end = CALLS_OUT | CALLS_MOVE | CALLS_WAIT | CALLS_DEATH,
	.on = on_half,
};
