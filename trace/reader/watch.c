/* trace/reader/watch.c: which descriptors a wait watches: select's bits, poll's list, and what an epoll was told before. */
#include "reader/model_own.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- epoll ---- */

static const struct epoll_set *
set_of(const struct model *m, const struct life *epoll)
{
	uint32_t place = epoll != NULL ? map_get(&m->epolls, epoll->root) : 0; /* copies share it */

	return place != 0 ? &m->sets[place - 1] : NULL;
}

static struct epoll_set *
set_for(struct model *m, const struct life *epoll)
{
	uint32_t place = map_get(&m->epolls, epoll->root);

	if (place == 0) {
		m->sets = grow(m->sets, m->nsets, &m->sets_room, sizeof *m->sets);
		m->sets[m->nsets] = (struct epoll_set){0};
		place = ++m->nsets;
		map_put(&m->epolls, epoll->root, place);
	}
	return &m->sets[place - 1];
}

static void
drop(struct epoll_set *set, uint32_t at)
{
	struct interest gone = set->list[at], *last = &set->list[--set->count];

	map_remove(&set->by_life, gone.life);
	if (map_get(&set->by_data, gone.data) == at + 1)
		map_remove(&set->by_data, gone.data);
	if (last == &set->list[at])
		return;
	set->list[at] = *last;
	map_put(&set->by_life, last->life, at + 1);
	if (map_get(&set->by_data, last->data) == set->count + 1)
		map_put(&set->by_data, last->data, at + 1);
}

void
watch_control(struct model *m, const struct event *ev)
{
	const struct life *epoll = model_life(m, ev->life),
			  *target = model_was(m, ev->pid, (int)ev->args[1], ev->began);
	struct fdt_epoll e = {0};
	struct epoll_set *set;
	uint32_t at;

	if (epoll == NULL || target == NULL)
		return;
	event_epoll(ev, 0, &e);
	set = set_for(m, epoll);
	at = map_get(&set->by_life, target->id);
	if (ev->args[0] == EPOLL_CTL_DEL) {
		if (at != 0)
			drop(set, at - 1);
		return;
	}
	if (at == 0) {
		set->list = grow(set->list, set->count, &set->room, sizeof *set->list);
		at = ++set->count;
		map_put(&set->by_life, target->id, at);
	} else if (map_get(&set->by_data, set->list[at - 1].data) == at) {
		map_remove(&set->by_data, set->list[at - 1].data);
	}
	set->list[at - 1] = (struct interest){target->id, e.events, e.data};
	map_put(&set->by_data, e.data, at);
}

void
watch_forget(struct model *m)
{
	for (uint32_t i = 0; i < m->nsets; i++) {
		free(m->sets[i].list);
		map_free(&m->sets[i].by_life);
		map_free(&m->sets[i].by_data);
	}
	m->nsets = 0;
	map_free(&m->epolls);
}

bool
model_interest(const struct model *m, const struct life *epoll, uint32_t i, struct interest *interest)
{
	const struct epoll_set *set = set_of(m, epoll);

	if (set == NULL || i >= set->count)
		return false;
	*interest = set->list[i];
	return true;
}

struct life *
model_epoll_life(const struct model *m, const struct life *epoll, uint64_t data)
{
	const struct epoll_set *set = set_of(m, epoll);
	uint32_t at = set != NULL ? map_get(&set->by_data, data) : 0;

	return at != 0 ? model_life(m, set->list[at - 1].life) : NULL;
}

/* ---- what a wait watches ---- */

static struct watched *
watch(struct model *m, const struct event *ev, int number)
{
	const struct life *life = model_was(m, ev->pid, number, ev->began);
	struct watched *w;

	m->watched = grow(m->watched, m->nwatched, &m->watched_room, sizeof *m->watched);
	w = &m->watched[m->nwatched++];
	*w = (struct watched){.number = number, .life = life != NULL ? life->id : 0};
	return w;
}

static unsigned
byte_at(struct bytes set, uint32_t i)
{
	return set.at != NULL && i < set.size ? set.at[i] : 0;
}

