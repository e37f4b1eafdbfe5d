/* trace/reader/model.c: lives, processes and tables. What each call does to them is in effects.c. */
#include "reader/model_own.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

const char *const kind_names[KINDS] = {"other", "tcp", "udp", "unix", "socket", "pipe", "file", "dir", "tty", "epoll",
	"eventfd", "timerfd", "signalfd", "inotify", "memfd", "pidfd"};

/* ---- strings and addresses ---- */

const char *
intern(struct model *m, struct bytes bytes)
{
	uint64_t key;
	uint32_t found;
	char *copy;

	out_reset(&m->scratch);
	out_escaped(&m->scratch, bytes);
	out_char(&m->scratch, '\0');
	key = hash_bytes(m->scratch.start, out_length(&m->scratch));
	while ((found = map_get(&m->strings_map, key)) != 0 && strcmp(m->strings[found - 1], m->scratch.start) != 0)
		key++;
	if (found != 0)
		return m->strings[found - 1];
	copy = more(NULL, out_length(&m->scratch), 1);
	memcpy(copy, m->scratch.start, out_length(&m->scratch));
	m->strings = grow(m->strings, m->nstrings, &m->strings_room, sizeof *m->strings);
	m->strings[m->nstrings++] = copy;
	map_put(&m->strings_map, key, m->nstrings);
	return copy;
}

static const char *
unix_path(struct model *m, struct bytes name)
{
	unsigned char text[110];
	uint32_t n = name.size < sizeof text - 1 ? name.size : sizeof text - 1;

	if (n == 0)
		return "";
	memcpy(text, name.at, n);
	if (text[0] == '\0')
		text[0] = '@'; /* the abstract namespace (unix(7)) */
	else
		n = (uint32_t)strnlen((char *)text, n);
	return intern(m, (struct bytes){text, n});
}

struct address
model_address(struct model *m, struct bytes sockaddr)
{
	struct address a = {0};
	const unsigned char *p = sockaddr.at;
	uint16_t family;

	if (sockaddr.size < sizeof family)
		return a;
	memcpy(&family, p, sizeof family);
	if (family == AF_UNIX) {
		a.family = family;
		a.path = unix_path(m, (struct bytes){p + 2, sockaddr.size - 2});
	} else if (family == AF_INET && sockaddr.size >= 8) {
		a.family = family;
		memcpy(a.ip, p + 4, 4);
	} else if (family == AF_INET6 && sockaddr.size >= 24) {
		a.family = family;
		memcpy(a.ip, p + 8, 16);
	}
	if (a.family == AF_INET || a.family == AF_INET6)
		a.port = (uint16_t)(p[2] << 8 | p[3]);
	return a;
}

uint64_t
address_key(const struct address *a)
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* an IPv4 client of an IPv6 socket */
	unsigned char bytes[18] = {0};

	if ((a->family != AF_INET && a->family != AF_INET6) || a->port == 0)
		return 0;
	if (a->family == AF_INET)
		memcpy(bytes, a->ip, 4);
	else if (memcmp(a->ip, mapped, sizeof mapped) == 0)
		memcpy(bytes, a->ip + 12, 4);
	else
		memcpy(bytes, a->ip, 16);
	bytes[16] = (unsigned char)(a->port >> 8);
	bytes[17] = (unsigned char)a->port;
	return hash_bytes(bytes, sizeof bytes) | 1;
}

bool
work_left(struct model *m, const struct event *ev, uint64_t more_work)
{
	const uint64_t enough = 100 * 1000 * 1000, each = 2000;

	if (m->work + more_work > enough + each * ev->seq)
		return false;
	m->work += more_work;
	return true;
}

void
add_id(struct ids *ids, uint32_t id)
{
	ids->list = grow(ids->list, ids->count, &ids->room, sizeof *ids->list);
	ids->list[ids->count++] = id;
}

/* ---- lives ---- */

