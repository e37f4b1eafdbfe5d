/* trace/rules/engine.c: asks the rules, step by step, and keeps what they find. */
#include "rules/engine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	SAME_KEPT = 16, /* findings of one rule at one place that are kept with their message; the others are counted */
	PLACES = 1024,  /* places with findings; more than that is said and not listed */
	EARLY_MOST = 64, /* early findings that wait to be shown */
	EARLY_EVERY = 1000000000,
	LISTS = 64, /* rules that one class of calls may have */
};

const char *const severity_names[] = {"note", "risk", "bug"};

/* A finding while it is being made. */
struct made {
	struct finding f; /* the first member: a struct finding * is a struct made * */
	struct out message, advice;
	bool advised;
};

/* All that one rule found at one place. */
struct place {
	const struct rule *rule;
	uint64_t where, key;
	uint32_t image;
	uint64_t times, last;
	struct finding *first, **end;
	uint32_t kept;
};

struct findings {
	struct place *places;
	uint32_t nplaces, room;
	struct map by_place;
	uint64_t beyond; /* places that were not kept */
	const struct finding **shown;
	int nshown;
	struct made *early[EARLY_MOST];
	int nearly, early_at;
	struct told {
		const struct rule *rule;
		uint64_t where;
		uint32_t image;
	} told[EARLY_MOST]; /* the last early findings that were shown */
	int ntold;
	int64_t *early_last; /* for each rule: when it last said something */
	uint8_t begin[FDT_CALLS][LISTS], end[FDT_CALLS][LISTS], failed[LISTS], births[LISTS],
		deaths[LISTS]; /* 1 + index; 0 ends */
};

/* ---- open and close ---- */

static void
enlist(uint8_t list[LISTS], int rule)
{
	int n = 0;

	while (n < LISTS - 1 && list[n] != 0)
		n++;
	if (n < LISTS - 1)
		list[n] = (uint8_t)(rule + 1);
}

static void
enlist_all(struct findings *all)
{
	for (unsigned call = 0; call < FDT_CALLS; call++) {
		unsigned class = class_of(call);

		for (int i = 0; class != 0 && i < rule_count; i++) {
			if (rules[i]->begin & class)
				enlist(all->begin[call], i);
			if (rules[i]->end & class)
				enlist(all->end[call], i);
		}
	}
	for (int i = 0; i < rule_count; i++) {
		if (rules[i]->end & CALLS_FAILED)
			enlist(all->failed, i);
		if (rules[i]->end & CALLS_BIRTH)
			enlist(all->births, i);
		if (rules[i]->end & CALLS_DEATH)
			enlist(all->deaths, i);
	}
}

struct check *
check_open(struct model *m, const struct check_options *o)
{
	struct check *c = more(NULL, 1, sizeof *c);

	memset(c, 0, sizeof *c);
	c->model = m;
	c->o = *o;
	c->tables = more(NULL, (size_t)rule_count * TABLES, sizeof *c->tables);
	memset(c->tables, 0, (size_t)rule_count * TABLES * sizeof *c->tables);
	c->found = more(NULL, 1, sizeof *c->found);
	memset(c->found, 0, sizeof *c->found);
	c->found->early_last = more(NULL, (size_t)rule_count, sizeof *c->found->early_last);
	for (int i = 0; i < rule_count; i++)
		c->found->early_last[i] = INT64_MIN / 2;
	enlist_all(c->found);
	return c;
}

static void
drop(struct made *made)
{
	out_close(&made->message);
	out_close(&made->advice);
	free(made);
}

void
check_close(struct check *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->found->nplaces; i++)
		for (struct finding *f = c->found->places[i].first, *next; f != NULL; f = next) {
			next = f->next;
			drop((struct made *)f);
		}
	for (int i = 0; i < c->found->nearly; i++)
		drop(c->found->early[i]);
	for (int i = 0; i < rule_count * TABLES; i++)
		free(c->tables[i].list);
	map_free(&c->found->by_place);
	free(c->found->places);
	free(c->found->shown);
	free(c->found->early_last);
	free(c->found);
	free(c->tables);
	facts_close(c);
	free(c);
}

/* ---- a step ---- */

