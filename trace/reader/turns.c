/* trace/reader/turns.c: see turns.h. What a turn says in words is in sentence.c. */
#include "reader/turns.h"

#include "reader/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct pair {
	struct turn *now, *before; /* the one that goes on, and the last that was completed */
};

struct turns {
	struct model *model;
	struct pair *threads; /* by thread number - 1 */
	uint32_t nthreads, room;
};

struct turns *
turns_open(struct model *m)
{
	struct turns *t = more(NULL, 1, sizeof *t);

	*t = (struct turns){.model = m};
	return t;
}

static void
free_turn(struct turn *t)
{
	if (t == NULL)
		return;
	free(t->watched);
	free(t->acts);
	free(t);
}

void
turns_close(struct turns *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->nthreads; i++) {
		free_turn(t->threads[i].now);
		free_turn(t->threads[i].before);
	}
	free(t->threads);
	free(t);
}

/* Begins a turn; the memory of the last but one is used again. */
static struct turn *
begin_turn(struct pair *pair, const struct event *ev, uint32_t number)
{
	struct turn *turn = pair->before != NULL ? pair->before : more(NULL, 1, sizeof *turn);
	struct watched *watched = pair->before != NULL ? turn->watched : NULL;
	struct act *acts = pair->before != NULL ? turn->acts : NULL;
	uint32_t watched_room = watched != NULL ? turn->watched_room : 0,
		 acts_room = acts != NULL ? turn->acts_room : 0;

	*turn = (struct turn){.thread = ev->thread,
		.pid = ev->pid,
		.tid = ev->tid,
		.number = number,
		.first = ev->seq,
		.last = ev->seq,
		.began = ev->began,
		.begin = ev->begin,
		.end = ev->begin,
		.over = ev->begin,
		.timeout = -1,
		.left = -1,
		.watched = watched,
		.watched_room = watched_room,
		.acts = acts,
		.acts_room = acts_room};
	pair->before = pair->now;
	pair->now = turn;
	return turn;
}

static struct pair *
pair_of(struct turns *t, const struct event *ev)
{
	struct pair *pair;

	while (t->nthreads < ev->thread) {
		t->threads = grow(t->threads, t->nthreads, &t->room, sizeof *t->threads);
		t->threads[t->nthreads++] = (struct pair){NULL, NULL};
	}
	pair = &t->threads[ev->thread - 1];
	if (pair->now == NULL)
		begin_turn(pair, ev, 0);
	return pair;
}

/* What is watched, and, once the wait has returned, what of it is ready. */
static void
take_watched(struct turns *t, struct turn *turn, const struct event *ev)
{
	const struct watched *list;
	int count = model_watched(t->model, ev, &list);

	while (turn->watched_room < (uint32_t)count)
		turn->watched = grow(turn->watched, turn->watched_room, &turn->watched_room, sizeof *turn->watched);
	if (count > 0)
		memcpy(turn->watched, list, (size_t)count * sizeof *list);
	turn->nwatched = count;
}

static const struct turn *
wait_begins(struct turns *t, const struct event *ev)
{
	struct pair *pair = pair_of(t, ev);
	bool empty = pair->now->number == 0 && pair->now->nacts == 0;
	struct turn *turn = begin_turn(pair, ev, pair->now->number + 1);
	struct fdt_timeout timeout;

	turn->call = ev->call;
	turn->where = ev->where;
	if (event_timeout(ev, &timeout))
		turn->timeout = timeout.ns;
	take_watched(t, turn, ev);
	for (int i = 0; i < turn->nwatched; i++)
		turn->watched[i].ready = 0; /* a replay knows it; the turn does not yet */
	return empty ? NULL : pair->before;
}

static void
wait_ends(struct turns *t, const struct event *ev)
{
	struct turn *turn = pair_of(t, ev)->now;
	struct fdt_timeout timeout;

	if (turn->first != ev->seq)
		return; /* a signal's handler waited too */
	turn->woke = true;
	turn->ret = ev->ret;
	turn->error = ev->error;
	turn->injected = ev->fault != 0;
	turn->end = turn->over = ev->end;
	if (event_timeout(ev, &timeout))
		turn->left = timeout.left;
	take_watched(t, turn, ev);
}

