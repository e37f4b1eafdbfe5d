/* trace/views/object.c: see object.h, and "JSON" in trace/README.md: keys are only ever added. */
#include "views/object.h"

#include "reader/words.h"
#include "views/call.h"

#include <string.h>
#include <sys/wait.h>

#define KEY(o, name)  out_copy(o, ",\"" name "\":", sizeof name + 3)
#define TEXT(o, text) out_copy(o, text, sizeof text - 1)

static void
life_name(struct out *o, const struct life *life)
{
	out_char(o, '"');
	out_life(o, life);
	out_char(o, '"');
}

static void
life_or_null(struct out *o, const struct life *life)
{
	if (life != NULL)
		life_name(o, life);
	else
		TEXT(o, "null");
}

/* What a text.h function writes is printable; in JSON, \ and " need one more backslash. */
static void
string_from(struct out *o, size_t from)
{
	struct out copy = {.fd = -1};

	out_open(&copy, -1);
	out_copy(&copy, o->start + from, out_length(o) - from);
	out_char(&copy, '\0');
	o->at = o->start + from;
	out_json(o, copy.start);
	out_close(&copy);
}

static void
address_string(struct out *o, const struct address *a)
{
	size_t from = out_length(o);

	out_address(o, a);
	string_from(o, from);
}

/* A bare word: the names of words.h have nothing to escape. */
static void
argument_value(struct out *o, const struct event *ev, int i)
{
	size_t from = out_length(o);

	out_argument(o, ev, i);
	if (o->start[from] == '-' ||
		(o->start[from] >= '0' && o->start[from] <= '9' && ev->info->kept[i].how[0] == 'i'))
		return;
	out_char(o, '"');
	memmove(o->start + from + 1, o->start + from, out_length(o) - from - 1);
	o->start[from] = '"';
	out_char(o, '"');
}

static void
bytes_value(struct out *o, const char *key, size_t size, struct bytes bytes, bool *first)
{
	if (bytes.at == NULL)
		return;
	out_copy(o, key + *first, size - *first);
	*first = false;
	out_json_bytes(o, bytes);
}
#define BYTES(o, name, item) bytes_value(o, ",\"" name "\":", sizeof name + 3, item, &first)

/* ---- args ---- */

static void
next(struct out *o, const char *key, bool *first)
{
	if (!*first)
		out_char(o, ',');
	*first = false;
	out_char(o, '"');
	out_text(o, key);
	TEXT(o, "\":");
}

static void
stat_args(struct out *o, const struct event *ev, bool *first)
{
	struct fdt_stat stat;

	if (!event_stat(ev, &stat))
		return;
	next(o, "listening", first);
	out_text(o, stat.listening ? "true" : "false");
	next(o, "cloexec", first);
	out_text(o, stat.cloexec ? "true" : "false");
}

static void
ended_args(struct out *o, const struct event *ev, bool *first)
{
	int status = (int)ev->args[0];

	if (WIFSIGNALED(status)) {
		next(o, "signal", first);
		out_char(o, '"');
		out_text(o, signal_name(WTERMSIG(status)));
		out_char(o, '"');
	} else {
		next(o, "status", first);
		out_number(o, WEXITSTATUS(status));
	}
}

static void
befell_args(struct out *o, struct model *m, const struct event *ev)
{
	struct bytes module = event_item(ev, FDT_ITEM_MODULE);
	bool first = true;

	BYTES(o, "path", event_item(ev, FDT_ITEM_PATH));
	switch (ev->call) {
	case FDT_CALL_start:
	case FDT_CALL_forked:
		next(o, "parent", &first);
		out_number(o, ev->args[0]);
		if (ev->call == FDT_CALL_start) {
			next(o, "argv", &first);
			out_json(o, model_arguments(m, event_item(ev, FDT_ITEM_TEXT)));
		}
		break;
	case FDT_CALL_note:
		BYTES(o, "who", event_item(ev, FDT_ITEM_WHO));
		BYTES(o, "verb", event_item(ev, FDT_ITEM_VERB));
		BYTES(o, "text", event_item(ev, FDT_ITEM_TEXT));
		break;
	case FDT_CALL_module:
		if (module.size >= sizeof(struct fdt_module))
			BYTES(o, "path",
				((struct bytes){module.at + sizeof(struct fdt_module),
					module.size - (uint32_t)sizeof(struct fdt_module)}));
		break;
	case FDT_CALL_queue:
		next(o, "queued", &first);
		out_number(o, ev->args[0]);
		break;
	case FDT_CALL_found: stat_args(o, ev, &first); break;
	case FDT_CALL_ended: ended_args(o, ev, &first); break;
	default: break;
	}
}