static void
ask(struct check *c, const uint8_t list[LISTS], unsigned also)
{
	for (int n = 0; list[n] != 0; n++) {
		const struct rule *r = rules[list[n] - 1];

		if (also != 0 && (r->end & c->class) != 0)
			continue; /* it was asked already */
		c->rule = r;
		c->rule_index = list[n] - 1;
		r->on(c);
	}
}

void
check_step(struct check *c, enum step step, struct event *ev, const struct effects *effects)
{
	const struct findings *all = c->found;

	c->step = step;
	c->ev = ev;
	c->effects = effects;
	c->time = step == STEP_BEGIN ? ev->begin : ev->end;
	facts_begin(c);
	if (step == STEP_BEGIN) {
		c->nevents++;
		ask(c, all->begin[ev->call], 0);
	} else {
		ask(c, all->end[ev->call], 0);
		if (ev->error != 0)
			ask(c, all->failed, CALLS_FAILED);
		if (effects->nopened > 0)
			ask(c, all->births, CALLS_BIRTH);
		if (effects->nclosed > 0)
			ask(c, all->deaths, CALLS_DEATH);
	}
	facts_step(c);
}

uint64_t
check_events(const struct check *c)
{
	return c->nevents;
}

uint64_t
check_beyond(const struct check *c)
{
	return c->found->beyond;
}

void *
own(struct check *c, int table, uint32_t id, size_t size)
{
	return table_at(&c->tables[c->rule_index * TABLES + table], id, size);
}

uint32_t
own_room(const struct check *c, int table)
{
	return table_room(&c->tables[c->rule_index * TABLES + table]);
}

/* ---- what was found ---- */

static struct place *
place_of(struct check *c, const struct site *at)
{
	struct findings *all = c->found;
	uint64_t parts[4] = {(uint64_t)c->rule_index, at->where, at->image, c->key},
		 key = hash_bytes(parts, sizeof parts);
	uint32_t n;

	while ((n = map_get(&all->by_place, key)) != 0) {
		struct place *p = &all->places[n - 1];

		if (p->rule == c->rule && p->where == at->where && p->image == at->image && p->key == c->key)
			return p;
		key++;
	}
	if (all->nplaces == PLACES) {
		all->beyond++;
		return NULL;
	}
	all->places = grow(all->places, all->nplaces, &all->room, sizeof *all->places);
	all->places[all->nplaces++] =
		(struct place){.rule = c->rule, .where = at->where, .key = c->key, .image = at->image};
	map_put(&all->by_place, key, all->nplaces);
	return &all->places[all->nplaces - 1];
}

static struct made *
make(struct check *c, struct site at, const struct life *life)
{
	struct made *made = more(NULL, 1, sizeof *made);

	memset(made, 0, sizeof *made);
	out_open(&made->message, -1);
	out_open(&made->advice, -1);
	made->f =
		(struct finding){.rule = c->rule, .severity = c->rule->severity, .at = at, .times = 1, .last = at.seq};
	if (life != NULL) {
		made->f.life = life->id;
		made->f.opened = facts_of(c, life->root != 0 ? life->root : life->id)->born;
	}
	return made;
}

struct finding *
found(struct check *c, struct site at, const struct life *life)
{
	struct place *p = place_of(c, &at);
	struct made *made;

	if (p == NULL)
		return NULL;
	p->times++;
	p->last = at.seq > p->last ? at.seq : p->last;
	if (p->kept == SAME_KEPT)
		return NULL;
	made = make(c, at, life);
	if (p->end == NULL || p->first == NULL)
		p->first = &made->f;
	else
		*p->end = &made->f;
	p->end = &made->f.next;
	p->kept++;
	return &made->f;
}

struct finding *
found_here(struct check *c, const struct life *life)
{
	return found(c, site_of(c, c->ev), life);
}

struct finding *
found_early(struct check *c, struct site at, const struct life *life, int64_t now)
{
	struct findings *all = c->found;
	int64_t *last = &all->early_last[c->rule_index];

	if (!c->o.live || all->nearly == EARLY_MOST || now - *last < EARLY_EVERY)
		return NULL;
	*last = now;
	all->early[all->nearly] = make(c, at, life);
	return &all->early[all->nearly++]->f;
}

/* ---- saying it ---- */

