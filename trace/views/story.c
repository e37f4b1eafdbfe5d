/* trace/views/story.c: see story.h. */
#include "views/story.h"

#include "reader/words.h"
#include "views/call.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum {
	DEEDS_MOST = 1 << 16, /* of one story */
	MOVES_MOST = 1 << 12, /* after so many exchanges in one life they are put together */
	TEXT_MOST = 200,
	BLOCK = 1 << 16,
};

/* ---- stories and their names ---- */

static const char *
keep(struct stories *s, const char *text, size_t length)
{
	char *kept;

	if (length + 1 > s->block_left) {
		s->blocks = grow(s->blocks, s->nblocks, &s->blocks_room, sizeof *s->blocks);
		s->block = s->blocks[s->nblocks++] = more(NULL, BLOCK, 1);
		s->block_left = BLOCK;
	}
	kept = s->block;
	memcpy(kept, text, length);
	kept[length] = '\0';
	s->block += length + 1;
	s->block_left -= length + 1;
	return kept;
}

struct story *
stories_find(struct stories *s, const char *name)
{
	uint32_t i = map_get(&s->names, hash_bytes(name, strlen(name)));

	return i > 0 ? &s->list[i - 1] : NULL;
}

/* Returns its number + 1. */
static uint32_t
story_named(struct stories *s, enum story_kind kind, const char *name)
{
	uint64_t key = hash_bytes(name, strlen(name));
	uint32_t i = map_get(&s->names, key);

	if (i > 0)
		return i;
	s->list = grow(s->list, s->n, &s->room, sizeof *s->list);
	s->list[s->n++] = (struct story){.kind = (uint8_t)kind, .name = keep(s, name, strlen(name))};
	map_put(&s->names, key, s->n);
	return s->n;
}

/* The first of its name, or the first that is free: "A's connection", "A's connection (2)". */
static uint32_t
story_of(struct stories *s, enum story_kind kind, const char *name, bool counted, uint32_t *count)
{
	char text[TEXT_MOST + 32];

	++*count;
	if (counted || *count > 1)
		snprintf(text, sizeof text, counted ? "%.*s %u" : "%.*s (%u)", TEXT_MOST, name, *count);
	else
		snprintf(text, sizeof text, "%.*s", TEXT_MOST, name);
	return story_named(s, kind, text);
}

static uint32_t
connection_story(struct stories *s, const struct life *life, uint32_t *nameless)
{
	char name[TEXT_MOST];
	uint64_t key;
	uint32_t count, i;

	if (life->client == NULL || !s->named)
		return story_of(s, STORY_CONNECTION, "connection", true, nameless);
	snprintf(name, sizeof name, "%.*s's connection", TEXT_MOST - 32, life->client);
	key = hash_bytes(name, strlen(name));
	count = map_get(&s->clients, key);
	i = story_of(s, STORY_CONNECTION, name, false, &count);
	map_put(&s->clients, key, count);
	return i;
}

/* Copies belong to the story of what they are copies of. */
static void
name_lives(struct stories *s)
{
	struct model *m = s->v->model;
	uint32_t n = model_lives(m), sockets = 0, nameless = 0, others[KINDS] = {0};

	s->of_life = more(NULL, n + 1, sizeof *s->of_life);
	s->of_life[0] = 0;
	for (uint32_t id = 1; id <= n; id++) {
		const struct life *life = model_life(m, id);

		s->of_life[id] = 0;
		if (life->root != id && life->root < id && life->root != 0)
			s->of_life[id] = s->of_life[life->root];
		else if (life->number <= 2 && (life->origin == BORN_FOUND || life->origin == BORN_INHERITED))
			continue;
		else if (life->accepted)
			s->of_life[id] = connection_story(s, life, &nameless);
		else if (life->kind == KIND_TCP || life->kind == KIND_UDP || life->kind == KIND_UNIX || life->kind == KIND_SOCKET)
			s->of_life[id] = story_of(s, STORY_SOCKET, "socket", true, &sockets);
		else
			s->of_life[id] = story_of(s, STORY_OTHER, kind_names[life->kind], true, &others[life->kind]);
		if (life->listens && life->local.port != 0 && (s->base < 0 || life->local.port < s->base))
			s->base = life->local.port;
	}
}

