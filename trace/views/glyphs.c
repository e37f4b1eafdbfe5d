/* trace/views/glyphs.c: see glyphs.h. */
#include "views/glyphs.h"

#include "reader/map.h"

#include <stdlib.h>

bool
life_can_wait(const struct life *life)
{
	switch (life->kind) {
	case KIND_TCP:
	case KIND_UDP:
	case KIND_UNIX:
	case KIND_SOCKET:
	case KIND_PIPE:
	case KIND_EVENTFD:
	case KIND_TIMERFD:
	case KIND_SIGNALFD:
	case KIND_INOTIFY:
	case KIND_PIDFD: return true;
	default: return false;
	}
}

/* ---- marks ---- */

void
moment_of(struct moment *at, struct model *m, const struct event *ev, uint32_t pid)
{
	*at = (struct moment){.model = m, .ev = ev, .pid = pid};
	model_effects(m, ev, &at->effects);
	if (event_is_wait(ev))
		at->nwatched = model_watched(m, ev, &at->watched);
}

static bool
names(const struct moment *at, uint32_t count, const uint32_t *lives, int number)
{
	for (uint32_t i = 0; i < count; i++)
		if (model_life(at->model, lives[i])->number == number)
			return true;
	return false;
}

static char
wait_glyph(const struct moment *at, int number, const struct life *life)
{
	const struct process *p = model_pid(at->model, at->pid);

	for (int i = 0; i < at->nwatched; i++) {
		const struct watched *w = &at->watched[i];

		if (w->number != number)
			continue;
		if (w->life == 0 || (w->ready & WATCH_NOT_OPEN))
			return '?';
		return w->ready != 0 ? '*' : ':';
	}
	if (life == NULL)
		return ' ';
	if (at->ev->flags & FDT_EV_CUT) /* it may have been in the set: that part of it was not kept */
		return '|';
	return life_can_wait(life) && p != NULL && !p->threaded ? '!' : '|';
}

/* Bytes that moved, or the end of them. */
static char
data_glyph(const struct event *ev)
{
	if (!ev->done || ev->ret < 0)
		return '|';
	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_recvfrom: return ev->ret == 0 && ev->args[0] != 0 ? '0' : 'r';
	case SHAPE_inv:
	case SHAPE_recvmsg:
	case SHAPE_recvmmsg: return ev->ret == 0 ? '0' : 'r';
	case SHAPE_out:
	case SHAPE_sendto:
	case SHAPE_outv:
	case SHAPE_sendmsg:
	case SHAPE_sendmmsg:
	case SHAPE_move:
	case SHAPE_printed: return 'w';
	default: return '|';
	}
}

char
moment_glyph(const struct moment *at, int number)
{
	const struct life *life = model_at(at->model, at->pid, number);

	if (names(at, at->effects.nopened, at->effects.opened, number))
		return 'o';
	if (names(at, at->effects.nclosed, at->effects.closed, number))
		return 'x';
	if (event_is_wait(at->ev))
		return wait_glyph(at, number, life);
	if (life == NULL)
		return ' ';
	return at->ev->has_fd && at->ev->fd == number && at->ev->info->shape != SHAPE_event ? data_glyph(at->ev) : '|';
}

void
out_glyph(struct out *o, const struct screen *s, char c)
{
	enum hue hue = c == '*' || c == '!' || c == '?' ? HUE_WOKE : c == 'o' || c == 'x' ? HUE_BORN : HUE_NONE;

	if (hue != HUE_NONE)
		out_hue(o, s, hue);
	out_char(o, c);
	if (hue != HUE_NONE)
		out_hue(o, s, HUE_NONE);
}

/* ---- lanes ---- */

int
number_digits(uint64_t number)
{
	int n = 1;

	for (; number >= 10; number /= 10)
		n++;
	return n;
}

static int
by_number(const void *a, const void *b)
{
	const struct column *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void
columns_know(struct columns *c, struct model *m)
{
	struct map seen = {0};

	for (uint32_t id = 1; id <= model_lives(m); id++) {
		const struct life *life = model_life(m, id);
		uint32_t i;

		if (!life_can_wait(life) || (life->number <= 2 && (life->origin == BORN_FOUND || life->origin == BORN_INHERITED)))
			continue;
		i = map_get(&seen, (uint32_t)life->number);
		if (i == 0 && c->n < NUMBERS_MOST) {
			c->at = grow(c->at, c->n, &c->room, sizeof *c->at);
			c->at[c->n++] = (struct column){.number = life->number, .width = number_digits((uint64_t)life->number)};
			i = c->n;
			map_put(&seen, (uint32_t)life->number, i);
		}
		if (i > 0 && life->listens)
			c->at[i - 1].keep = true;
	}
	map_free(&seen);
	if (c->n > 0)
		qsort(c->at, c->n, sizeof *c->at, by_number);
}

static int
by_use(const void *a, const void *b)
{
	const struct column *x = *(const struct column *const *)a, *y = *(const struct column *const *)b;

	if (x->keep != y->keep)
		return x->keep ? -1 : 1;
	return x->used != y->used ? (x->used > y->used ? -1 : 1) : by_number(x, y);
}

void
columns_fit(struct columns *c, int room)
{
	struct column **order = more(NULL, c->n + 1, sizeof *order);
	int all = -1, used = 0;

	for (uint32_t i = 0; i < c->n; i++) {
		order[i] = &c->at[i];
		all += c->at[i].width + 1;
		c->at[i].shown = false;
	}
	qsort(order, c->n, sizeof(struct column *), by_use);
	if (all > room)
		room -= 2 + number_digits(c->n); /* for " +57" */
	c->hidden = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		int wide = order[i]->width + (used > 0);

		order[i]->shown = used + wide <= room;
		used += order[i]->shown ? wide : 0;
		c->hidden += !order[i]->shown;
	}
	if (c->hidden > 0)
		used += (used > 0) + 1 + number_digits(c->hidden);
	c->width = used;
	free(order);
}