static void
watch_select(struct model *m, const struct event *ev)
{
	struct select_sets sets;

	if (!event_sets(ev, &sets))
		return;
	for (int base = 0; base < sets.nfds; base += 8) {
		unsigned bits = 0;

		for (int i = 0; i < 3; i++)
			bits |= byte_at(sets.in[i], (uint32_t)base / 8);
		for (int fd = base; bits != 0 && fd < sets.nfds; fd++, bits >>= 1) {
			struct watched *w;

			if ((bits & 1) == 0)
				continue;
			w = watch(m, ev, fd);
			for (int i = 0; i < 3; i++) {
				w->wanted |= (uint8_t)(set_has(sets.in[i], fd) << i);
				w->ready |= (uint8_t)(set_has(sets.out[i], fd) << i);
			}
			w->ready &= w->wanted;
		}
	}
}

static uint8_t
poll_bits(int events)
{
	return (uint8_t)((events & (POLLIN | POLLPRI) ? WATCH_READ : 0) | (events & POLLOUT ? WATCH_WRITE : 0) |
			 (events & POLLERR ? WATCH_ERROR : 0) | (events & (POLLHUP | 0x2000) ? WATCH_HANGUP : 0) |
			 (events & POLLNVAL ? WATCH_NOT_OPEN : 0));
}

static void
watch_poll(struct model *m, const struct event *ev)
{
	struct fdt_poll p;

	for (int i = 0; event_poll(ev, i, &p); i++) {
		struct watched *w;

		if (p.fd < 0)
			continue;
		w = watch(m, ev, p.fd);
		w->wanted = poll_bits(p.events) & (WATCH_READ | WATCH_WRITE);
		w->ready = ev->done && ev->ret > 0 ? poll_bits(p.revents) : 0;
	}
}

/* The number that this process has for a life that may be another process's: epoll knows open files, not numbers. */
static const struct life *
as_seen_by(const struct model *m, const struct event *ev, const struct life *life)
{
	const struct life *own = model_at(m, ev->pid, life->number);

	return own != NULL && own->root == life->root ? own : life;
}

static int
by_number(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void
watch_epoll(struct model *m, const struct event *ev)
{
	const struct life *epoll = model_life(m, ev->life);
	const struct epoll_set *set = set_of(m, epoll);
	struct fdt_epoll e;

	if (set != NULL && !work_left(m, ev, set->count))
		set = NULL;
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		const struct life *life = model_life(m, set->list[i].life);
		struct watched *w;

		m->watched = grow(m->watched, m->nwatched, &m->watched_room, sizeof *m->watched);
		w = &m->watched[m->nwatched++]; /* at place i: see below */
		life = as_seen_by(m, ev, life);
		*w = (struct watched){
			.number = life->number, .life = life->id, .wanted = poll_bits((int)set->list[i].events) & 3};
		if (!life->open)
			w->wanted = 0; /* closing it took it out */
	}
	for (int i = 0; ev->done && event_epoll(ev, i, &e); i++) {
		uint32_t at = set != NULL ? map_get(&set->by_data, e.data) : 0;

		if (at != 0)
			m->watched[at - 1].ready |= poll_bits((int)(e.events & 0xffff));
	}
}

static void
forget_closed(struct model *m)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->nwatched; i++)
		if (m->watched[i].wanted != 0 || m->watched[i].ready != 0 || model_life(m, m->watched[i].life)->open)
			m->watched[kept++] = m->watched[i];
	m->nwatched = kept;
}

int
model_watched(struct model *m, const struct event *ev, const struct watched **list)
{
	m->nwatched = 0;
	switch (ev->info->shape) {
	case SHAPE_select:
	case SHAPE_pselect: watch_select(m, ev); break;
	case SHAPE_poll:
	case SHAPE_ppoll: watch_poll(m, ev); break;
	case SHAPE_epoll_wait:
	case SHAPE_epoll_pwait2:
		watch_epoll(m, ev);
		forget_closed(m);
		if (m->nwatched > 1)
			qsort(m->watched, m->nwatched, sizeof *m->watched, by_number);
		break;
	default: break;
	}
	*list = m->watched;
	return (int)m->nwatched;
}