/* ---- acts ---- */

static bool
same_act(const struct act *a, const struct act *b)
{
	return a->kind == b->kind && a->call == b->call && a->error == b->error && a->life == b->life &&
	       a->number == b->number && a->value == b->value && a->injected == b->injected && a->kind != ACT_OPENED &&
	       a->kind != ACT_CLOSED && a->kind != ACT_STAYED;
}

/* The same again is counted; so is the same pair again: read, write, read, write. */
static void
add_act(struct turn *t, struct act act)
{
	struct act *last = t->nacts > t->shown ? &t->acts[t->nacts - 1] : NULL;

	act.times = 1;
	if (last != NULL && same_act(last, &act)) {
		last->times++;
		return;
	}
	if (t->nacts - t->shown >= 3 && same_act(&last[-1], &act) && same_act(&last[-2], last) &&
		last[-2].times == last[-1].times && last->times == 1) {
		last[-2].times++;
		last[-1].times++;
		t->nacts--;
		return;
	}
	if (t->nacts - t->shown >= TURN_ACTS || t->nacts >= 64 * TURN_ACTS) {
		t->more++;
		return;
	}
	t->acts = grow(t->acts, (size_t)t->nacts, &t->acts_room, sizeof *t->acts);
	t->acts[t->nacts++] = act;
}

/* A file that was opened in this turn is closed again: nothing of that is news. */
static bool
was_passing(struct turn *t, const struct life *life)
{
	int from = t->shown, kept;

	if (life == NULL || (life->kind != KIND_FILE && life->kind != KIND_DIR))
		return false;
	while (from < t->nacts && !(t->acts[from].kind == ACT_OPENED && t->acts[from].life == life->id))
		from++;
	if (from == t->nacts)
		return false;
	kept = from;
	for (int i = from; i < t->nacts; i++)
		if (t->acts[i].life != life->id)
			t->acts[kept++] = t->acts[i];
	t->nacts = kept;
	t->passing++;
	return true;
}

static bool
is_missing_file(const struct event *ev)
{
	return ev->ret < 0 && (ev->error == ENOENT || ev->error == ENOTDIR) && event_item(ev, FDT_ITEM_PATH).at != NULL;
}

static void
moved(struct turn *t, struct act act, const struct event *ev)
{
	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_recvfrom:
		act.asked = ev->args[0];
		act.kind = ev->ret == 0 && act.asked != 0 ? ACT_EOF : ACT_READ;
		break;
	case SHAPE_inv:
	case SHAPE_recvmsg:
	case SHAPE_recvmmsg: act.kind = ev->ret == 0 ? ACT_EOF : ACT_READ; break;
	case SHAPE_out:
	case SHAPE_sendto:
		act.asked = ev->args[0];
		act.kind = ACT_WROTE;
		break;
	case SHAPE_outv:
	case SHAPE_sendmsg:
	case SHAPE_sendmmsg:
	case SHAPE_move:
	case SHAPE_printed: act.kind = ACT_WROTE; break;
	default: return;
	}
	add_act(t, act);
}

/* How long it took, if that is worth a word, and what began and ended by it. */
static void
table_acts(const struct turns *t, struct turn *turn, struct act act, const struct event *ev, const struct effects *e)
{
	if (ev->end - ev->begin >= TURN_LONG) {
		act.kind = ACT_STAYED;
		act.value = ev->end - ev->begin;
		add_act(turn, act);
		act.value = ev->ret;
	}
	for (uint32_t i = 0; i < e->nclosed; i++) {
		act.kind = ACT_CLOSED;
		act.life = e->closed[i];
		if (!was_passing(turn, model_life(t->model, act.life)))
			add_act(turn, act);
	}
	for (uint32_t i = 0; i < e->nopened && ev->call != FDT_CALL_forked; i++) {
		act.kind = ACT_OPENED;
		act.life = e->opened[i];
		add_act(turn, act);
	}
}

static bool
started_child(const struct event *ev)
{
	enum fdt_shape shape = ev->info->shape;

	return ev->ret > 0 && (shape == SHAPE_fork || shape == SHAPE_vfork || shape == SHAPE_spawn || shape == SHAPE_forkpty);
}

