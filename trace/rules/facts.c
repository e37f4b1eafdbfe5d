/* trace/rules/facts.c: the past, as the rules see it: what was done with each life, by each thread and process. */
#include "rules/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

/* ---- tables ---- */

void *
table_at(struct table *t, uint32_t id, size_t size)
{
	if (id >= t->room) {
		uint32_t room = t->room > 0 ? t->room : 64;

		while (room <= id)
			room *= 2;
		t->list = more(t->list, room, size);
		memset(t->list + (size_t)t->room * size, 0, (size_t)(room - t->room) * size);
		t->room = room;
		t->size = size;
	}
	return t->list + (size_t)id * size;
}

uint32_t
table_room(const struct table *t)
{
	return t->room;
}

struct life_facts *
facts_of(struct check *c, uint32_t life)
{
	return table_at(&c->lives, life, sizeof(struct life_facts));
}

struct thread_facts *
facts_of_thread(struct check *c, uint32_t thread)
{
	return table_at(&c->threads, thread, sizeof(struct thread_facts));
}

struct process_facts *
facts_of_process(struct check *c, uint32_t index)
{
	return table_at(&c->processes, index, sizeof(struct process_facts));
}

void
facts_close(struct check *c)
{
	for (uint32_t i = 0; i < c->threads.room; i++)
		free(facts_of_thread(c, i)->wait.list);
	free(c->lives.list);
	free(c->threads.list);
	free(c->processes.list);
	free(c->epolled);
	map_free(&c->last_of);
}

/* ---- what a call is ---- */

static unsigned
class_of_plain(unsigned call)
{
	switch (call) {
	case FDT_CALL_listen: return CALLS_LISTEN;
	case FDT_CALL_shutdown: return CALLS_SHUTDOWN;
	case FDT_CALL_eventfd_read: return CALLS_IN;
	case FDT_CALL_eventfd_write: return CALLS_OUT;
	case FDT_CALL_sigwait:
	case FDT_CALL_sigwaitinfo:
	case FDT_CALL_sigtimedwait:
	case FDT_CALL_sigsuspend:
	case FDT_CALL_pause:
	case FDT_CALL_usleep:
	case FDT_CALL_sleep:
	case FDT_CALL_aio_suspend: return CALLS_SLEEP;
	default: return CALLS_OTHER;
	}
}

static unsigned
class_of_event(unsigned call)
{
	switch (call) {
	case FDT_CALL_start: return CALLS_START;
	case FDT_CALL_ended: return CALLS_ENDED;
	case FDT_CALL_queue: return CALLS_QUEUE;
	case FDT_CALL_note: return CALLS_NOTE;
	default: return 0;
	}
}

/* Those that are about descriptors and processes, and move nothing. */
static unsigned
class_of_other(unsigned call)
{
	switch (call_infos[call].shape) {
	case SHAPE_close:
	case SHAPE_fclose:
	case SHAPE_closedir: return CALLS_CLOSE;
	case SHAPE_range:
	case SHAPE_closefrom: return CALLS_CLOSE_MANY;
	case SHAPE_bind: return CALLS_BIND;
	case SHAPE_setopt: return CALLS_OPTION;
	case SHAPE_fcntl:
	case SHAPE_ioctl: return CALLS_TABLE;
	case SHAPE_epoll_ctl: return CALLS_EPOLL_CTL;
	case SHAPE_fork:
	case SHAPE_vfork:
	case SHAPE_forkpty:
	case SHAPE_daemon: return CALLS_FORK;
	case SHAPE_exec:
	case SHAPE_fexec: return CALLS_EXEC;
	case SHAPE_spawn:
	case SHAPE_command: return CALLS_SPAWN;
	case SHAPE_exit: return CALLS_EXIT;
	case SHAPE_fdelt: return CALLS_FDELT;
	case SHAPE_event: return class_of_event(call);
	case SHAPE_plain: return class_of_plain(call);
	case SHAPE_getopt:
	case SHAPE_adopt:
	case SHAPE_inside:
	case SHAPE_lookup: return CALLS_OTHER;
	default: return call == FDT_CALL_popen ? CALLS_SPAWN : CALLS_MAKE;
	}
}

unsigned
class_of(unsigned call)
{
	switch (call_infos[call].shape) {
	case SHAPE_select:
	case SHAPE_pselect:
	case SHAPE_poll:
	case SHAPE_ppoll:
	case SHAPE_epoll_wait:
	case SHAPE_epoll_pwait2: return CALLS_WAIT;
	case SHAPE_sleep: return CALLS_SLEEP;
	case SHAPE_accept: return CALLS_ACCEPT;
	case SHAPE_connect: return CALLS_CONNECT;
	case SHAPE_in:
	case SHAPE_inv:
	case SHAPE_recvfrom:
	case SHAPE_recvmsg:
	case SHAPE_recvmmsg: return CALLS_IN;
	case SHAPE_out:
	case SHAPE_outv:
	case SHAPE_sendto:
	case SHAPE_sendmsg:
	case SHAPE_sendmmsg: return CALLS_OUT;
	case SHAPE_move: return CALLS_MOVE;
	default: return class_of_other(call);
	}
}

