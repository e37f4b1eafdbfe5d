/* trace/views/html_state.c: the steps of a page, and what each step changed.
 *
 * The page computes no state of its own: a model is fed with the capture here, what it holds is compared with what it held
 * before each step, and the differences go into the page. One rule spares most of them: a call whose shape moves bytes adds its
 * result to the bytes of its descriptor (trace/player/state.js does the same); where that is not what the model holds, the
 * number is written out.
 */
#include "views/html_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the page knows of a life by now. */
struct known {
	uint64_t in, out;
	struct address local, peer;
	const char *path, *client;
	uint32_t queue; /* waiting + 1; 0: not known */
	uint8_t kind, flags;
	bool open;
};

struct known_process {
	const char *argv;
	bool ended;
};

struct replay {
	struct page *page;
	struct model *model;
	struct known *lives;
	struct known_process *processes;
	uint32_t room, nprocesses, processes_room;
	struct map open; /* process and number -> the page's life, as the page itself will have it */
	uint64_t pending; /* an event whose BEGIN was the last step, and which may still become one step with its END; 0: none */
	uint64_t begun;   /* events of the page that have begun */
	uint64_t run;     /* whole steps in a row that are not written yet */
	uint64_t step;    /* what a change now is a part of */
};

/* ---- writing ---- */

static void
change(struct replay *r, uint32_t life, enum page_op what, uint64_t value)
{
	struct page *p = r->page;

	pack(&p->op_step, r->step - p->last_op_step);
	pack(&p->op_life, life);
	pack(&p->op_what, what);
	pack(&p->op_value, value);
	p->last_op_step = r->step;
	p->nops++;
}

static void
flush_run(struct replay *r)
{
	if (r->run > 0)
		pack(&r->page->steps, r->run << 2);
	r->run = 0;
}

/* The event that has begun will not return at once: its begin is a step by itself. */
static void
flush_begin(struct replay *r)
{
	if (r->pending == 0)
		return;
	r->pending = 0;
	flush_run(r);
	pack(&r->page->steps, 1);
	r->page->nsteps++;
}

static uint32_t
address_string(struct page *p, const struct address *a)
{
	struct out *o = &p->v.out;
	size_t before = out_length(o);
	uint32_t id;

	if (a->family == 0)
		return 0;
	out_address(o, a);
	id = table_put(&p->strings, o->start + before, out_length(o) - before);
	o->at = o->start + before;
	return id;
}

static bool
same_address(const struct address *a, const struct address *b)
{
	return a->family == b->family && a->port == b->port && memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->path == b->path;
}

/* ---- lives ---- */

static uint8_t
flags_of(const struct life *l)
{
	return (uint8_t)((l->listens ? PAGE_LISTENS : 0) | (l->accepted ? PAGE_ACCEPTED : 0) | (l->eof ? PAGE_EOF : 0) |
	                 (l->nonblock ? PAGE_NONBLOCK : 0) | (l->cloexec ? PAGE_CLOEXEC : 0));
}

static struct known
known_of(const struct life *l)
{
	return (struct known){.in = l->in, .out = l->out, .local = l->local, .peer = l->peer, .path = l->path, .client = l->client,
		.queue = l->queue_known ? l->queued + 1 : 0, .kind = l->kind, .flags = flags_of(l), .open = true};
}

static struct known *
known_life(struct replay *r, uint32_t id)
{
	uint32_t old = r->room;

	if (id >= r->room) {
		r->room = id < 512 ? 1024 : 2 * id;
		r->lives = more(r->lives, r->room, sizeof *r->lives);
		memset(r->lives + old, 0, (r->room - old) * sizeof *r->lives);
	}
	return &r->lives[id];
}

/* The row of a life: what it was when the page first saw it. */
static void
write_life(struct replay *r, const struct life *l)
{
	struct page *p = r->page;
	uint64_t row[] = {(uint64_t)l->number, l->ordinal, l->process, l->origin, page_life(p, l->of), page_life(p, l->listener), l->kind,
		flags_of(l), address_string(p, &l->local), address_string(p, &l->peer), page_string(p, l->path), page_string(p, l->client)};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
		pack(&p->lives, row[i]);
}