/* A place in a text: where it is in the source is known when it is shown. */
static void
say_place(struct out *o, const struct site *s)
{
	out_char(o, '\1');
	out_hex(o, s->image);
	out_char(o, ',');
	out_hex(o, s->where);
	out_char(o, ',');
	out_number(o, (int64_t)s->seq);
	out_char(o, '\2');
}

static void
say_life(struct out *o, const struct life *life)
{
	if (life == NULL) {
		out_text(o, "?");
		return;
	}
	out_life(o, life);
	if (life->client == NULL && life->peer.family == 0 && life->local.family == 0 && life->path == NULL)
		return;
	out_text(o, " (");
	if (life->client != NULL) {
		out_text(o, life->client);
		out_text(o, life->peer.family != 0 ? ", " : "");
	}
	if (life->path != NULL) {
		out_text(o, life->path);
	} else if (life->listens) {
		out_text(o, "listening on ");
		out_address(o, &life->local);
	} else if (life->peer.family != 0 && !(life->peer.path != NULL && life->peer.path[0] == '\0')) {
		out_address(o, &life->peer);
	} else if (life->local.family != 0) {
		out_address(o, &life->local);
	}
	out_char(o, ')');
}

static void
say_one(struct out *o, char kind, va_list *ap)
{
	switch (kind) {
	case 's': out_text(o, va_arg(*ap, const char *)); break;
	case 'n': out_number(o, va_arg(*ap, int64_t)); break;
	case 't': out_duration(o, va_arg(*ap, int64_t)); break;
	case 'e': out_text(o, error_name(va_arg(*ap, int))); break;
	case 'c': out_text(o, call_infos[va_arg(*ap, unsigned)].name); break;
	case 'l': out_life(o, va_arg(*ap, const struct life *)); break;
	case 'L': say_life(o, va_arg(*ap, const struct life *)); break;
	case 'p': say_place(o, va_arg(*ap, const struct site *)); break;
	default: out_char(o, kind); break;
	}
}

static void
say_all(struct out *o, const char *format, va_list ap)
{
	va_list copy;

	va_copy(copy, ap);
	for (; *format != '\0'; format++) {
		if (*format != '%')
			out_char(o, *format);
		else
			say_one(o, *++format, &copy);
	}
	va_end(copy);
}

void
say(struct finding *f, const struct check *c, const char *format, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, format);
	say_all(&((struct made *)f)->message, format, ap);
	va_end(ap);
}

void
advise(struct finding *f, const struct check *c, const char *format, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, format);
	((struct made *)f)->advised = true;
	say_all(&((struct made *)f)->advice, format, ap);
	va_end(ap);
}

void
say_opened(struct finding *f, const struct check *c, const struct life *life)
{
	if (life == NULL || f->opened.seq == 0)
		return;
	say(f, c, " %l was %s at %p.", life,
		life->accepted                  ? "accepted"
		: life->origin == BORN_RECEIVED ? "received"
		: life->origin == BORN_FOUND    ? "seen first"
						: "opened",
		&f->opened);
}

static void
finish(struct made *made)
{
	out_char(&made->message, '\0');
	out_char(&made->advice, '\0');
	made->f.message = made->message.start;
	made->f.advice = made->advised ? made->advice.start : made->f.rule->advice;
}

/* Was the deeper rule heard about this line? */
static bool
told_deeper(const struct findings *all, const struct finding *f)
{
	for (const struct precedence *o = precedences; o->speaks != NULL; o++)
		for (int i = 0; i < EARLY_MOST && i < all->ntold && strcmp(o->silent, f->rule->id) == 0; i++)
			if (o->same & SAME_LINE && strcmp(o->speaks, all->told[i].rule->id) == 0 &&
				all->told[i].where == f->at.where && all->told[i].image == f->at.image)
				return true;
	return false;
}

static void
look_now(struct check *c, int64_t now)
{
	for (int i = 0; i < c->found->nearly; i++)
		drop(c->found->early[i]);
	c->found->nearly = c->found->early_at = 0;
	c->step = STEP_IDLE;
	for (int i = 0; i < rule_count; i++) {
		c->rule = rules[i];
		c->rule_index = i;
		if (c->rule->now != NULL)
			c->rule->now(c, now);
	}
}