int64_t
asked_bytes(const struct event *ev)
{
	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_recvfrom:
	case SHAPE_out:
	case SHAPE_sendto: return ev->args[0];
	default: return -1;
	}
}

bool
is_stream(const struct life *life)
{
	return life->kind == KIND_TCP || life->kind == KIND_UNIX || life->kind == KIND_PIPE;
}

bool
is_end_of_file(const struct event *ev, const struct life *life)
{
	return ev->ret == 0 && life != NULL && is_stream(life) && ev->info->shape != SHAPE_recvmmsg &&
	       asked_bytes(ev) != 0 && !(ev->call == FDT_CALL_eventfd_read) &&
	       !(life->path != NULL && life->path[0] == '/');
}

bool
may_block(struct check *c, const struct life *life)
{
	return !life->nonblock && !(c->ev->flags & FDT_EV_NONBLOCK) && !facts_of(c, life->root)->fionbio;
}

const struct watched *
told_of(const struct wait *w, uint32_t life)
{
	for (int i = 0; i < w->count; i++)
		if (w->list[i].life == life)
			return &w->list[i];
	return NULL;
}

struct life *
last_life(const struct check *c, uint32_t pid, int number)
{
	const struct process *p = model_pid(c->model, pid);

	if (p == NULL || number < 0)
		return NULL;
	return model_life(c->model, map_get(&c->last_of, (uint64_t)p->index << 32 | (uint32_t)number));
}

struct site
site_of(struct check *c, const struct event *ev)
{
	const struct process *p = model_process(c->model, c->tf->process);

	return (struct site){ev->seq, ev->where, ev->pid, p != NULL ? p->image : 0};
}

/* ---- a step: what it is about ---- */

static void
births(struct check *c)
{
	for (uint32_t i = 0; i < c->effects->nopened; i++) {
		const struct life *life = model_life(c->model, c->effects->opened[i]);
		struct life_facts *f = facts_of(c, life->id);

		map_put(&c->last_of, (uint64_t)life->process << 32 | (uint32_t)life->number, life->id);
		if (f->born.seq != 0)
			continue;
		f->born = site_of(c, c->ev);
		f->born_thread = c->ev->thread;
		f->idle = f->born_work = c->pf->work;
	}
}

/* Of an epoll only those that it reported: what else it watches is the lives' own `epoll`. */
static void
list_epoll(struct check *c)
{
	struct life *epoll = model_life(c->model, c->ev->life);
	struct fdt_epoll e;

	c->nwatched = 0;
	for (int i = 0; epoll != NULL && c->ev->ret > 0 && event_epoll(c->ev, i, &e); i++) {
		const struct life *life = model_epoll_life(c->model, epoll, e.data);
		struct watched *w;

		if (life == NULL)
			continue;
		c->epolled = grow(c->epolled, (size_t)c->nwatched, &c->epolled_room, sizeof *c->epolled);
		w = &c->epolled[c->nwatched++];
		*w = (struct watched){.number = life->number, .life = life->id};
		w->ready = (uint8_t)((e.events & (EPOLLIN | EPOLLPRI) ? WATCH_READ : 0) |
				     (e.events & EPOLLOUT ? WATCH_WRITE : 0) | (e.events & EPOLLERR ? WATCH_ERROR : 0) |
				     (e.events & (EPOLLHUP | EPOLLRDHUP) ? WATCH_HANGUP : 0));
		w->wanted = w->ready & (WATCH_READ | WATCH_WRITE);
	}
	c->watched = c->epolled;
}

void
facts_begin(struct check *c)
{
	const struct event *ev = c->ev;

	c->class = class_of(ev->call);
	c->tf = facts_of_thread(c, ev->thread);
	if (c->tf->last.at.seq == 0 || c->class == CALLS_START || ev->info->shape == SHAPE_event) {
		const struct process *p = model_pid(c->model, ev->pid);

		c->tf->process = p != NULL ? p->index : 0;
	}
	c->pf = facts_of_process(c, c->tf->process);
	if (c->step == STEP_END && c->effects->nopened > 0)
		births(c);
	c->life = model_life(c->model, ev->life);
	c->lf = c->life != NULL ? facts_of(c, c->life->id) : NULL;
	c->watched = NULL;
	c->nwatched = 0;
	if (c->step != STEP_END || c->class != CALLS_WAIT)
		return;
	if (ev->info->shape == SHAPE_epoll_wait || ev->info->shape == SHAPE_epoll_pwait2)
		list_epoll(c);
	else
		c->nwatched = model_watched(c->model, ev, &c->watched);
}

/* ---- a step: taking it in ---- */

static void
named(struct check *c)
{
	struct life_facts *f = c->lf;

	f->last = site_of(c, c->ev);
	f->thread = c->ev->thread;
	f->other_thread |= f->born_thread != c->ev->thread;
	f->idle = c->pf->work;
	if (c->class & (CALLS_IN | CALLS_OUT | CALLS_MOVE | CALLS_ACCEPT | CALLS_CONNECT))
		f->used = c->ev->seq;
}

