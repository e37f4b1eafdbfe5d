/* trace/views/narrow.c: see narrow.h. */
#include "views/narrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT_OF_OTHER = 1, CLIENT_OF_ASKED = 2 };

/* ---- the options ---- */

void
narrow_all(struct narrow_options *o)
{
	*o = (struct narrow_options){.until = INT64_MAX, .last_turn = UINT32_MAX};
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number of at most nine digits; *word goes behind it. */
static bool
read_number(const char **word, uint64_t most, uint64_t *number)
{
	const char *p = *word;

	*number = 0;
	for (; is_digit(*p) && p - *word < 10; p++)
		*number = *number * 10 + (uint64_t)(*p - '0');
	if (p == *word || is_digit(*p) || *number > most)
		return false;
	*word = p;
	return true;
}

static const struct unit {
	const char *name;
	int64_t ns;
} units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};

/* "1.5", "300ms", "2m05s": seconds, or as views print spans of time. */
static bool
read_time(const char *word, int64_t *ns)
{
	*ns = 0;
	do {
		int64_t scale = 1000000000, part;
		const char *fraction = NULL;
		uint64_t whole;

		if (!read_number(&word, 999999999, &whole))
			return false;
		if (*word == '.') {
			fraction = ++word;
			while (is_digit(*word))
				word++;
			if (word == fraction)
				return false;
		}
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
			size_t length = strlen(units[i].name);

			if (strncmp(word, units[i].name, length) == 0 && (word[length] == '\0' || is_digit(word[length]))) {
				scale = units[i].ns;
				word += length;
				break;
			}
		}
		*ns += (int64_t)whole * scale;
		part = scale;
		for (; fraction != NULL && is_digit(*fraction) && part > 1; fraction++)
			*ns += (*fraction - '0') * (part /= 10);
	} while (is_digit(*word) && *ns < INT64_MAX / 4);
	return *word == '\0';
}

/* "3-9", "3-", "3" */
static bool
read_turns(struct narrow_options *o, const char *word)
{
	uint64_t first, last;

	if (!read_number(&word, UINT32_MAX, &first))
		return false;
	last = first;
	if (*word == '-') {
		word++;
		last = UINT32_MAX;
		if (*word != '\0' && !read_number(&word, UINT32_MAX, &last))
			return false;
	}
	o->first_turn = (uint32_t)first;
	o->last_turn = (uint32_t)last;
	return *word == '\0' && first <= last;
}

/* "3,4#2" */
static bool
read_fds(struct narrow_options *o, const char *word)
{
	for (o->nfds = 0; o->nfds < NARROW_MOST; word++) {
		uint64_t number, ordinal = 0;

		if (!read_number(&word, INT32_MAX, &number))
			return false;
		if (*word == '#' && (word++, !read_number(&word, UINT32_MAX, &ordinal) || ordinal == 0))
			return false;
		o->fds[o->nfds].number = (int32_t)number;
		o->fds[o->nfds++].ordinal = (uint32_t)ordinal;
		if (*word != ',')
			return *word == '\0';
	}
	return false;
}

static bool
read_pids(struct narrow_options *o, const char *word)
{
	for (o->npids = 0; o->npids < NARROW_MOST; word++) {
		uint64_t number;

		if (!read_number(&word, UINT32_MAX, &number) || number == 0)
			return false;
		o->pids[o->npids++] = (uint32_t)number;
		if (*word != ',')
			return *word == '\0';
	}
	return false;
}

const char *
narrow_option(struct narrow_options *o, char option, const char *word)
{
	switch (option) {
	case 's':
		o->since_word = word;
		return read_time(word, &o->since) ? NULL : "--since takes seconds of the run, as in 1.5 or 300ms";
	case 'u':
		o->until_word = word;
		if (!read_time(word, &o->until))
			return "--until takes seconds of the run, as in 1.5 or 300ms";
		o->until += 999; /* what is printed as this microsecond is in it */
		return NULL;
	case 't':
		o->turns_word = word;
		return read_turns(o, word) ? NULL : "--turns takes the first and the last turn, as in 3-9";
	case 'f':
		o->fd_word = word;
		return read_fds(o, word) ? NULL : "--fd takes at most 64 numbers or lives, as in 3,4#2";
	default:
		o->pid_word = word;
		return read_pids(o, word) ? NULL : "--pid takes at most 64 numbers of processes or threads, as in 4711,4712";
	}
}