static void
epoll_args(struct out *o, const struct model *m, const struct event *ev, bool *first)
{
	const struct life *target = model_was(m, ev->pid, (int)ev->args[1], ev->began);
	struct fdt_epoll e;

	next(o, "target_life", first);
	life_or_null(o, target);
	if (!event_epoll(ev, 0, &e))
		return;
	next(o, "events", first);
	out_char(o, '"');
	out_epoll_events(o, e.events);
	out_char(o, '"');
}

static void
call_args(struct out *o, struct model *m, const struct event *ev)
{
	struct bytes addr = event_item(ev, FDT_ITEM_ADDR);
	bool first = true;

	BYTES(o, "path", event_item(ev, FDT_ITEM_PATH));
	if (addr.at != NULL) {
		struct address a = model_address(m, addr);

		next(o, "addr", &first);
		address_string(o, &a);
	}
	for (int i = 0; i < ev->info->nkept; i++) {
		next(o, ev->info->kept[i].name, &first);
		argument_value(o, ev, i);
	}
	if (ev->info->shape == SHAPE_setopt) {
		next(o, "value", &first);
		out_number(o, ev->args[2]);
	}
	if (ev->info->shape == SHAPE_epoll_ctl)
		epoll_args(o, m, ev, &first);
	if (ev->info->shape == SHAPE_move) {
		next(o, "infd_life", &first);
		life_or_null(o, model_was(m, ev->pid, (int)ev->args[0], ev->began));
	}
}

/* ---- lives that begin and end ---- */

/* As they were when it was born: bind and connect come later. */
static void
addresses(struct out *o, const struct life *life)
{
	if (life->named_at_birth && life->local.family != 0) {
		KEY(o, "local");
		address_string(o, &life->local);
	}
	if (life->named_at_birth && life->peer.family != 0) {
		KEY(o, "peer");
		address_string(o, &life->peer);
	}
}

static void
opened_life(struct out *o, const struct model *m, const struct life *life)
{
	static const char *const how[] = {[BORN_MADE] = "made",
		[BORN_DUP] = "dup",
		[BORN_RECEIVED] = "received",
		[BORN_INHERITED] = "inherited",
		[BORN_FOUND] = "found"};

	TEXT(o, "{\"fd\":");
	out_number(o, life->number);
	KEY(o, "life");
	life_name(o, life);
	KEY(o, "kind");
	out_char(o, '"');
	out_text(o, kind_names[life->kind]);
	out_char(o, '"');
	if (life->origin != BORN_MADE) {
		KEY(o, "how");
		out_char(o, '"');
		out_text(o, how[life->origin]);
		out_char(o, '"');
	}
	if (life->of != 0 && life->origin != BORN_INHERITED) {
		KEY(o, "of");
		life_name(o, model_life(m, life->of));
		if (life->origin == BORN_RECEIVED) { /* another process's, as a rule */
			KEY(o, "of_pid");
			out_right(o, model_process(m, model_life(m, life->of)->process)->pid, 0);
		}
	}
	addresses(o, life);
	if (life->client != NULL) {
		KEY(o, "client");
		out_json(o, life->client);
	}
	out_char(o, '}');
}

static void
closed_life(struct out *o, const struct life *life)
{
	static const char *const how[] = {[ENDS_NOT] = "",
		[ENDS_CLOSED] = "closed",
		[ENDS_OVER] = "replaced",
		[ENDS_EXEC] = "exec",
		[ENDS_UNSEEN] = "unseen"};

	TEXT(o, "{\"fd\":");
	out_number(o, life->number);
	KEY(o, "life");
	life_name(o, life);
	if (life->ending != ENDS_CLOSED) {
		KEY(o, "how");
		out_char(o, '"');
		out_text(o, how[life->ending]);
		out_char(o, '"');
	}
	KEY(o, "lived");
	out_exact(o, life->ended - life->born, 1);
	KEY(o, "in");
	out_number(o, (int64_t)life->in);
	KEY(o, "out");
	out_number(o, (int64_t)life->out);
	out_char(o, '}');
}