/* ---- deeds ---- */

/* What can be the same twice in a row, and is worth no second line. */
static bool
is_repeated(const struct deed *a, const struct deed *b)
{
	switch (a->kind) {
	case DEED_EOF:
	case DEED_FAILED:
	case DEED_LIMIT:
	case DEED_TIMEOUT:
	case DEED_POLLED:
	case DEED_NOT_OPEN:
	case DEED_PRINTS:
	case DEED_REUSEADDR: return deeds_same(a, b);
	default: return false;
	}
}

static void
tell(struct story *story, struct deed deed)
{
	struct deed *last = story->n > 0 ? &story->deeds[story->n - 1] : NULL;

	deed.times = 1;
	if (last != NULL && is_repeated(last, &deed)) {
		last->times++;
		return;
	}
	if (story->n == DEEDS_MOST) {
		story->more++;
		return;
	}
	story->deeds = grow(story->deeds, story->n, &story->room, sizeof *story->deeds);
	story->deeds[story->n++] = deed;
}

static struct deed
deed_of(const struct stories *s, const struct event *ev, enum deed_kind kind)
{
	const struct process *p = model_pid(s->v->model, ev->pid);

	return (struct deed){.kind = (uint8_t)kind,
		.call = ev->call,
		.turn = narrow_turn_of(&s->v->narrow, ev->thread),
		.number = -1,
		.image = p != NULL ? p->image : 0,
		.seq = ev->seq,
		.at = model_now(s->v->model),
		.where = ev->where};
}

static struct story *
story_of_life(struct stories *s, uint32_t life)
{
	uint32_t i = life != 0 && life <= model_lives(s->v->model) ? s->of_life[life] : 0;

	return i > 0 ? &s->list[i - 1] : NULL;
}

/* Reads, then writes, then the next read: an exchange. */
static void
moved(struct story *story, struct deed deed, uint64_t in, uint64_t out)
{
	struct deed *last = story->n > 0 ? &story->deeds[story->n - 1] : NULL;
	bool next = last == NULL || last->kind != DEED_MOVED || (in > 0 && story->out);

	story->in += in;
	story->outs += out;
	story->out = out > 0;
	deed.a = (int64_t)story->in;
	deed.b = (int64_t)story->outs;
	if (next && (story->n < MOVES_MOST || last->kind != DEED_MOVED)) {
		tell(story, deed);
	} else if (last->kind == DEED_MOVED) {
		last->a = deed.a;
		last->b = deed.b;
	}
}

static bool
is_noise(int error)
{
	return error == EAGAIN || error == EINTR || error == EINPROGRESS || error == EALREADY || error == ENOTTY;
}

static void
bytes_deed(struct story *story, struct deed deed, const struct event *ev)
{
	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_recvfrom:
		if (ev->ret == 0 && ev->args[0] == 0)
			return;
		/* fall through */
	case SHAPE_inv:
	case SHAPE_recvmsg:
	case SHAPE_recvmmsg:
		deed.kind = DEED_EOF;
		if (ev->ret == 0)
			tell(story, deed);
		else
			deed.kind = DEED_MOVED, moved(story, deed, (uint64_t)ev->ret, 0);
		return;
	case SHAPE_out:
	case SHAPE_sendto:
	case SHAPE_outv:
	case SHAPE_sendmsg:
	case SHAPE_sendmmsg:
	case SHAPE_printed:
	case SHAPE_move:
		if (ev->ret > 0)
			moved(story, deed, 0, (uint64_t)ev->ret);
		return;
	default: return;
	}
}

static int
port_of(const struct stories *s, const struct address *a)
{
	return s->base >= 0 && (a->family == AF_INET || a->family == AF_INET6) ? a->port - s->base : INT32_MIN;
}

