/* trace/views/html_events.c: the events of a page: for each a kind (call, thread, error, source line, shapes of its sentences), and
 * the numbers that differ from event to event.
 */
#include "reader/turns.h"
#include "rules/rules.h"
#include "views/call.h"
#include "views/html_page.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024, GROUP = 64, DATA_MOST = 64, FINDINGS_MOST = 1000 };

/* What many events have in common. trace/player/data.js has the same order. */
struct event_kind {
	uint32_t call, thread, process, error, flags, fault, where, sentence, text, result, who, verb;
};
enum { KIND_FIELDS = sizeof(struct event_kind) / sizeof(uint32_t) };
enum { EVENT_DONE = 1, EVENT_NO_FD = 2, EVENT_CUT = 4, EVENT_NONBLOCK = 8, EVENT_WAIT = 16, EVENT_DATA = 32, EVENT_MORE_DATA = 64,
	EVENT_SKIPPED = 128 };

struct turn_text {
	uint64_t event;
	uint32_t number, shape;
	size_t start, end; /* in `numbers` */
};

struct reading {
	struct page *p;
	struct out text, given, numbers; /* a sentence; watched_words(); the numbers of the turns' sentences */
	struct turns *turns;
	struct check *check;
	struct turn_text *told;
	uint32_t ntold, told_room;
	struct watched *watched; /* by number, each once */
	uint32_t nwatched, watched_room;
	struct watched *last_set; /* the newest entry of the table of sets */
	uint32_t nlast, last_room;
	int64_t last_nfds;
	struct map sets_by_hash;
	struct table ready;
	struct out set_group;
	int64_t *last_end; /* of each thread */
	uint32_t nends, ends_room;
	uint64_t last_note;
	int64_t last_timeout;
};

/* ---- sentences ---- */

/* What a wait's sentence calls what it was given: the page writes that from the set. Other words than these cost space, no more. */
static void
watched_words(struct reading *r)
{
	out_reset(&r->given);
	for (uint32_t i = 0; i < r->nwatched && i < 16; i++) {
		out_char(&r->given, ' ');
		out_fd(&r->given, model_life(r->p->v.model, r->watched[i].life), r->watched[i].number);
	}
	if (r->nwatched > 16) {
		out_text(&r->given, " and ");
		out_number(&r->given, (int64_t)r->nwatched - 16);
		out_text(&r->given, " more");
	}
}

static void
sentences(struct reading *r, const struct event *ev, const struct effects *fx, int64_t data, struct event_kind *k)
{
	struct model *m = r->p->v.model;
	const struct life *life = model_life(m, ev->life);
	struct packer packer = {.shapes = &r->p->shapes, .strings = &r->p->strings, .numbers = &r->p->numbers, .data = data,
		.known = {ev->has_fd ? ev->fd : -1, life != NULL ? (int64_t)life->ordinal : -1, ev->done ? ev->ret : -1}};

	if (k->flags & EVENT_WAIT) {
		watched_words(r);
		packer.watched = &r->given;
	}
	out_reset(&r->text);
	event_sentence(&r->text, m, ev, fx);
	k->sentence = pack_sentence(&packer, &r->text);
	if (k->flags & EVENT_WAIT || ev->call == FDT_CALL_note)
		return; /* the page writes these itself, from the sets and the note */
	out_reset(&r->text);
	out_call(&r->text, m, ev);
	k->text = pack_sentence(&packer, &r->text);
	out_reset(&r->text);
	out_result(&r->text, m, ev, fx);
	k->result = pack_sentence(&packer, &r->text);
}

/* ---- waits ---- */