static void
lives(struct out *o, const struct model *m, const struct effects *e)
{
	KEY(o, "opened");
	out_char(o, '[');
	for (uint32_t i = 0; i < e->nopened; i++) {
		if (i > 0)
			out_char(o, ',');
		opened_life(o, m, model_life(m, e->opened[i]));
	}
	out_char(o, ']');
	KEY(o, "closed");
	out_char(o, '[');
	for (uint32_t i = 0; i < e->nclosed; i++) {
		if (i > 0)
			out_char(o, ',');
		closed_life(o, model_life(m, e->closed[i]));
	}
	out_char(o, ']');
}

/* ---- waits ---- */

static const struct {
	const char *name;
	unsigned mask;
	bool always;
} kinds_of_set[] = {{"r", WATCH_READ, true}, {"w", WATCH_WRITE, true}, {"x", WATCH_EXCEPT, true}, {"err", WATCH_ERROR, false},
	{"hup", WATCH_HANGUP, false}, {"nval", WATCH_NOT_OPEN, false}};

static void
one_set(struct out *o, const struct model *m, const struct watched *list, int count, bool ready, unsigned mask)
{
	bool first = true;

	out_char(o, '[');
	for (int i = 0; i < count; i++) {
		const struct life *life = model_life(m, list[i].life);

		if (!((ready ? list[i].ready : list[i].wanted) & mask))
			continue;
		out_text(o, first ? "\"" : ",\"");
		first = false;
		out_fd(o, life, list[i].number);
		out_text(o, life != NULL ? "\"" : "?\"");
	}
	out_char(o, ']');
}

static void
all_sets(struct out *o, const struct model *m, const struct watched *list, int count, bool ready)
{
	unsigned all = 0;

	for (int i = 0; i < count; i++)
		all |= ready ? list[i].ready : list[i].wanted;
	out_char(o, '{');
	for (size_t i = 0; i < sizeof kinds_of_set / sizeof kinds_of_set[0]; i++) {
		if (!kinds_of_set[i].always && !(all & kinds_of_set[i].mask))
			continue;
		out_text(o, i > 0 ? ",\"" : "\"");
		out_text(o, kinds_of_set[i].name);
		TEXT(o, "\":");
		one_set(o, m, list, count, ready, kinds_of_set[i].mask);
	}
	out_char(o, '}');
}

static void
wait_sets(struct out *o, struct model *m, const struct event *ev, bool sets)
{
	const struct watched *list = NULL;
	int count = sets ? model_watched(m, ev, &list) : 0;

	KEY(o, "watch");
	if (sets)
		all_sets(o, m, list, count, false);
	else
		TEXT(o, "null");
	KEY(o, "ready");
	if (sets && ev->done && ev->ret >= 0)
		all_sets(o, m, list, count, true);
	else
		TEXT(o, "null");
}

static void
wait_timer(struct out *o, const struct event *ev)
{
	struct fdt_timeout t = {-1, -1};

	event_timeout(ev, &t);
	KEY(o, "timeout");
	if (t.ns >= 0)
		out_exact(o, t.ns, 1);
	else
		TEXT(o, "null");
	if (t.left >= 0) {
		KEY(o, "left");
		out_exact(o, t.left, 1);
	}
}

void
out_wait_members(struct out *o, struct model *m, const struct event *ev)
{
	wait_sets(o, m, ev, true);
	wait_timer(o, ev);
}

/* ---- the rest ---- */

static void
outcome(struct out *o, struct model *m, const struct event *ev)
{
	KEY(o, "ret");
	if (!ev->done && ev->info->shape != SHAPE_event) {
		TEXT(o, "null");
		KEY(o, "unfinished");
		TEXT(o, "true");
	} else {
		out_number(o, ev->ret);
	}
	KEY(o, "err");
	if (ev->ret < 0 && ev->error != 0) {
		out_char(o, '"');
		out_text(o, error_name(ev->error));
		out_char(o, '"');
	} else {
		TEXT(o, "null");
	}
	if (ev->fault != 0) {
		KEY(o, "injected");
		out_char(o, '"');
		out_fault(o, m, ev);
		out_char(o, '"');
	}
}