static void
bound_deed(struct stories *s, struct story *story, struct deed deed, const struct event *ev)
{
	struct address a = model_address(s->v->model, event_item(ev, FDT_ITEM_ADDR));
	struct out text;

	out_open(&text, -1);
	out_address(&text, &a);
	deed.kind = DEED_BOUND;
	deed.a = port_of(s, &a);
	deed.text = keep(s, text.start, out_length(&text) < TEXT_MOST ? out_length(&text) : TEXT_MOST);
	out_close(&text);
	tell(story, deed);
}

/* A call that names a descriptor. */
static void
call_deed(struct stories *s, const struct event *ev)
{
	struct story *story = story_of_life(s, ev->life);
	struct deed deed = deed_of(s, ev, DEED_MOVED);

	if (story == NULL && ev->done && ev->ret < 0 && ev->error == EBADF) {
		story = &s->list[0]; /* a number that nothing is open under */
		deed.number = ev->fd;
	}
	if (story == NULL || !ev->done)
		return;
	if (ev->ret < 0 && ev->error != 0) {
		deed.kind = DEED_FAILED;
		deed.a = ev->error;
		deed.at = ev->began; /* it may have sat there until everything was over */
		if (!is_noise(ev->error) && ev->info->shape != SHAPE_getopt)
			tell(story, deed);
	} else if (ev->info->shape == SHAPE_bind) {
		bound_deed(s, story, deed, ev);
	} else if (ev->call == FDT_CALL_listen) {
		deed.kind = DEED_LISTENS;
		tell(story, deed);
	} else if (ev->call == FDT_CALL_shutdown) {
		deed.kind = DEED_SHUT;
		deed.a = ev->args[0];
		tell(story, deed);
	} else if (ev->call == FDT_CALL_setsockopt && ev->args[0] == SOL_SOCKET && ev->args[1] == SO_REUSEADDR) {
		deed.kind = DEED_REUSEADDR;
		deed.a = ev->args[2] != 0;
		if (story->kind == STORY_SOCKET)
			tell(story, deed);
	} else {
		bytes_deed(story, deed, ev);
	}
}

/* ---- what began and ended ---- */

/* In one turn, by their names: in which order a turn takes them is nobody's difference. */
static void
accepted_deed(struct stories *s, struct deed deed, const char *whom)
{
	struct story *program = &s->list[0];
	uint32_t i;

	deed.kind = DEED_ACCEPTED;
	deed.text = whom;
	tell(program, deed);
	for (i = program->n - 1; i > 0; i--) {
		struct deed *before = &program->deeds[i - 1], now = program->deeds[i];

		if (before->kind != DEED_ACCEPTED || before->turn != now.turn || now.kind != DEED_ACCEPTED ||
			strcmp(before->text, now.text) <= 0)
			return;
		program->deeds[i] = *before;
		*before = now;
	}
}

static void
opened_deed(struct stories *s, const struct event *ev, uint32_t id)
{
	const struct life *life = model_life(s->v->model, id);
	struct story *story = story_of_life(s, id);
	struct deed deed = deed_of(s, ev, life->root == id ? DEED_OPENED : DEED_COPIED);

	s->births++;
	if (story == NULL || life->origin == BORN_INHERITED)
		return;
	deed.number = life->number;
	deed.via = life->listener != 0 ? s->of_life[life->listener] : 0;
	if (deed.via != 0)
		deed.b = (int64_t)hash_bytes(s->list[deed.via - 1].name, strlen(s->list[deed.via - 1].name));
	tell(story, deed);
	if (story->kind == STORY_CONNECTION && deed.kind == DEED_OPENED)
		accepted_deed(s, deed, story->name);
}

static void
closed_deed(struct stories *s, const struct event *ev, uint32_t id)
{
	const struct life *life = model_life(s->v->model, id);
	struct story *story = story_of_life(s, id);
	struct deed deed = deed_of(s, ev, life->root == id ? DEED_CLOSED : DEED_CLOSED_COPY);

	s->births++;
	if (story == NULL)
		return;
	deed.number = life->number;
	deed.a = life->ending;
	if (story->kind == STORY_OTHER && story->n == 1 && story->deeds[0].turn == deed.turn && deed.kind == DEED_CLOSED)
		story->n = 0; /* a file in passing: opened and closed within a turn */
	else
		tell(story, deed);
}