static int
by_number(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* The descriptors of a wait in the order of their numbers; poll(2) may name one twice. */
static void
take_watched(struct reading *r, const struct event *ev)
{
	const struct watched *list;
	int n = model_watched(r->p->v.model, ev, &list);
	bool sorted = true;
	uint32_t kept = 0;

	r->nwatched = 0;
	for (int i = 0; i < n; i++) {
		r->watched = grow(r->watched, r->nwatched, &r->watched_room, sizeof *r->watched);
		r->watched[r->nwatched++] = list[i];
		sorted = sorted && (i == 0 || list[i].number > list[i - 1].number);
	}
	if (sorted)
		return;
	qsort(r->watched, r->nwatched, sizeof *r->watched, by_number);
	for (uint32_t i = 0; i < r->nwatched; i++) {
		if (kept > 0 && r->watched[kept - 1].number == r->watched[i].number) {
			r->watched[kept - 1].wanted |= r->watched[i].wanted;
			r->watched[kept - 1].ready |= r->watched[i].ready;
		} else {
			r->watched[kept++] = r->watched[i];
		}
	}
	r->nwatched = kept;
}

static bool
same_set(const struct reading *r, int64_t nfds)
{
	if (r->nlast != r->nwatched || r->last_nfds != nfds || r->p->nsets == 0)
		return false;
	for (uint32_t i = 0; i < r->nlast; i++)
		if (r->last_set[i].number != r->watched[i].number || r->last_set[i].life != r->watched[i].life ||
		    r->last_set[i].wanted != r->watched[i].wanted)
			return false;
	return true;
}

static uint64_t
set_hash(const struct reading *r, int64_t nfds)
{
	uint64_t hash = hash_bytes(&nfds, sizeof nfds);

	for (uint32_t i = 0; i < r->nwatched; i++) {
		const struct watched *w = &r->watched[i];
		uint64_t part[] = {hash, (uint64_t)(uint32_t)w->number << 8 | w->wanted, w->life};

		hash = hash_bytes(part, sizeof part);
	}
	return hash;
}

/* The group of 64 entries is full: it becomes one string. */
static void
end_group(struct out *json, struct out *group)
{
	if (out_length(group) == 0)
		return;
	if (out_length(json) > 0)
		out_char(json, ',');
	html_json(json, group->start, out_length(group));
	out_reset(group);
}

/* What is different from the entry before: for each number the distance to the last one, and 0 when it is gone, else its life and
 * what is wanted, + 1. */
static uint32_t
set_changes(struct reading *r, struct out *o)
{
	uint32_t i = 0, k = 0, n = 0;
	int32_t last = 0;

	while (i < r->nlast || k < r->nwatched) {
		const struct watched *was = i < r->nlast ? &r->last_set[i] : NULL, *is = k < r->nwatched ? &r->watched[k] : NULL;
		bool gone = was != NULL && (is == NULL || was->number < is->number);
		bool same = !gone && was != NULL && was->number == is->number;
		int32_t number = gone ? was->number : is->number;

		i += gone || same;
		k += !gone;
		if (same && was->life == is->life && was->wanted == is->wanted)
			continue;
		pack_signed(o, number - last);
		pack(o, gone ? 0 : ((uint64_t)page_life(r->p, is->life) << 3 | (is->wanted & 7)) + 1);
		last = number;
		n++;
	}
	return n;
}

static uint32_t
new_set(struct reading *r, int64_t nfds)
{
	struct page *p = r->p;
	struct out *o = &r->text;
	uint32_t n;

	if (p->nsets % GROUP == 0) {
		end_group(&p->sets, &r->set_group);
		r->nlast = 0;
	}
	out_reset(o);
	n = set_changes(r, o);
	pack_signed(&r->set_group, nfds);
	pack(&r->set_group, n);
	out_copy(&r->set_group, o->start, out_length(o));
	r->nlast = 0;
	for (uint32_t i = 0; i < r->nwatched; i++) {
		r->last_set = grow(r->last_set, r->nlast, &r->last_room, sizeof *r->last_set);
		r->last_set[r->nlast++] = r->watched[i];
	}
	r->last_nfds = nfds;
	return p->nsets++;
}

static uint32_t
set_of(struct reading *r, int64_t nfds)
{
	uint64_t hash;
	uint32_t place;

	if (same_set(r, nfds))
		return r->p->nsets - 1;
	hash = set_hash(r, nfds);
	place = map_get(&r->sets_by_hash, hash);
	if (place != 0)
		return place - 1;
	place = new_set(r, nfds);
	map_put(&r->sets_by_hash, hash, place + 1);
	return place;
}

/* What came back: how many, and for each the distance to the last number and what it is ready for. */
static uint32_t
ready_of(struct reading *r)
{
	struct out *o = &r->text;
	uint32_t n = 0;
	int32_t last = 0;

	out_reset(o);
	for (uint32_t i = 0; i < r->nwatched; i++)
		n += r->watched[i].ready != 0;
	pack(o, n);
	for (uint32_t i = 0; i < r->nwatched; i++) {
		if (r->watched[i].ready == 0)
			continue;
		pack_signed(o, r->watched[i].number - last);
		pack(o, r->watched[i].ready);
		last = r->watched[i].number;
	}
	return table_put(&r->ready, o->start, out_length(o));
}

static void
wait_event(struct reading *r, const struct event *ev)
{
	struct page *p = r->p;
	struct fdt_timeout t = {-1, -1};
	int64_t nfds = ev->has_fd ? ev->fd : ev->args[0]; /* the first argument, whatever it is: see wait_arguments() in call.c */

	take_watched(r, ev);
	event_timeout(ev, &t);
	pack(&p->wait_set, set_of(r, nfds));
	pack(&p->wait_ready, ready_of(r));
	pack_signed(&p->wait_timeout, t.ns - r->last_timeout);
	pack(&p->wait_left, t.left < 0 || t.left > t.ns ? 0 : (uint64_t)(t.ns - t.left) + 1);
	r->last_timeout = t.ns;
	p->nwaits++;
}

/* ---- notes and bytes ---- */

static void
note_event(struct reading *r, const struct event *ev, struct event_kind *k)
{
	struct page *p = r->p;
	uint32_t text = page_bytes(p, event_item(ev, FDT_ITEM_TEXT), 4096);

	k->who = page_bytes(p, event_item(ev, FDT_ITEM_WHO), 256);
	k->verb = page_bytes(p, event_item(ev, FDT_ITEM_VERB), 256);
	pack(&p->note_event, ev->seq - p->from - r->last_note);
	pack(&p->note_who, k->who);
	pack(&p->note_verb, k->verb);
	pack(&p->note_text, text);
	r->last_note = ev->seq - p->from;
	p->nnotes++;
}

/* ---- events ---- */

static uint32_t
flags_of(const struct page *p, const struct event *ev)
{
	uint32_t flags = ev->done ? EVENT_DONE : 0;

	flags |= ev->has_fd ? 0 : EVENT_NO_FD;
	flags |= ev->flags & FDT_EV_CUT ? EVENT_CUT : 0;
	flags |= ev->flags & FDT_EV_NONBLOCK ? EVENT_NONBLOCK : 0;
	flags |= event_is_wait(ev) ? EVENT_WAIT : 0;
	flags |= model_skipped(p->v.model, ev) ? EVENT_SKIPPED : 0;
	return flags;
}

static void
put_kind(struct page *p, const struct event_kind *k)
{
	pack(&p->kind, table_put(&p->kinds, k, sizeof *k));
}

/* The first bytes that moved: their number comes before those of the sentences. */
static int64_t
moved_bytes(struct page *p, const struct event *ev, struct event_kind *k)
{
	struct bytes data = event_item(ev, FDT_ITEM_DATA);
	uint32_t id;

	if (data.at == NULL || ev->ret <= 0 || ev->info->shape == SHAPE_getopt || ev->info->shape == SHAPE_setopt)
		return -1;
	k->flags |= EVENT_DATA;
	if (ev->ret > (int64_t)data.size || data.size > DATA_MOST)
		k->flags |= EVENT_MORE_DATA;
	id = page_bytes(p, data, DATA_MOST);
	pack(&p->numbers, id);
	return id;
}

/* A call's begin, told from the end of the call before in the same thread: mostly a small number. */
static int64_t
since_last(struct reading *r, const struct event *ev)
{
	int64_t before;

	while (r->nends <= ev->thread) {
		r->last_end = grow(r->last_end, r->nends, &r->ends_room, sizeof *r->last_end);
		r->last_end[r->nends++] = 0;
	}
	before = r->last_end[ev->thread];
	r->last_end[ev->thread] = ev->done ? ev->end : ev->begin;
	return ev->begin - before;
}

static uint32_t
where_of(struct page *p, const struct event *ev, const struct process *process)
{
	const char *line = view_where(&p->v, ev);

	if (p->sources != NULL && process != NULL && line[0] != '\0')
		sources_see(p->sources, ev, process->image, line);
	return page_string(p, line);
}

static void
one_event(struct reading *r, const struct event *ev, const struct effects *fx)
{
	struct page *p = r->p;
	const struct process *process = model_pid(p->v.model, ev->pid);
	struct event_kind k = {.call = ev->call, .thread = ev->thread, .process = process != NULL ? process->index + 1 : 0, .error = ev->error,
		.flags = flags_of(p, ev), .fault = ev->fault};

	if (p->nevents % BLOCK == 0) {
		if (p->nevents > 0)
			out_char(&p->number_places, ',');
		out_number(&p->number_places, (int64_t)out_length(&p->numbers));
	}
	p->calls_used[ev->call]++;
	k.where = where_of(p, ev, process);
	if (k.flags & EVENT_WAIT)
		wait_event(r, ev);
	if (ev->call == FDT_CALL_note)
		note_event(r, ev, &k);
	sentences(r, ev, fx, moved_bytes(p, ev, &k), &k);
	put_kind(p, &k);
	pack_signed(&p->begin, since_last(r, ev));
	pack(&p->spent, ev->done ? (uint64_t)(ev->end - ev->begin) : 0);
	pack_signed(&p->ret, ev->done ? ev->ret : 0);
	p->nevents++;
}

/* ---- turns ---- */

static void
told_turn(struct reading *r, const struct turn *t)
{
	struct packer packer = {.shapes = &r->p->shapes, .strings = &r->p->strings, .numbers = &r->numbers, .data = -1, .known = {-1, -1, -1}};
	struct turn_text text = {.event = t->first, .number = t->number, .start = out_length(&r->numbers)};

	if (t->call == 0 || t->first < r->p->from || t->first > r->p->to)
		return;
	out_reset(&r->text);
	turn_sentence(&r->text, r->p->v.model, t);
	text.shape = pack_sentence(&packer, &r->text);
	text.end = out_length(&r->numbers);
	r->told = grow(r->told, r->ntold, &r->told_room, sizeof *r->told);
	r->told[r->ntold++] = text;
}

static int
by_event(const void *a, const void *b)
{
	const struct turn_text *x = a, *y = b;

	return x->event < y->event ? -1 : x->event > y->event;
}

static void
write_turns(struct reading *r)
{
	struct page *p = r->p;
	uint64_t last = p->from;

	if (r->ntold > 1)
		qsort(r->told, r->ntold, sizeof *r->told, by_event);
	for (uint32_t i = 0; i < r->ntold; i++) {
		const struct turn_text *t = &r->told[i];

		if (i % BLOCK == 0) {
			if (i > 0)
				out_char(&p->turn_places, ',');
			out_number(&p->turn_places, (int64_t)out_length(&p->turn_numbers));
		}
		pack(&p->turn_event, t->event - last);
		pack(&p->turn_number, t->number);
		pack(&p->turn_shape, t->shape);
		out_copy(&p->turn_numbers, r->numbers.start + t->start, t->end - t->start);
		last = t->event;
	}
	p->nturns = r->ntold;
}

/* ---- the whole ---- */

/* What the rules say is right only when they have seen all: so the whole run is read, whatever part of it is shown. */
static void
read_all(struct reading *r)
{
	struct model *m = r->p->v.model;
	struct effects fx;
	const struct turn *turn;
	struct event *ev;
	enum step step;

	while ((step = timeline_next(r->p->v.timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(m, step, ev, &fx);
		check_step(r->check, step, ev, &fx);
		turn = turns_step(r->turns, step, ev, &fx);
		if (turn != NULL)
			told_turn(r, turn);
		if (step != STEP_BEGIN || ev->seq < r->p->from || ev->seq > r->p->to)
			continue;
		model_effects(m, ev, &fx);
		one_event(r, ev, &fx);
	}
	for (uint32_t i = 1; i <= timeline_threads(r->p->v.timeline); i++)
		if ((turn = turns_current(r->turns, i)) != NULL)
			told_turn(r, turn);
}

/* ,"key":"text", with the places in the text as source lines. */
static void
finding_member(struct reading *r, const char *key, const char *text)
{
	struct out *o = &r->p->findings;

	out_reset(&r->text);
	if (text != NULL)
		finding_text(&r->text, r->p->v.where, text);
	out_text(o, ",\"");
	out_text(o, key);
	out_text(o, "\":");
	html_json(o, r->text.start, out_length(&r->text));
}

static void
write_findings(struct reading *r)
{
	struct out *o = &r->p->findings;
	const struct finding *f;

	check_over(r->check);
	check_modules(r->p->v.model, r->p->v.where, &r->p->v.modules);
	for (int i = 0; (f = check_finding(r->check, i)) != NULL && i < FINDINGS_MOST; i++) {
		out_text(o, i == 0 ? "{\"rule\":\"" : ",\n{\"rule\":\"");
		out_text(o, f->rule->id);
		out_text(o, "\",\"severity\":\"");
		out_text(o, severity_names[f->severity]);
		out_text(o, "\",\"event\":");
		out_number(o, (int64_t)f->at.seq);
		out_text(o, ",\"life\":");
		out_number(o, f->life < r->p->known_lives ? r->p->life_place[f->life] : 0);
		finding_member(r, "text", f->message);
		finding_member(r, "advice", f->advice);
		out_char(o, '}');
	}
}

static void
write_ready(struct reading *r)
{
	struct out group;
	size_t size;

	out_open(&group, -1);
	for (uint32_t i = 0; i < r->ready.count; i++) {
		const char *entry = table_get(&r->ready, i, &size);

		if (i % GROUP == 0)
			end_group(&r->p->ready, &group);
		out_copy(&group, entry, size);
	}
	end_group(&r->p->ready, &group);
	out_close(&group);
	r->p->nready = r->ready.count;
}

void
page_events(struct page *p)
{
	struct reading r = {.p = p};

	table_put(&p->shapes, "", 0);
	table_open(&r.ready);
	out_open(&r.text, -1);
	out_open(&r.numbers, -1);
	out_open(&r.given, -1);
	out_open(&r.set_group, -1);
	r.turns = turns_open(p->v.model);
	r.check = check_open(p->v.model, &(struct check_options){0});
	read_all(&r);
	write_findings(&r);
	end_group(&p->sets, &r.set_group);
	write_ready(&r);
	write_turns(&r);
	turns_close(r.turns);
	check_close(r.check);
	table_close(&r.ready);
	out_close(&r.text);
	out_close(&r.numbers);
	out_close(&r.given);
	out_close(&r.set_group);
	map_free(&r.sets_by_hash);
	free(r.told);
	free(r.watched);
	free(r.last_set);
	free(r.last_end);
}
