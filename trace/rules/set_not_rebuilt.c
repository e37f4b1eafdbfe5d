/* trace/rules/set_not_rebuilt.c: select() gets back its own answer as the next question. */
#include "rules/engine.h"

/* Own table 0, by life: the select that did not ask about it any more. */
struct dropped {
	struct site at; /* at.seq 0: it is watched */
	struct site before;
	bool timeout;
};

/* Is the life in one of the sets that this select is given? */
static bool
asks(const struct check *c, const struct select_sets *sets, const struct life *life, int set)
{
	return set_has(sets->in[set], life->number) && model_at(c->model, c->ev->pid, life->number) == life;
}

/* Of those that are still open, are exactly the ready ones asked about again? */
static bool
is_the_answer(struct check *c, const struct wait *before, const struct select_sets *sets)
{
	uint32_t gone = 0;

	for (int i = 0; i < before->count; i++) {
		const struct watched *w = &before->list[i];
		const struct life *life = model_life(c->model, w->life);

		if (life == NULL || !life->open || !(w->wanted & WATCH_READ))
			continue;
		if (((w->ready & WATCH_READ) != 0) != asks(c, sets, life, 0) ||
			(!(w->ready & WATCH_READ) && (asks(c, sets, life, 1) || asks(c, sets, life, 2))))
			return false;
		gone += !(w->ready & WATCH_READ);
	}
	return gone > 0;
}

static void
on(struct check *c)
{
	const struct wait *before = &c->tf->wait;
	struct select_sets sets;

	if ((c->ev->info->shape != SHAPE_select && c->ev->info->shape != SHAPE_pselect) ||
		before->at.where != c->ev->where || before->ret < 0)
		return;
	if (!event_sets(c->ev, &sets) || sets.in[0].at == NULL || !is_the_answer(c, before, &sets))
		return;
	for (int i = 0; i < before->count; i++) {
		const struct watched *w = &before->list[i];
		const struct life *life = model_life(c->model, w->life);

		if (life == NULL || !life->open || !(w->wanted & WATCH_READ) || w->ready & WATCH_READ)
			continue;
		if (facts_of(c, life->id)->used > before->at.seq)
			continue;
		*OWN(c, 0, life->id, struct dropped) =
			(struct dropped){site_of(c, c->ev), before->at, before->ret == 0};
	}
}

static void
over(struct check *c)
{
	for (uint32_t id = 1; id < own_room(c, 0) && id <= model_lives(c->model); id++) {
		const struct dropped *d = OWN(c, 0, id, struct dropped);
		const struct life_facts *facts = facts_of(c, id);
		const struct life *life = model_life(c->model, id);
		struct finding *f;

		if (d->at.seq == 0 || facts->watched > d->at.seq || facts->used > d->at.seq)
			continue;
		f = found(c, d->at, life);
		if (f == NULL)
			continue;
		say(f, c, "%L was in the set at event %n", life, (int64_t)d->before.seq);
		say(f, c, d->timeout ? ", which ended with a timeout" : ", was not ready then");
		say(f, c,
			", and is not in the one that the next select was given; it is open, and was never asked "
			"about again.");
		say_opened(f, c, life);
	}
}

const struct rule rule_set_not_rebuilt = {
	.id = "set-not-rebuilt",
	.severity = SEVERITY_BUG,
	.title = "select()'s answer is given to the next select() as its question",
	.why = "select() changes its sets: only those that are ready stay in them, and after a timeout none does. "
	       "Who was not ready in one round is never asked about again, and their words, or their connections, "
	       "wait for ever.",
	.advice = "Keep the set of those to be watched apart, and hand select() a copy of it in each round: "
		  "ready_set = watch_set.",
	.what = "Two selects from one line, of which the second asks about exactly those that the first one "
		"reported. Those that fell out are open, and nobody asks about them or reads from them to the end "
		"of the run.",
	.example = " 14  select(6, r{3,4,5})                = 1  r{4}           server.c:37\n"
		   " 15  recv(4, 64)                        = 2  \"hi\"           server.c:40\n"
		   " 16  send(4, \"hi\", 2, MSG_NOSIGNAL)     = 2                 server.c:41\n"
		   " 17  select(6, r{4})                    = 1  r{4}           server.c:37",
	.mend = "for (;;) {\n"
		"    fd_set ready_set = watch_set;    /* select() may spoil the copy */\n"
		"\n"
		"    ready = select(max_fd + 1, &ready_set, NULL, NULL, NULL);",
	.not_this = "A client that is not read from for a while, because its answers pile up: it is in the write "
		    "set. A listener that is not asked about while there is no room. poll(), which keeps question and "
		    "answer apart.",
	.begin = CALLS_WAIT,
	.on = on,
	.over = over,
};