const char *
narrow_sense(const struct narrow_options *o)
{
	return o->since > o->until ? "--since is after --until: nothing would be shown" : NULL;
}

/* ---- what is asked for ---- */

void
narrow_open(struct narrow *n, struct model *m, const struct narrow_options *o)
{
	*n = (struct narrow){.o = o, .m = m};
	n->all = o == NULL || (o->since_word == NULL && o->until_word == NULL && o->turns_word == NULL && o->nfds == 0 && o->npids == 0);
}

void
narrow_close(struct narrow *n)
{
	free(n->threads);
	map_free(&n->clients);
}

static bool
asks_life(const struct narrow *n, int number, const struct life *life)
{
	for (int i = 0; i < n->o->nfds; i++)
		if (n->o->fds[i].number == number &&
			(n->o->fds[i].ordinal == 0 || (life != NULL && life->ordinal == n->o->fds[i].ordinal)))
			return true;
	return n->o->nfds == 0;
}

static bool
asks_pid(const struct narrow *n, uint32_t pid, uint32_t tid)
{
	for (int i = 0; i < n->o->npids; i++)
		if (n->o->pids[i] == pid || n->o->pids[i] == tid)
			return true;
	return n->o->npids == 0;
}

static bool
asks_turn(const struct narrow *n, uint32_t number)
{
	return number >= n->o->first_turn && number <= n->o->last_turn;
}

bool
narrow_number(const struct narrow *n, int number)
{
	if (n->all || n->o->nfds == 0)
		return true;
	for (int i = 0; i < n->o->nfds; i++)
		if (n->o->fds[i].number == number)
			return true;
	return false;
}

void
narrow_columns(const struct narrow *n, struct columns *c)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->n; i++)
		if (narrow_number(n, c->at[i].number))
			c->at[kept++] = c->at[i];
	c->n = kept;
}

/* The lives that the number ever had, and whether this one is among them. */
static bool
life_was(const struct narrow *n, int number, uint32_t ordinal, uint32_t *most)
{
	*most = 0;
	for (uint32_t id = 1; id <= model_lives(n->m); id++) {
		const struct life *life = model_life(n->m, id);

		if (life->number == number && life->ordinal > *most)
			*most = life->ordinal;
	}
	return ordinal <= *most;
}

static bool
pid_was(const struct narrow *n, uint32_t pid)
{
	for (uint32_t i = 1; i <= timeline_threads(model_timeline(n->m)); i++) {
		const struct thread *t = timeline_thread(model_timeline(n->m), i);

		if (t->pid == pid || t->tid == pid)
			return true;
	}
	return model_pid(n->m, pid) != NULL;
}

bool
narrow_known(const struct narrow *n, char *line, size_t size)
{
	uint32_t most;

	if (n->all)
		return true;
	for (int i = 0; i < n->o->nfds; i++) {
		int number = n->o->fds[i].number;

		if (n->o->fds[i].ordinal == 0 || life_was(n, number, n->o->fds[i].ordinal, &most))
			continue;
		snprintf(line, size, "--fd %s: there was no %d#%u; descriptor %d had %u li%s in this run", n->o->fd_word, number,
			n->o->fds[i].ordinal, number, most, most == 1 ? "fe" : "ves");
		return false;
	}
	for (int i = 0; i < n->o->npids; i++) {
		if (pid_was(n, n->o->pids[i]))
			continue;
		snprintf(line, size, "--pid %s: there was no process or thread %u in this run", n->o->pid_word, n->o->pids[i]);
		if (model_processes(n->m) > 0)
			snprintf(line + strlen(line), size - strlen(line), "; its first was %u", model_process(n->m, 0)->pid);
		return false;
	}
	return true;
}

/* ---- turns ---- */

static struct narrow_thread *
thread_of(struct narrow *n, uint32_t thread)
{
	while (n->nthreads <= thread) {
		n->threads = grow(n->threads, n->nthreads, &n->room, sizeof *n->threads);
		n->threads[n->nthreads++] = (struct narrow_thread){0};
	}
	return &n->threads[thread];
}

/* What comes from outside the program, and is of no thread's turn. */
static bool
comes_from_outside(const struct event *ev)
{
	return ev->call == FDT_CALL_note || ev->call == FDT_CALL_queue || ev->call == FDT_CALL_ended;
}