struct life *
model_life(const struct model *m, uint32_t id)
{
	return id >= 1 && id <= m->nlives ? &m->chunks[(id - 1) / LIVES_CHUNK][(id - 1) % LIVES_CHUNK] : NULL;
}

static struct life *
next_life(struct model *m)
{
	uint32_t id = ++m->born;
	struct life *life;

	if (id > m->nlives && m->nlives % LIVES_CHUNK == 0) {
		m->chunks = grow(m->chunks, m->nchunks, &m->chunks_room, sizeof *m->chunks);
		m->chunks[m->nchunks++] = more(NULL, LIVES_CHUNK, sizeof **m->chunks);
	}
	life = &m->chunks[(id - 1) / LIVES_CHUNK][(id - 1) % LIVES_CHUNK];
	if (id > m->nlives) {
		memset(life, 0, sizeof *life);
		life->id = m->nlives = id;
	}
	return life;
}

static uint64_t
number_key(uint32_t process, int number)
{
	return (uint64_t)process << 32 | (uint32_t)number;
}

static void
link_open(struct model *m, struct process *p, struct life *life)
{
	struct life *first = model_life(m, p->open);

	life->open = true;
	life->prev_open = 0;
	life->next_open = p->open;
	if (first != NULL)
		first->prev_open = life->id;
	p->open = life->id;
	p->nopen++;
}

static void
unlink_open(struct model *m, struct life *life)
{
	struct process *p = m->processes[life->process];
	struct life *before = model_life(m, life->prev_open), *after = model_life(m, life->next_open);

	life->open = false;
	if (before != NULL)
		before->next_open = life->next_open;
	else
		p->open = life->next_open;
	if (after != NULL)
		after->prev_open = life->prev_open;
	p->nopen--;
}

/* The facts of a birth; in a replay they stand already. */
static void
fill_life(struct life *life, const struct birth *birth, const struct event *ev)
{
	const struct life *of = birth->of;

	life->kind = (uint8_t)birth->kind;
	life->local = birth->local;
	life->peer = birth->peer;
	life->path = birth->path;
	if (of != NULL && birth->origin != BORN_MADE) {
		life->kind = of->kind;
		life->local = of->local;
		life->peer = of->peer;
		life->path = of->path;
		life->client = of->client;
		life->listens = of->listens;
		life->listen_seq = of->listen_seq != 0 ? ev->seq : 0;
		life->accepted = of->accepted;
		life->eof = of->eof;
	}
	life->origin = (uint8_t)birth->origin;
	life->of = of != NULL ? of->id : 0;
	life->root = of != NULL ? of->root : life->id;
	life->listener = birth->listener != NULL ? birth->listener->id : of != NULL ? of->listener : 0;
	life->accepted |= birth->listener != NULL;
	life->named_at_birth = life->local.family != 0 || life->peer.family != 0;
	life->born_seq = ev->seq;
	life->born = ev->end;
	life->born_where = ev->where;
}

/* Who is at the other end, if a note has said it. */
static void
name_client(struct model *m, struct life *life)
{
	uint64_t key = address_key(&life->peer);
	uint32_t who;

	if (key == 0 || life->client != NULL)
		return;
	who = map_get(&m->clients, key);
	if (who != 0)
		life->client = m->strings[who - 1];
	map_put(&m->peers, key, life->id);
}

/* The number is given away although the model holds it open: a call of another thread that has not returned yet may have ended it
 * (then that call did); otherwise nobody saw it end. */