static void
done(struct turns *t, struct turn *turn, const struct event *ev, const struct effects *e)
{
	struct act act = {.injected = ev->fault != 0,
		.call = ev->call,
		.error = ev->error,
		.life = ev->life,
		.asked = -1,
		.number = ev->has_fd ? ev->fd : -1,
		.value = ev->ret,
		.seq = ev->seq};

	table_acts(t, turn, act, ev, e);
	if (is_missing_file(ev)) {
		turn->passing++;
		return;
	}
	if (ev->ret < 0 && ev->error != 0) {
		act.kind = ACT_FAILED;
		add_act(turn, act);
		return;
	}
	moved(turn, act, ev);
	if (ev->call == FDT_CALL_listen)
		act.kind = ACT_LISTENS;
	else if (started_child(ev))
		act.kind = ACT_STARTED;
	else
		return;
	add_act(turn, act);
}

static void
begins(struct turns *t, const struct event *ev)
{
	struct turn *turn = pair_of(t, ev)->now;
	struct act act = {.call = ev->call, .number = -1, .value = ev->args[0], .asked = -1, .seq = ev->seq};

	if (turn->last < ev->seq)
		turn->last = ev->seq;
	if (ev->info->shape != SHAPE_exit)
		return;
	act.kind = ACT_EXITED;
	add_act(turn, act);
}

/* The program has become another one: its turns begin again. */
static const struct turn *
starts(struct turns *t, const struct event *ev, const struct effects *e)
{
	struct pair *pair = pair_of(t, ev);
	bool empty = pair->now->number == 0 && pair->now->nacts == 0;
	struct act act = {.kind = ACT_BECAME, .call = ev->call, .number = -1, .asked = -1, .seq = ev->seq};

	if (!empty)
		add_act(pair->now, act);
	begin_turn(pair, ev, 0);
	done(t, pair->now, ev, e);
	return empty ? NULL : pair->before;
}

const struct turn *
turns_step(struct turns *t, enum step step, const struct event *ev, const struct effects *e)
{
	struct turn *turn;

	if (ev == NULL || (ev->info->shape == SHAPE_event && ev->call != FDT_CALL_start))
		return NULL;
	if (ev->call == FDT_CALL_start)
		return step == STEP_END ? starts(t, ev, e) : NULL;
	if (step == STEP_BEGIN && event_is_wait(ev))
		return wait_begins(t, ev);
	if (step == STEP_BEGIN) {
		begins(t, ev);
		return NULL;
	}
	if (event_is_wait(ev)) {
		wait_ends(t, ev);
		return NULL;
	}
	turn = pair_of(t, ev)->now;
	if (turn->over < ev->end)
		turn->over = ev->end;
	done(t, turn, ev, e);
	return NULL;
}

const struct turn *
turns_current(const struct turns *t, uint32_t thread)
{
	return thread >= 1 && thread <= t->nthreads ? t->threads[thread - 1].now : NULL;
}

void
turns_shown(struct turns *t, uint32_t thread)
{
	if (thread >= 1 && thread <= t->nthreads && t->threads[thread - 1].now != NULL)
		t->threads[thread - 1].now->shown = t->threads[thread - 1].now->nacts;
}

static uint64_t
digest(uint64_t hash, const void *bytes, size_t size)
{
	return hash * 31 + hash_bytes(bytes, size);
}

uint64_t
turn_shape(const struct turn *t)
{
	const int64_t head[] = {t->thread, t->call, t->error, t->woke, t->injected, t->ret, (int64_t)t->more};
	uint64_t hash = digest(0, head, sizeof head);

	for (int i = 0; i < t->nwatched; i++) {
		const struct watched *w = &t->watched[i];
		const int64_t one[] = {w->number, w->life, w->wanted, w->ready};

		hash = digest(hash, one, sizeof one);
	}
	for (int i = 0; i < t->nacts; i++) {
		const struct act *a = &t->acts[i];
		const int64_t one[] = {a->kind, a->injected, a->call, a->error, a->life, a->number, a->times,
			a->kind == ACT_STAYED ? 0 : a->value};

		hash = digest(hash, one, sizeof one);
	}
	return hash;
}