/* ---- waits ---- */

/* Whether a wait has this life in its set: a deed when that changes. */
static void
watch_deed(struct stories *s, const struct moment *at, const struct life *life)
{
	struct story *story = story_of_life(s, life->id);
	bool in = false;

	if (story == NULL || life->origin == BORN_INHERITED || !life_can_wait(life))
		return;
	for (int i = 0; i < at->nwatched && !in; i++)
		in = at->watched[i].life == life->id && (at->watched[i].wanted & WATCH_READ);
	if (in && !story->watched)
		tell(story, deed_of(s, at->ev, DEED_WATCHED));
	else if (!in && story->watched && story->deeds[story->n - 1].kind != DEED_EOF && story->deeds[story->n - 1].kind != DEED_SHUT)
		tell(story, deed_of(s, at->ev, DEED_FORGOTTEN));
	story->watched = in;
}

static void
watch_deeds(struct stories *s, const struct moment *at, const struct process *p)
{
	uint64_t shape = s->births + 1;

	for (int i = 0; i < at->nwatched; i++)
		shape = (shape ^ ((uint64_t)at->watched[i].life << 8 | at->watched[i].wanted)) * 0x9e3779b97f4a7c15u;
	if (shape == s->watch_shape || (at->ev->flags & FDT_EV_CUT) || p->threaded)
		return;
	s->watch_shape = shape;
	for (uint32_t id = p->open; id != 0; id = model_life(s->v->model, id)->next_open)
		watch_deed(s, at, model_life(s->v->model, id));
	for (int i = 0; i < at->nwatched; i++) {
		struct deed deed = deed_of(s, at->ev, DEED_NOT_OPEN);

		deed.a = deed.number = at->watched[i].number;
		if (at->watched[i].life == 0)
			tell(&s->list[0], deed);
	}
}

/* It begins: what it is to wait for, and how long. */
static void
wait_begins(struct stories *s, const struct moment *at, const struct process *p)
{
	struct deed deed = deed_of(s, at->ev, DEED_LIMIT);
	struct fdt_timeout limit = {LIMIT_NONE, LIMIT_NONE};

	watch_deeds(s, at, p);
	event_timeout(at->ev, &limit);
	deed.a = limit.ns < 0 ? LIMIT_NONE : limit.ns > 0 && limit.ns == s->left && limit.ns != s->limit ? LIMIT_LEFT : limit.ns;
	if (s->limit != deed.a || deed.a == LIMIT_LEFT)
		tell(&s->list[0], deed);
	s->limit = deed.a;
	s->left = at->ev->done ? limit.left : LIMIT_NONE;
}

static void
wait_ends(struct stories *s, const struct event *ev)
{
	struct deed deed = deed_of(s, ev, DEED_FAILED);
	struct fdt_timeout limit = {LIMIT_NONE, LIMIT_NONE};

	event_timeout(ev, &limit);
	deed.a = ev->error;
	if (ev->ret == 0)
		deed.kind = limit.ns == 0 ? DEED_POLLED : DEED_TIMEOUT;
	if (ev->ret == 0 || (ev->ret < 0 && !is_noise(ev->error)))
		tell(&s->list[0], deed);
}

/* ---- notes, and the end ---- */

/* "127.0.0.1:50000": the port as it lies in the session. */
static int
port_in(const struct stories *s, struct bytes words)
{
	uint32_t from = words.size, port = 0;

	while (from > 0 && words.at[from - 1] >= '0' && words.at[from - 1] <= '9')
		from--;
	for (uint32_t i = from; i < words.size && port <= UINT16_MAX; i++)
		port = port * 10 + (uint32_t)(words.at[i] - '0');
	return s->base >= 0 && from < words.size ? (int)port - s->base : INT32_MIN;
}

static bool
says(struct bytes bytes, const char *word)
{
	return bytes.size == strlen(word) && memcmp(bytes.at, word, bytes.size) == 0;
}