static void
look_at_life(struct replay *r, const struct life *l)
{
	struct known *k = known_life(r, l->id), now = known_of(l);
	struct page *p = r->page;
	uint32_t place = page_life(p, l->id);

	if (!k->open)
		return;
	if (now.in != k->in)
		change(r, place, OP_IN, now.in);
	if (now.out != k->out)
		change(r, place, OP_OUT, now.out);
	if (now.flags != k->flags)
		change(r, place, OP_FLAGS, now.flags);
	if (now.queue != k->queue)
		change(r, place, OP_QUEUE, now.queue);
	if (now.kind != k->kind)
		change(r, place, OP_KIND, now.kind);
	if (!same_address(&now.local, &k->local))
		change(r, place, OP_LOCAL, address_string(p, &now.local));
	if (!same_address(&now.peer, &k->peer))
		change(r, place, OP_PEER, address_string(p, &now.peer));
	if (now.path != k->path)
		change(r, place, OP_PATH, page_string(p, now.path));
	if (now.client != k->client)
		change(r, place, OP_CLIENT, page_string(p, now.client));
	*k = now;
}

static uint64_t
open_key(uint32_t process, int number)
{
	return (uint64_t)process << 32 | (uint32_t)number;
}

static void
life_opened(struct replay *r, const struct life *l)
{
	struct known *k = known_life(r, l->id);
	struct page *p = r->page;
	uint32_t before = p->nlives, place;

	if (k->open)
		return;
	page_life(p, l->of);
	page_life(p, l->listener);
	place = page_life(p, l->id);
	if (p->nlives != before)
		write_life(r, l);
	*k = known_of(l);
	change(r, place, OP_OPEN, 0);
	map_put(&r->open, open_key(l->process, l->number), place);
	if (k->in > 0)
		change(r, place, OP_IN, k->in);
	if (k->out > 0)
		change(r, place, OP_OUT, k->out);
	if (k->queue > 0)
		change(r, place, OP_QUEUE, k->queue);
}

static void
life_closed(struct replay *r, const struct life *l)
{
	struct known *k = known_life(r, l->id);

	if (!k->open)
		return;
	look_at_life(r, l);
	k->open = false;
	change(r, page_life(r->page, l->id), OP_CLOSE, l->ending);
	if (map_get(&r->open, open_key(l->process, l->number)) == page_life(r->page, l->id))
		map_remove(&r->open, open_key(l->process, l->number));
}

/* What the page adds by itself: the same rule is in trace/player/state.js, by the direction that `calls` gives. */
static void
foreseen(struct replay *r, const struct event *ev)
{
	struct known *k;

	if (ev->life == 0 || ev->ret <= 0 || ev->error != 0)
		return;
	k = known_life(r, ev->life);
	switch (ev->info->shape) {
	case SHAPE_in: case SHAPE_inv: case SHAPE_recvfrom: case SHAPE_recvmsg: k->in += (uint64_t)ev->ret; break;
	case SHAPE_out: case SHAPE_outv: case SHAPE_sendto: case SHAPE_sendmsg: k->out += (uint64_t)ev->ret; break;
	default: break;
	}
}

/* ---- processes ---- */

static void
look_at_process(struct replay *r, const struct process *p)
{
	while (r->nprocesses < model_processes(r->model)) {
		const struct process *born = model_process(r->model, r->nprocesses);

		r->processes = grow(r->processes, r->nprocesses, &r->processes_room, sizeof *r->processes);
		r->processes[r->nprocesses] = (struct known_process){0};
		change(r, r->nprocesses, OP_PROCESS, born->pid);
		r->nprocesses++;
	}
	if (p == NULL)
		return;
	struct known_process *k = &r->processes[p->index];

	if (p->argv != k->argv)
		change(r, p->index, OP_PROGRAM, page_string(r->page, p->argv));
	if (p->ended != k->ended)
		change(r, p->index, OP_ENDED, p->ended);
	*k = (struct known_process){p->argv, p->ended};
}

/* ---- a step ---- */

static void
look_at_table(struct replay *r, const struct process *p)
{
	for (uint32_t id = p != NULL ? p->open : 0; id != 0; id = model_life(r->model, id)->next_open)
		look_at_life(r, model_life(r->model, id));
}

static bool
is_client_note(const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB);

	return verb.size == 2 && memcmp(verb.at, "is", 2) == 0;
}