static void
data_keys(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	struct bytes data = event_item(ev, FDT_ITEM_DATA), moved = event_item(ev, FDT_ITEM_MOVED);
	const struct life *listener =
		ev->info->shape == SHAPE_accept && e->nopened > 0 ? model_life(m, e->opened[0]) : NULL;
	uint32_t queued;

	if (data.at != NULL && ev->info->shape != SHAPE_getopt) {
		KEY(o, "data");
		out_json_bytes(o, data);
	} else if (data.size >= sizeof(int32_t)) {
		int32_t value;

		memcpy(&value, data.at, sizeof value);
		KEY(o, "value");
		out_number(o, value);
	}
	if (moved.size >= sizeof(int64_t)) {
		int64_t bytes;

		memcpy(&bytes, moved.at, sizeof bytes);
		KEY(o, "bytes");
		out_number(o, bytes);
	}
	if (event_queue(ev, &queued)) {
		KEY(o, "queue");
		out_number(o, queued);
	}
	if (listener != NULL && listener->client != NULL) {
		KEY(o, "client");
		out_json(o, listener->client);
	}
	if (ev->flags & FDT_EV_CUT) {
		KEY(o, "cut");
		TEXT(o, "true");
	}
}

static void
sent_key(struct out *o, const struct model *m, const struct event *ev)
{
	if (event_count(ev, FDT_ITEM_SENT_FDS) == 0)
		return;
	KEY(o, "sent");
	out_char(o, '[');
	for (int i = 0; i < event_count(ev, FDT_ITEM_SENT_FDS); i++) {
		int fd = event_fd(ev, FDT_ITEM_SENT_FDS, i);

		out_text(o, i > 0 ? ",\"" : "\"");
		out_fd(o, model_was(m, ev->pid, fd, ev->began), fd);
		out_char(o, '"');
	}
	out_char(o, ']');
}

/* The life that the event names: of what only befell it, the one that it tells of. */
static const struct life *
life_named(const struct model *m, const struct event *ev, const struct effects *e)
{
	if (ev->info->shape != SHAPE_event || !ev->has_fd)
		return model_life(m, ev->life);
	return e->nopened > 0 ? model_life(m, e->opened[0]) : model_was(m, ev->pid, ev->fd, ev->began);
}

static void
head_keys(struct out *o, const struct model *m, const struct event *ev, const struct effects *e)
{
	TEXT(o, "{\"seq\":");
	out_right(o, ev->seq, 0);
	KEY(o, "t");
	out_seconds(o, ev->begin, 9);
	KEY(o, "dur");
	if (ev->done)
		out_exact(o, ev->end - ev->begin, 1);
	else
		TEXT(o, "null");
	KEY(o, "pid");
	out_right(o, ev->pid, 0);
	KEY(o, "tid");
	out_right(o, ev->tid, 0);
	KEY(o, "call");
	out_char(o, '"');
	out_text(o, ev->info->name);
	out_char(o, '"');
	KEY(o, "fd");
	if (ev->has_fd)
		out_number(o, ev->fd);
	else
		TEXT(o, "null");
	KEY(o, "life");
	life_or_null(o, life_named(m, ev, e));
}

void
out_object(struct out *o, struct model *m, const struct event *ev, const struct effects *e, const char *at, bool sets)
{
	head_keys(o, m, ev, e);
	KEY(o, "args");
	out_char(o, '{');
	if (ev->info->shape == SHAPE_event)
		befell_args(o, m, ev);
	else
		call_args(o, m, ev);
	out_char(o, '}');
	outcome(o, m, ev);
	if (event_is_wait(ev)) {
		wait_sets(o, m, ev, sets);
		wait_timer(o, ev);
	}
	data_keys(o, m, ev, e);
	sent_key(o, m, ev);
	lives(o, m, e);
	KEY(o, "at");
	if (at[0] != '\0')
		out_json(o, at);
	else
		TEXT(o, "null");
	out_char(o, '}');
}