const struct finding *
check_early(struct check *c, int64_t now)
{
	struct findings *all = c->found;

	if (all->early_at == all->nearly)
		look_now(c, now);
	while (all->early_at < all->nearly) {
		struct made *made = all->early[all->early_at++];

		if (told_deeper(all, &made->f))
			continue;
		finish(made);
		all->told[all->ntold++ % EARLY_MOST] = (struct told){made->f.rule, made->f.at.where, made->f.at.image};
		return &made->f;
	}
	return NULL;
}

/* ---- the end ---- */

/* Where two rules see one cause, the first speaks and the second is silent. */
static void
silence(struct findings *all, const struct precedence *order)
{
	for (uint32_t i = 0; i < all->nplaces; i++) {
		if (strcmp(all->places[i].rule->id, order->silent) != 0)
			continue;
		for (struct finding *f = all->places[i].first; f != NULL; f = f->next)
			for (uint32_t k = 0; k < all->nplaces && !f->silent; k++) {
				if (strcmp(all->places[k].rule->id, order->speaks) != 0)
					continue;
				for (const struct finding *g = all->places[k].first; g != NULL && !f->silent;
					g = g->next)
					f->silent = !g->silent &&
						    ((order->same & SAME_LIFE && f->life != 0 && f->life == g->life) ||
							    (order->same & SAME_LINE && f->at.where == g->at.where &&
								    f->at.image == g->at.image) ||
							    (order->same & SAME_EVENT && f->at.seq == g->at.seq));
			}
	}
}

static int
by_event(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a, *y = *(const struct finding *const *)b;

	if (x->severity != y->severity)
		return x->severity > y->severity ? -1 : 1;
	if (x->at.seq != y->at.seq)
		return x->at.seq < y->at.seq ? -1 : 1;
	return strcmp(x->rule->id, y->rule->id);
}

/* One for each place: the first that was not silenced stands for all of them. */
static void
show(struct findings *all, struct place *p)
{
	struct finding *first = NULL;
	uint64_t silent = 0;

	for (struct finding *f = p->first; f != NULL; f = f->next) {
		silent += f->silent;
		if (first == NULL && !f->silent)
			first = f;
		else if (first != NULL && !f->silent && f->severity > first->severity)
			first->severity = f->severity;
	}
	if (first == NULL)
		return;
	first->times = p->times - silent;
	first->last = p->last;
	finish((struct made *)first);
	all->shown[all->nshown++] = first;
}

void
check_over(struct check *c)
{
	struct findings *all = c->found;

	c->step = STEP_OVER;
	c->ev = NULL;
	for (int i = 0; i < rule_count; i++) {
		c->rule = rules[i];
		c->rule_index = i;
		if (c->rule->over != NULL)
			c->rule->over(c);
	}
	for (const struct precedence *o = precedences; o->speaks != NULL; o++)
		silence(all, o);
	all->shown = more(NULL, all->nplaces + 1, sizeof *all->shown);
	for (uint32_t i = 0; i < all->nplaces; i++)
		show(all, &all->places[i]);
	qsort(all->shown, (size_t)all->nshown, sizeof *all->shown, by_event);
}

const struct finding *
check_finding(const struct check *c, int i)
{
	return i < c->found->nshown ? c->found->shown[i] : NULL;
}

/* ---- showing it ---- */

void
check_modules(const struct model *m, struct where *w, uint32_t *known)
{
	struct event module;
	uint32_t image;

	while (*known < model_modules(m))
		if (model_module(m, (*known)++, &image, &module))
			where_module(w, image, &module);
}

const char *
site_line(struct where *w, const struct site *s)
{
	return where_line(w, s->image, s->where);
}

void
finding_text(struct out *o, struct where *w, const char *text)
{
	for (; *text != '\0'; text++) {
		struct site s = {0};
		const char *line;
		char *end;

		if (*text != '\1') {
			out_char(o, *text);
			continue;
		}
		s.image = (uint32_t)strtoul(text + 1, &end, 16);
		s.where = strtoull(end + 1, &end, 16);
		s.seq = strtoull(end + 1, &end, 10);
		text = end; /* at the \2 */
		line = site_line(w, &s);
		out_text(o, line);
		out_text(o, line[0] != '\0' ? " (event " : "event ");
		out_number(o, (int64_t)s.seq);
		out_text(o, line[0] != '\0' ? ")" : "");
	}
}