/* The rule of turns.c: a wait begins the next turn; with another program they begin again. */
void
narrow_step(struct narrow *n, const struct event *ev)
{
	struct narrow_thread *t;
	bool next = event_is_wait(ev), again = ev->call == FDT_CALL_start;

	if (comes_from_outside(ev))
		return;
	t = thread_of(n, ev->thread);
	if (next || again) {
		t->before = t->number;
		t->before_hit = t->hit;
		t->number = again ? 0 : t->number + 1;
		t->hit = false;
	}
	if (n->all)
		return;
	n->inside -= t->inside;
	t->inside = asks_turn(n, t->number) && asks_pid(n, ev->pid, ev->tid);
	n->inside += t->inside;
}

uint32_t
narrow_turn_of(const struct narrow *n, uint32_t thread)
{
	return thread < n->nthreads ? n->threads[thread].number : 0;
}

/* ---- notes ---- */

/* Which clients are, or were, at the other end of what is asked for. A live run may learn a life's client later. */
static void
know_clients(struct narrow *n)
{
	if (timeline_live(model_timeline(n->m)))
		n->lives = 0;
	while (n->lives < model_lives(n->m)) {
		const struct life *life = model_life(n->m, ++n->lives);
		const struct process *p = model_process(n->m, life->process);
		uint64_t key;

		if (life->client == NULL)
			continue;
		key = hash_bytes(life->client, strlen(life->client));
		if (asks_life(n, life->number, life) && asks_pid(n, p->pid, p->pid))
			map_put(&n->clients, key, CLIENT_OF_ASKED);
		else if (map_get(&n->clients, key) == 0)
			map_put(&n->clients, key, CLIENT_OF_OTHER);
	}
}

/* "connects to 127.0.0.1:50001": is it a listener that is asked for? */
static bool
connects_to_asked(const struct narrow *n, const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB), words = event_item(ev, FDT_ITEM_TEXT);
	uint32_t port = 0, from = words.size;

	if (verb.size != 11 || memcmp(verb.at, "connects to", 11) != 0)
		return false;
	while (from > 0 && is_digit((char)words.at[from - 1]))
		from--;
	for (uint32_t i = from; i < words.size && port <= UINT16_MAX; i++)
		port = port * 10 + (uint32_t)(words.at[i] - '0');
	for (uint32_t id = 1; id <= model_lives(n->m); id++) {
		const struct life *life = model_life(n->m, id);

		if (life->listens && life->local.port == port && asks_life(n, life->number, life))
			return true;
	}
	return false;
}

static bool
asks_note(struct narrow *n, const struct event *ev)
{
	struct bytes who = event_item(ev, FDT_ITEM_WHO);
	struct out name;
	uint32_t whose;

	if (n->o->nfds == 0 && n->o->npids == 0)
		return true;
	know_clients(n);
	out_open(&name, -1);
	out_escaped(&name, who); /* as the model has it */
	whose = map_get(&n->clients, hash_bytes(name.start, out_length(&name)));
	out_close(&name);
	if (whose == CLIENT_OF_ASKED || (n->o->nfds > 0 && connects_to_asked(n, ev)))
		return true;
	return n->o->nfds == 0 && whose == 0; /* the program's own words, a step of the session */
}

/* ---- events ---- */

static bool
is_asked(const struct narrow *n, uint32_t count, const uint32_t *lives)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct life *life = model_life(n->m, lives[i]);

		if (asks_life(n, life->number, life))
			return true;
	}
	return false;
}

/* A wait is about a descriptor when that came back, or when nothing came back and it was in the set. */
static bool
asks_wait(const struct narrow *n, const struct moment *at)
{
	for (int i = 0; i < at->nwatched; i++) {
		const struct watched *w = &at->watched[i];

		if ((w->ready != 0 || !at->ev->done || at->ev->ret < 0) && asks_life(n, w->number, model_life(n->m, w->life)))
			return true;
	}
	return false;
}

static bool
asks_fd(const struct narrow *n, const struct moment *at)
{
	const struct event *ev = at->ev;

	if (n->o->nfds == 0 || is_asked(n, at->effects.nopened, at->effects.opened) ||
		is_asked(n, at->effects.nclosed, at->effects.closed))
		return true;
	if (event_is_wait(ev) && asks_wait(n, at))
		return true;
	if (ev->call == FDT_CALL_epoll_ctl) {
		int target = (int)ev->args[1];

		if (asks_life(n, target, model_was(n->m, ev->pid, target, ev->began)))
			return true;
	}
	return ev->has_fd && asks_life(n, ev->fd, model_life(n->m, ev->life));
}