static void
make_way(struct model *m, struct life *old, bool over, const struct event *ev)
{
	struct inflight *f = NULL;
	struct process *p = m->processes[old->process];

	if (over || !work_left(m, ev, timeline_table_calls(m->timeline))) {
		life_end(m, old, over ? ENDS_OVER : ENDS_UNSEEN, ev);
		return;
	}
	while ((f = timeline_ending(m->timeline, p->pid, old->number, ev, f)) != NULL) {
		struct event by = {.seq = f->seq, .begin = f->begin, .end = ev->end, .where = f->where};

		if (f->ended != 0 || f->tid == ev->tid)
			continue;
		f->ended = old->id;
		life_end(m, old, f->makes ? ENDS_OVER : ENDS_CLOSED, &by);
		m->closed.count--; /* that call will tell it */
		return;
	}
	life_end(m, old, ENDS_UNSEEN, ev);
}

struct life *
life_begin(struct model *m, struct process *p, int number, const struct birth *birth, const struct event *ev)
{
	uint64_t key = number_key(p->index, number);
	struct life *before = model_life(m, map_get(&m->numbers, key)), *life;

	if (number < 0)
		return NULL;
	if (before != NULL && before->open)
		make_way(m, before, birth->over, ev);
	life = next_life(m);
	if (life->born_step == 0) {
		life->process = p->index;
		life->number = number;
		life->before = before != NULL ? before->id : 0;
		life->ordinal = before != NULL ? before->ordinal + 1 : 1;
		if (before == NULL && birth->of != NULL && birth->origin == BORN_INHERITED)
			life->ordinal = birth->of->ordinal;
		life->born_step = m->now;
		fill_life(life, birth, ev);
		name_client(m, life);
	}
	life->cloexec = birth->cloexec;
	life->nonblock = birth->nonblock;
	life->queue_known = false;
	life->queued = 0;
	link_open(m, p, life);
	map_put(&m->numbers, key, life->id);
	add_id(&m->opened, life->id);
	return life;
}

void
life_end(struct model *m, struct life *life, enum ending how, const struct event *ev)
{
	if (life == NULL || !life->open)
		return;
	unlink_open(m, life);
	if (life->ended_step == 0) {
		life->ending = (uint8_t)how;
		life->ended_seq = ev->seq;
		life->ended_step = m->now;
		life->ended = ev->end > life->born ? ev->end : life->born;
		life->ended_where = ev->where;
	}
	add_id(&m->closed, life->id);
}

struct life *
model_at(const struct model *m, uint32_t pid, int number)
{
	uint32_t process = map_get(&m->pids, pid);
	struct life *life;

	if (process == 0 || number < 0)
		return NULL;
	life = model_life(m, map_get(&m->numbers, number_key(process - 1, number)));
	return life != NULL && life->open ? life : NULL;
}

struct life *
model_was(const struct model *m, uint32_t pid, int number, uint64_t step)
{
	uint32_t process = map_get(&m->pids, pid);
	struct life *life;

	if (process == 0 || number < 0)
		return NULL;
	life = model_life(m, map_get(&m->numbers, number_key(process - 1, number)));
	for (int i = 0; life != NULL && life->born_step > step; i++)
		life = i < LONGEST_WALK ? model_life(m, life->before) : NULL;
	return life != NULL && (life->open || life->ended_step > step) ? life : NULL;
}

/* ---- processes ---- */

struct process *
model_process(const struct model *m, uint32_t index)
{
	return index < m->nprocesses ? m->processes[index] : NULL;
}

struct process *
model_pid(const struct model *m, uint32_t pid)
{
	return model_process(m, map_get(&m->pids, pid) - 1);
}

struct process *
process_new(struct model *m, uint32_t pid, uint32_t parent, const struct event *ev)
{
	struct process *p, *mother = model_pid(m, parent);
	uint32_t index = m->seen++;

	if (index >= m->nprocesses) {
		m->processes = grow(m->processes, m->nprocesses, &m->processes_room, sizeof *m->processes);
		m->processes[m->nprocesses++] = more(NULL, 1, sizeof **m->processes);
		memset(m->processes[index], 0, sizeof **m->processes);
	}
	p = m->processes[index];
	p->index = index;
	p->pid = pid;
	p->parent = parent;
	if (!m->replay) {
		p->begun_seq = ev->seq;
		p->begun = ev->begin;
	}
	p->image = mother != NULL ? mother->image : ++m->images;
	p->argv = mother != NULL ? mother->argv : NULL;
	p->open = p->nopen = 0;
	p->arrived = p->starting = p->ended = p->forked = false;
	map_put(&m->pids, pid, index + 1);
	return p;
}