/* Whose story a note belongs to: the program's, a client's, its output's. */
static struct story *
story_of_note(struct stories *s, const struct event *ev)
{
	struct bytes who = event_item(ev, FDT_ITEM_WHO), verb = event_item(ev, FDT_ITEM_VERB);
	uint32_t story = 1;
	struct out text;

	if (says(verb, "prints"))
		return &s->list[story_named(s, STORY_OUTPUT, "the program's output") - 1];
	if (says(who, "session"))
		return &s->list[0];
	out_open(&text, -1);
	out_text(&text, "client ");
	out_said(&text, &s->screen, who);
	if (out_length(&text) < TEXT_MOST) {
		out_char(&text, '\0');
		story = story_named(s, STORY_CLIENT, text.start);
	}
	out_close(&text);
	return &s->list[story - 1];
}

static void
note_deed(struct stories *s, const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB), words = event_item(ev, FDT_ITEM_TEXT);
	bool connects = says(verb, "connects to");
	struct deed deed = deed_of(s, ev, says(verb, "hears") ? DEED_HEARD : says(verb, "prints") ? DEED_PRINTS : DEED_STEP);
	struct story *story;
	struct out text;

	if (says(verb, "is") || (!s->named && deed.kind != DEED_PRINTS))
		return;
	story = story_of_note(s, ev);
	for (uint32_t i = 0; deed.kind == DEED_PRINTS && i < words.size; i++)
		if (words.at[i] >= '0' && words.at[i] <= '9') /* a port, a number: said in words of its own */
			return;
	out_open(&text, -1);
	out_said(&text, &s->screen, verb);
	out_text(&text, words.size == 0 ? "" : deed.kind == DEED_PRINTS ? "  " : " ");
	out_said(&text, &s->screen, words);
	deed.turn = UINT32_MAX;
	deed.a = connects ? port_in(s, words) : 0;
	deed.b = connects ? 0 : (int64_t)hash_bytes(text.start, out_length(&text));
	deed.text = keep(s, text.start, out_length(&text) < TEXT_MOST ? out_length(&text) : TEXT_MOST);
	out_close(&text);
	tell(story, deed);
}

static void
end_deeds(struct stories *s)
{
	for (uint32_t id = 1; id <= model_lives(s->v->model); id++) {
		const struct life *life = model_life(s->v->model, id);
		struct story *story = story_of_life(s, id);
		struct deed deed = {.kind = s->whole ? DEED_OPEN : DEED_UNKNOWN, .number = life->number, .turn = UINT32_MAX, .at = UINT64_MAX};

		if (story != NULL && life->root == id && life->ending == ENDS_NOT)
			tell(story, deed);
	}
}

static void
event_begins(struct stories *s, const struct event *ev)
{
	const struct process *p = model_pid(s->v->model, ev->pid);
	struct moment at = {.model = s->v->model, .ev = ev, .pid = ev->pid};

	narrow_step(&s->v->narrow, ev);
	if (!event_is_wait(ev) && !ev->done && s->whole && ev->has_fd && story_of_life(s, ev->life) != NULL)
		tell(story_of_life(s, ev->life), deed_of(s, ev, DEED_SITS));
	if (!event_is_wait(ev) || p == NULL || p->index != 0)
		return;
	at.nwatched = model_watched(s->v->model, ev, &at.watched);
	wait_begins(s, &at, p);
}

static void
event_ends(struct stories *s, const struct event *ev, const struct effects *e)
{
	const struct process *p = model_pid(s->v->model, ev->pid);
	struct deed deed = deed_of(s, ev, DEED_ENDED);

	deed.a = ev->args[0];
	if (ev->call == FDT_CALL_note)
		note_deed(s, ev);
	else if (ev->call == FDT_CALL_ended && (p == NULL || p->index == 0))
		tell(&s->list[0], deed);
	else if (event_is_wait(ev) && p != NULL && p->index == 0)
		wait_ends(s, ev);
	else if (ev->has_fd && ev->info->shape != SHAPE_event)
		call_deed(s, ev);
	for (uint32_t i = 0; i < e->nclosed; i++)
		closed_deed(s, ev, e->closed[i]);
	for (uint32_t i = 0; i < e->nopened; i++)
		opened_deed(s, ev, e->opened[i]);
}