/* Lives that a call may have changed besides those it opened and closed and the one it names. */
static void
look_further(struct replay *r, const struct event *ev)
{
	const struct life *l;

	switch (ev->info->shape) {
	case SHAPE_in: case SHAPE_out: case SHAPE_inv: case SHAPE_outv: case SHAPE_close: case SHAPE_select: case SHAPE_pselect:
	case SHAPE_poll: case SHAPE_ppoll: case SHAPE_epoll_wait: case SHAPE_epoll_pwait2: return;
	case SHAPE_move: l = model_was(r->model, ev->pid, (int)ev->args[0], ev->began); break;
	case SHAPE_range: look_at_table(r, model_pid(r->model, ev->pid)); return;
	default: l = model_at(r->model, ev->pid, ev->fd); break;
	}
	if (l != NULL)
		look_at_life(r, l);
	if (ev->call == FDT_CALL_note && is_client_note(ev))
		for (uint32_t i = 0; i < model_processes(r->model); i++)
			look_at_table(r, model_process(r->model, i));
}

static void
changes_of(struct replay *r, const struct event *ev, const struct effects *fx)
{
	look_at_process(r, model_pid(r->model, ev->pid));
	foreseen(r, ev);
	for (uint32_t i = 0; i < fx->nclosed; i++)
		life_closed(r, model_life(r->model, fx->closed[i]));
	if (ev->life != 0)
		look_at_life(r, model_life(r->model, ev->life));
	for (uint32_t i = 0; i < fx->nopened; i++)
		if (model_life(r->model, fx->opened[i])->open)
			life_opened(r, model_life(r->model, fx->opened[i]));
	look_further(r, ev);
}

static bool
is_shown(const struct page *p, const struct event *ev)
{
	return ev->seq >= p->from && ev->seq <= p->to;
}

/* 0: it names no descriptor; odd: this number, and the life that is open under it; even: this number, and the life in `life`. */
static void
write_fd(struct replay *r, const struct event *ev)
{
	struct page *p = r->page;
	const struct process *process = model_pid(r->model, ev->pid);
	uint64_t zigzag = (uint64_t)(ev->fd < 0 ? ~(int64_t)ev->fd * 2 + 1 : (int64_t)ev->fd * 2);
	uint32_t place = page_life(p, ev->life);

	if (!ev->has_fd) {
		pack(&p->fd, 0);
	} else if (process != NULL && map_get(&r->open, open_key(process->index, ev->fd)) == place) {
		pack(&p->fd, zigzag * 2 + 1);
	} else {
		pack(&p->fd, zigzag * 2 + 2);
		pack(&p->life, place);
	}
}

static void
step_begun(struct replay *r, const struct event *ev)
{
	r->step = r->page->nsteps;
	flush_begin(r);
	r->step = r->page->nsteps;
	if (is_shown(r->page, ev)) {
		r->pending = ev->seq;
		r->begun++;
		r->step++;
		write_fd(r, ev);
	}
	look_at_process(r, model_pid(r->model, ev->pid));
}

static void
step_ended(struct replay *r, const struct event *ev, const struct effects *fx)
{
	struct page *p = r->page;

	if (r->pending == ev->seq) {
		r->pending = 0;
		r->run++;
		p->nsteps++;
	} else {
		flush_begin(r);
		if (is_shown(p, ev)) {
			flush_run(r);
			pack(&p->steps, (p->from + r->begun - 1 - ev->seq) << 2 | 2);
			p->nsteps++;
		}
	}
	r->step = p->nsteps;
	changes_of(r, ev, fx);
}

static void
run_through(struct replay *r, struct timeline *t)
{
	struct effects fx;
	struct event *ev;
	enum step step;

	while ((step = timeline_next(t, &ev)) == STEP_BEGIN || step == STEP_END) {
		if (step == STEP_BEGIN && ev->seq > r->page->to)
			break;
		model_step(r->model, step, ev, &fx);
		if (step == STEP_BEGIN)
			step_begun(r, ev);
		else
			step_ended(r, ev, &fx);
	}
	flush_begin(r);
	flush_run(r);
}

int
page_state(struct page *p)
{
	struct replay r = {.page = p};
	char error[512];
	struct capture *c = capture_open(p->v.o.capture, error, sizeof error);
	struct timeline *t;

	if (c == NULL) {
		fprintf(stderr, "fdtrace: %s\n", error);
		return 2;
	}
	t = timeline_open(c, false);
	r.model = model_open(t);
	run_through(&r, t);
	model_close(r.model);
	timeline_close(t);
	capture_close(c);
	map_free(&r.open);
	free(r.lives);
	free(r.processes);
	return -1;
}