struct process *
process_of(struct model *m, const struct event *ev)
{
	struct process *p = model_pid(m, ev->pid);

	if (p == NULL)
		p = process_new(m, ev->pid, 0, ev);
	return p;
}

/* The child's table is its parent's, as it is now. Which event tells of it is known when the child arrives. */
struct process *
process_fork(struct model *m, uint32_t parent, uint32_t pid, const struct event *ev)
{
	struct process *p = process_new(m, pid, parent, ev), *mother = model_pid(m, parent);
	struct life *life, *copy;
	uint32_t opened = m->opened.count, id = mother != NULL && mother != p ? mother->open : 0;

	if (mother == NULL || !work_left(m, ev, 100 * (uint64_t)mother->nopen))
		id = 0;

	p->forked = true;
	while (id != 0 && model_life(m, id)->next_open != 0)
		id = model_life(m, id)->next_open; /* the oldest first */
	for (; id != 0; id = life->prev_open) {
		life = model_life(m, id);
		copy = life_begin(m, p, life->number,
			&(struct birth){.origin = BORN_INHERITED,
				.of = life,
				.cloexec = life->cloexec,
				.nonblock = life->nonblock},
			ev);
		if (copy != NULL && !m->replay)
			copy->born_seq = 0;
	}
	m->opened.count = opened;
	return p;
}

uint32_t
model_lives(const struct model *m)
{
	return m->nlives;
}

uint32_t
model_processes(const struct model *m)
{
	return m->nprocesses;
}

/* ---- the whole ---- */

struct model *
model_open(struct timeline *t)
{
	struct model *m = more(NULL, 1, sizeof *m);

	memset(m, 0, sizeof *m);
	m->timeline = t;
	m->capture = timeline_capture(t);
	out_open(&m->scratch, -1);
	for (int i = 0; i < 4; i++) { /* never a null pointer, also for none */
		struct ids *ids = (struct ids *[]){&m->opened, &m->closed, &m->by_born, &m->by_ended}[i];

		ids->list = grow(NULL, 0, &ids->room, sizeof *ids->list);
	}
	return m;
}

void
model_close(struct model *m)
{
	if (m == NULL)
		return;
	watch_forget(m);
	for (uint32_t i = 0; i < m->nchunks; i++)
		free(m->chunks[i]);
	for (uint32_t i = 0; i < m->nprocesses; i++)
		free(m->processes[i]);
	for (uint32_t i = 0; i < m->nstrings; i++)
		free(m->strings[i]);
	free(m->chunks);
	free(m->processes);
	free(m->strings);
	free(m->sets);
	free(m->opened.list);
	free(m->closed.list);
	free(m->by_born.list);
	free(m->by_ended.list);
	free(m->watched);
	free(m->modules);
	map_free(&m->numbers);
	map_free(&m->pids);
	map_free(&m->epolls);
	map_free(&m->strings_map);
	map_free(&m->clients);
	map_free(&m->peers);
	out_close(&m->scratch);
	free(m);
}

void
model_step(struct model *m, enum step step, struct event *ev, struct effects *effects)
{
	m->opened.count = m->closed.count = 0;
	m->now++;
	if (step == STEP_BEGIN)
		effect_begin(m, ev);
	else if (step == STEP_END)
		effect_end(m, ev);
	*effects = (struct effects){m->opened.count, m->closed.count, m->opened.list, m->closed.list};
}