bool
stories_named(const struct view *v)
{
	for (uint32_t id = 1; id <= model_lives(v->model); id++)
		if (model_life(v->model, id)->client != NULL)
			return true;
	return false;
}

void
stories_read(struct stories *s, struct view *v, const struct screen *screen, bool named)
{
	struct capture_state state;
	struct effects e;
	struct event *ev;
	enum step step;

	*s = (struct stories){.v = v, .screen = *screen, .named = named, .base = -1, .limit = INT64_MIN, .left = LIMIT_NONE};
	capture_state(v->capture, &state);
	s->whole = state.missing == 0 && state.lost == 0 && !state.running;
	story_named(s, STORY_PROGRAM, "the program");
	name_lives(s);
	while ((step = timeline_next(v->timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(v->model, step, ev, &e);
		if (step == STEP_BEGIN)
			event_begins(s, ev);
		else
			event_ends(s, ev, &e);
	}
	end_deeds(s);
}

void
stories_free(struct stories *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		free(s->list[i].deeds);
	for (uint32_t i = 0; i < s->nblocks; i++)
		free(s->blocks[i]);
	free(s->blocks);
	free(s->list);
	free(s->of_life);
	map_free(&s->names);
	map_free(&s->clients);
}

/* ---- deeds, compared and in words ---- */

/* Everything but the port; INT32_MIN: nothing listens in this run, so nobody can say. */
static bool
same_place(const struct deed *a, const struct deed *b)
{
	const char *x = a->text != NULL ? strrchr(a->text, ':') : NULL, *y = b->text != NULL ? strrchr(b->text, ':') : NULL;

	if (a->a != b->a && a->a != INT32_MIN && b->a != INT32_MIN)
		return false;
	if (x == NULL || y == NULL)
		return (x == NULL) == (y == NULL);
	return x - a->text == y - b->text && memcmp(a->text, b->text, (size_t)(x - a->text)) == 0;
}

bool
deeds_same(const struct deed *a, const struct deed *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case DEED_OPENED: return a->number == b->number && a->b == b->b;
	case DEED_COPIED: return a->number == b->number;
	case DEED_FAILED: return a->call == b->call && a->a == b->a && a->number == b->number;
	case DEED_BOUND: return same_place(a, b);
	case DEED_STEP: return a->b == b->b && (a->b != 0 || same_place(a, b));
	case DEED_HEARD:
	case DEED_PRINTS: return a->b == b->b;
	case DEED_ACCEPTED: return strcmp(a->text, b->text) == 0;
	case DEED_SITS: return a->call == b->call;
	case DEED_CLOSED:
	case DEED_REUSEADDR:
	case DEED_SHUT:
	case DEED_LIMIT:
	case DEED_NOT_OPEN:
	case DEED_ENDED: return a->a == b->a;
	case DEED_MOVED: return a->a == b->a && a->b == b->b;
	default: return true;
	}
}

static void
opened_text(struct out *o, const struct stories *s, const struct story *story, const struct deed *d)
{
	if (story->kind == STORY_CONNECTION)
		out_text(o, "accepted as ");
	else
		out_text(o, d->kind == DEED_COPIED ? "copied as " : "opened as ");
	out_number(o, d->number);
	if (d->via == 0)
		return;
	out_text(o, " from ");
	out_text(o, s->list[d->via - 1].name);
}

/* Bytes since the exchange before. */
static void
moved_text(struct out *o, const struct story *story, uint32_t i)
{
	const struct deed *d = &story->deeds[i];
	int64_t in = d->a, out = d->b;

	for (uint32_t before = i; before > 0; before--)
		if (story->deeds[before - 1].kind == DEED_MOVED) {
			in -= story->deeds[before - 1].a;
			out -= story->deeds[before - 1].b;
			break;
		}
	out_number(o, in);
	out_text(o, in == 1 ? " byte in, " : " bytes in, ");
	out_number(o, out);
	out_text(o, " out");
}

static void
limit_text(struct out *o, const struct deed *d)
{
	out_text(o, call_infos[d->call].name);
	if (d->a == LIMIT_NONE) {
		out_text(o, " waits without a limit");
	} else if (d->a == 0) {
		out_text(o, " does not wait");
	} else if (d->a == LIMIT_LEFT) {
		out_text(o, " waits for what the wait before left");
	} else {
		out_text(o, " waits for ");
		out_duration(o, d->a);
		out_text(o, " at most");
	}
}

static void
closed_text(struct out *o, const struct deed *d)
{
	out_text(o, d->kind == DEED_CLOSED_COPY ? "a copy is closed, " : "closed, ");
	out_number(o, d->number);
	out_text(o, d->a == ENDS_OVER ? ": another takes its place" : d->a == ENDS_EXEC ? ": by exec"
							      : d->a == ENDS_UNSEEN		? ": unseen"
											: "");
}

static void
failed_text(struct out *o, const struct deed *d)
{
	out_text(o, call_infos[d->call].name);
	if (d->number >= 0) {
		out_char(o, ' ');
		out_number(o, d->number);
	}
	if (d->kind == DEED_SITS) {
		out_text(o, " never returns");
		return;
	}
	out_text(o, " fails: ");
	out_text(o, error_name((int)d->a));
}

static void
ended_text(struct out *o, const struct deed *d)
{
	if (WIFSIGNALED((int)d->a)) {
		out_text(o, "killed by ");
		out_text(o, signal_name(WTERMSIG((int)d->a)));
		return;
	}
	out_text(o, "ends by itself, with status ");
	out_number(o, WEXITSTATUS((int)d->a));
}

/* Those that are the same words always. */
static const char *const plain[] = {
	[DEED_LISTENS] = "listens", [DEED_WATCHED] = "in the set from here on", [DEED_FORGOTTEN] = "open, and not in the set any more",
	[DEED_EOF] = "end of file", [DEED_OPEN] = "never closed", [DEED_UNKNOWN] = "open where the capture ends",
	[DEED_TIMEOUT] = "TIMEOUT, none ready", [DEED_POLLED] = "looks and does not wait: none ready",
};

static void
both_texts(struct out *o, const char *first, const char *second)
{
	out_text(o, first);
	out_text(o, second);
}

void
deed_text(struct out *o, const struct stories *s, const struct story *story, uint32_t i)
{
	const struct deed *d = &story->deeds[i];

	switch (d->kind) {
	case DEED_OPENED:
	case DEED_COPIED: opened_text(o, s, story, d); break;
	case DEED_REUSEADDR: out_text(o, d->a ? "SO_REUSEADDR on" : "SO_REUSEADDR off"); break;
	case DEED_BOUND: both_texts(o, "bound to ", d->text); break;
	case DEED_MOVED: moved_text(o, story, i); break;
	case DEED_SHUT:
		out_text(o, "shutdown ");
		out_word(o, "shut", d->a, 0);
		break;
	case DEED_FAILED:
	case DEED_SITS: failed_text(o, d); break;
	case DEED_CLOSED:
	case DEED_CLOSED_COPY: closed_text(o, d); break;
	case DEED_STEP:
	case DEED_HEARD:
	case DEED_PRINTS: out_text(o, d->text); break;
	case DEED_LIMIT: limit_text(o, d); break;
	case DEED_NOT_OPEN:
		out_number(o, d->a);
		out_text(o, " is in the set, and not open");
		break;
	case DEED_ACCEPTED: both_texts(o, "accepts ", d->text); break;
	case DEED_ENDED: ended_text(o, d); break;
	default: out_text(o, plain[d->kind]); break;
	}
	if (d->times > 1) {
		out_text(o, ", x");
		out_number(o, d->times);
	}
}

const char *
deed_where(struct stories *s, const struct deed *d)
{
	struct event module;
	uint32_t image;

	if (s->v->o.no_where || d->where == 0)
		return "";
	while (s->v->modules < model_modules(s->v->model))
		if (model_module(s->v->model, s->v->modules++, &image, &module))
			where_module(s->v->where, image, &module);
	return where_line(s->v->where, d->image, d->where);
}