/* All but the time. */
static bool
asks_event(struct narrow *n, const struct moment *at)
{
	const struct event *ev = at->ev;

	if (comes_from_outside(ev)) {
		bool inside = n->inside > 0 || (n->nthreads == 0 && n->o->first_turn == 0);

		if (ev->call == FDT_CALL_note)
			return (n->o->turns_word == NULL || inside) && asks_note(n, ev);
		return (n->o->turns_word == NULL || inside) && asks_pid(n, ev->pid, ev->pid) && asks_fd(n, at);
	}
	return asks_turn(n, narrow_turn_of(n, ev->thread)) && asks_pid(n, ev->pid, ev->tid) && asks_fd(n, at);
}

/* Until when it goes on. A call that never returned does so for good, but for those after which there is nobody to return to. */
static int64_t
goes_on_until(const struct narrow *n, const struct event *ev)
{
	switch (ev->info->shape) {
	case SHAPE_event:
	case SHAPE_exit:
	case SHAPE_exec:
	case SHAPE_fexec: return ev->begin;
	default: return ev->done ? ev->end : timeline_live(model_timeline(n->m)) ? ev->begin : INT64_MAX;
	}
}

bool
narrow_asks(struct narrow *n, const struct moment *at)
{
	const struct event *ev = at->ev;
	bool asked = n->all || (ev->begin <= n->o->until && asks_event(n, at));
	bool shown = n->all || (asked && goes_on_until(n, ev) >= n->o->since);

	if (!comes_from_outside(ev)) {
		struct narrow_thread *t = thread_of(n, ev->thread);

		t->hit |= shown;
		t->goes_on = asked && !ev->done && ev->info->shape != SHAPE_exit;
	}
	return shown;
}

bool
narrow_event(struct narrow *n, const struct moment *at)
{
	bool shown = narrow_asks(n, at);

	n->shown += shown;
	n->left += !shown;
	return shown;
}

bool
narrow_turn(const struct narrow *n, const struct turn *t, int64_t now)
{
	const struct narrow_thread *thread;

	if (n->all)
		return true;
	if (t->thread >= n->nthreads)
		return false;
	thread = &n->threads[t->thread];
	if (thread->number != t->number)
		return thread->before == t->number && thread->before_hit;
	return thread->hit || (thread->goes_on && now >= n->o->since);
}

/* ---- what was left out ---- */

void
narrow_says(const struct narrow *n, struct out *o, const char *what)
{
	const struct {
		const char *name, *word;
	} given[] = {{"--since", n->o->since_word}, {"--until", n->o->until_word}, {"--turns", n->o->turns_word},
		{"--fd", n->o->fd_word}, {"--pid", n->o->pid_word}};
	bool any = false;

	out_text(o, "left out: ");
	if (n->left == 0)
		out_text(o, "none");
	else if (n->shown == 0)
		out_text(o, "all");
	else
		out_right(o, n->left, 0);
	out_text(o, n->left == 0 || n->shown > 0 ? " of " : " ");
	out_right(o, n->left + n->shown, 0);
	out_char(o, ' ');
	out_text(o, what);
	for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
		if (given[i].word == NULL)
			continue;
		out_text(o, any ? " " : " (");
		out_text(o, given[i].name);
		out_char(o, ' ');
		out_text(o, given[i].word); /* digits and signs: narrow_option() has read it */
		any = true;
	}
	out_char(o, ')');
}

void
narrow_line(const struct narrow *n, struct out *o, const char *what, int width)
{
	const struct screen plain = {.width = width};
	struct out text;
	size_t at = 0;

	if (n->all)
		return;
	out_open(&text, -1);
	narrow_says(n, &text, what);
	out_char(&text, PIECE_END);
	for (bool first = true; at < out_length(&text); first = false) {
		out_text(o, first ? "-- " : "   ");
		if (width > 0) {
			out_pieces(o, &plain, &text, &at, width - 3, 1);
		} else {
			out_copy(o, text.start, out_length(&text) - 1);
			at = out_length(&text);
		}
		out_line(o);
	}
	out_close(&text);
}