void
model_rewind(struct model *m)
{
	timeline_rewind(m->timeline);
	watch_forget(m);
	map_free(&m->numbers);
	map_free(&m->pids);
	for (uint32_t id = 1; id <= m->nlives; id++)
		model_life(m, id)->open = false;
	m->now = 0;
	m->born = m->seen = 0;
	m->work = 0;
	m->images = 0;
	m->nsent = 0;
	m->born_at = m->ended_at = 0;
	m->replay = true;
}

/* ---- what an event will do: asked in a replay before it does it ---- */

static uint64_t
seq_of(const struct model *m, uint32_t id, bool ended)
{
	const struct life *life = model_life(m, id);

	return ended ? life->ended_seq : life->born_seq;
}

/* Nearly sorted as they come: births are in the order of returns, which differs little from that of begins. */
static void
sort_ids(const struct model *m, struct ids *ids, bool ended)
{
	uint32_t *scratch = more(NULL, ids->count + 1, sizeof *scratch), *from = ids->list, *to = scratch;

	for (uint32_t width = 1; width < ids->count; width *= 2) {
		for (uint64_t low = 0; low < ids->count; low += 2 * (uint64_t)width) {
			uint64_t a = low, middle = low + width < ids->count ? low + width : ids->count, b = middle,
				 at = low;
			uint64_t high = middle + width < ids->count ? middle + width : ids->count;

			while (a < middle || b < high)
				to[at++] = b == high || (a < middle &&
								seq_of(m, from[a], ended) <= seq_of(m, from[b], ended))
						   ? from[a++]
						   : from[b++];
		}
		uint32_t *other = from;

		from = to;
		to = other;
	}
	if (from != ids->list)
		memcpy(ids->list, from, ids->count * sizeof *from);
	free(scratch);
}

struct model *
model_load(struct timeline *t)
{
	struct model *m = model_open(t);
	struct effects effects;
	struct event *ev;
	enum step step;

	while ((step = timeline_next(t, &ev)) == STEP_BEGIN || step == STEP_END)
		model_step(m, step, ev, &effects);
	for (uint32_t id = 1; id <= m->nlives; id++) {
		if (model_life(m, id)->born_seq != 0)
			add_id(&m->by_born, id);
		if (model_life(m, id)->ended_seq != 0)
			add_id(&m->by_ended, id);
	}
	sort_ids(m, &m->by_born, false);
	sort_ids(m, &m->by_ended, true);
	model_rewind(m);
	return m;
}

/* Those of the sorted ids that belong to this event; *at goes along with the events. */
static uint32_t
ids_of(const struct model *m, const struct ids *ids, bool ended, uint64_t seq, uint32_t *at)
{
	uint32_t count = 0;

	while (*at > 0 && seq_of(m, ids->list[*at - 1], ended) >= seq)
		--*at;
	while (*at < ids->count && seq_of(m, ids->list[*at], ended) < seq)
		++*at;
	while (*at + count < ids->count && seq_of(m, ids->list[*at + count], ended) == seq)
		count++;
	return count;
}

void
model_effects(struct model *m, const struct event *ev, struct effects *effects)
{
	effects->nopened = ids_of(m, &m->by_born, false, ev->seq, &m->born_at);
	effects->opened = m->by_born.list + m->born_at;
	effects->nclosed = ids_of(m, &m->by_ended, true, ev->seq, &m->ended_at);
	effects->closed = m->by_ended.list + m->ended_at;
}

struct timeline *
model_timeline(const struct model *m)
{
	return m->timeline;
}

struct capture *
model_capture(const struct model *m)
{
	return m->capture;
}

uint64_t
model_now(const struct model *m)
{
	return m->now;
}

uint32_t
model_modules(const struct model *m)
{
	return m->nmodules;
}

bool
model_module(const struct model *m, uint32_t i, uint32_t *image, struct event *ev)
{
	if (i >= m->nmodules)
		return false;
	*image = m->modules[i].image;
	return capture_event(m->capture, m->modules[i].slot, m->modules[i].seq, ev);
}