static void
moved(struct check *c)
{
	const struct event *ev = c->ev;
	struct life_facts *f = c->lf;
	bool in = c->class == CALLS_IN;

	if (ev->error == ECONNRESET || ev->error == EPIPE || ev->error == ETIMEDOUT)
		f->gone = site_of(c, ev);
	if (in && is_end_of_file(ev, c->life)) {
		if (f->eofs++ == 0 && f->eof.seq == 0) {
			f->eof = site_of(c, ev);
			f->eof_accepts = c->pf->accepts;
		}
		return;
	}
	if (ev->ret < 0 || (ev->ret == 0 && c->class != CALLS_ACCEPT && c->class != CALLS_CONNECT &&
				   ev->call != FDT_CALL_eventfd_read && ev->call != FDT_CALL_eventfd_write))
		return;
	f->moved = ev->seq;
	c->pf->accepts += c->class == CALLS_ACCEPT;
	if (in)
		f->eofs = 0;
	if (c->life->number > 2)
		c->pf->work++;
}

static void
interest(struct check *c)
{
	const struct event *ev = c->ev;
	const struct life *target = ev->ret == 0 ? model_was(c->model, ev->pid, (int)ev->args[1], ev->began) : NULL;
	struct life_facts *f;
	struct fdt_epoll e = {0};

	if (target == NULL)
		return;
	f = facts_of(c, target->id);
	event_epoll(ev, 0, &e);
	f->epoll = ev->args[0] == EPOLL_CTL_DEL ? 0 : e.events != 0 ? e.events : EPOLLERR;
	f->last = site_of(c, ev);
	f->thread = ev->thread;
	f->idle = c->pf->work;
}

static void
waited(struct check *c)
{
	const struct event *ev = c->ev;
	struct wait *w = &c->tf->wait;
	struct fdt_timeout timeout = {-1, -1};

	if (ev->ret > 0)
		c->pf->work++;
	c->pf->selects |= ev->info->shape == SHAPE_select || ev->info->shape == SHAPE_pselect;
	for (int i = 0; i < c->nwatched; i++) {
		struct life_facts *f;

		if (c->watched[i].life == 0)
			continue;
		f = facts_of(c, c->watched[i].life);
		f->idle = c->pf->work;
		f->watched = ev->seq;
		f->wanted = c->watched[i].wanted;
		if (c->watched[i].ready != 0)
			f->told = ev->seq;
	}
	event_timeout(ev, &timeout);
	w->at = site_of(c, ev);
	w->call = ev->call;
	w->error = ev->error;
	w->ret = ev->ret;
	w->begin = ev->begin;
	w->end = ev->end;
	w->timeout = timeout.ns;
	w->left = timeout.left;
	while (w->room < (uint32_t)c->nwatched)
		w->list = grow(w->list, w->room, &w->room, sizeof *w->list);
	if (c->nwatched > 0)
		memcpy(w->list, c->watched, (size_t)c->nwatched * sizeof *w->list);
	w->count = c->nwatched;
}

/* An exec that succeeds never returns: its place is kept as it begins. */
static void
begun(struct check *c)
{
	if (c->lf != NULL && c->class != CALLS_WAIT)
		named(c);
	if (c->class == CALLS_EXEC)
		c->pf->exec = site_of(c, c->ev);
	c->pf->last = c->ev->seq;
	c->tf->inside.at = site_of(c, c->ev);
	c->tf->inside.begin = c->ev->begin;
	c->tf->inside.call = c->ev->call;
	c->tf->inside.fd = c->ev->has_fd ? c->ev->fd : -1;
	c->tf->inside.life = c->ev->life;
}

void
facts_step(struct check *c)
{
	const struct event *ev = c->ev;

	if (c->step == STEP_BEGIN) {
		if (ev->info->shape != SHAPE_event)
			begun(c);
		return;
	}
	if (ev->info->shape == SHAPE_event)
		return;
	if (c->class == CALLS_WAIT)
		waited(c);
	else if (c->class == CALLS_EPOLL_CTL)
		interest(c);
	else if (c->lf != NULL && c->class & (CALLS_IN | CALLS_OUT | CALLS_MOVE | CALLS_ACCEPT | CALLS_CONNECT))
		moved(c);
	else if (c->lf != NULL && ev->info->shape == SHAPE_ioctl && ev->args[0] == FIONBIO)
		facts_of(c, c->life->root)->fionbio = true;
	if (c->tf->inside.at.seq == ev->seq)
		c->tf->inside.at.seq = 0;
	c->tf->last.at = site_of(c, ev);
	c->tf->last.call = ev->call;
	c->tf->last.error = ev->error;
	c->tf->last.fd = ev->has_fd ? ev->fd : -1;
	c->tf->last.ret = ev->ret;
	c->tf->last.life = ev->life;
}
