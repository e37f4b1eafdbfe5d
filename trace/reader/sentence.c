/* trace/reader/sentence.c: turns and events in words. Every view prints these; none has words of its own for what happened. */
#include "reader/turns.h"

#include "reader/words.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

/* ---- small pieces ---- */

static void
out_who(struct out *o, const struct life *life)
{
	out_life(o, life);
	if (life->client != NULL) {
		out_char(o, ' ');
		out_text(o, life->client);
	}
}

static void
out_times(struct out *o, uint32_t times)
{
	if (times <= 1)
		return;
	out_text(o, " x");
	out_number(o, times);
}

static void
out_basename(struct out *o, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n;

	path = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
	n = strlen(path);
	out_copy(o, path, n < 24 ? n : 24);
	if (n > 24)
		out_text(o, "..");
}

/* ---- why a wait returned ---- */

static bool
listened(const struct life *life, const struct turn *t)
{
	return life != NULL && life->listens && life->listen_seq < t->first;
}

/* "4 5 6 readable": those of which `mask` came back, listeners apart. */
static bool
woke_group(
	struct out *o, struct model *m, const struct turn *t, unsigned mask, int listeners, const char *what, bool any)
{
	bool first = true;

	for (int i = 0; i < t->nwatched; i++) {
		const struct watched *w = &t->watched[i];

		if (!(w->ready & mask) || (listeners >= 0 && listened(model_life(m, w->life), t) != listeners))
			continue;
		out_text(o, !first ? " " : any ? ", " : "");
		out_number(o, w->number);
		first = false;
	}
	if (first)
		return any;
	out_char(o, ' ');
	out_text(o, what);
	return true;
}

void
turn_woke(struct out *o, struct model *m, const struct turn *t)
{
	const struct process *p = model_pid(m, t->pid);
	bool any = false;

	if (t->call == 0) {
		out_text(o, p != NULL && p->forked ? "forked" : "set-up");
	} else if (!t->woke) {
		out_text(o, capture_running(model_capture(m)) && !(p != NULL && p->ended) ? "still waits" : "never woke");
	} else if (t->ret < 0) {
		out_text(o, t->error == EINTR ? "interrupted (" : "failed (");
		out_text(o, error_name(t->error));
		out_char(o, ')');
	} else if (t->ret == 0) {
		out_text(o, t->timeout == 0 ? "none ready, no wait" : "TIMEOUT, none ready");
	} else {
		any = woke_group(o, m, t, WATCH_READ, 1, "new connection", any);
		any = woke_group(o, m, t, WATCH_READ, 0, "readable", any);
		any = woke_group(o, m, t, WATCH_WRITE, -1, "writable", any);
		any = woke_group(o, m, t, WATCH_EXCEPT, -1, "exception", any);
		any = woke_group(o, m, t, WATCH_ERROR, -1, "error", any);
		any = woke_group(o, m, t, WATCH_HANGUP, -1, "hung up", any);
		any = woke_group(o, m, t, WATCH_NOT_OPEN, -1, "NOT OPEN", any);
		if (!any) {
			out_number(o, t->ret);
			out_text(o, " ready");
		}
	}
	if (t->injected)
		out_text(o, " INJECTED");
}

/* ---- what was done then ---- */

/* Is there an act of this kind on this life, among those from..to? */
static bool
has_act(const struct turn *t, int from, int to, uint8_t kind, uint32_t life)
{
	for (int i = from; i < to; i++)
		if (t->acts[i].kind == kind && t->acts[i].life == life)
			return true;
	return false;
}

static void
out_listens(struct out *o, const struct life *life)
{
	out_text(o, " listens");
	if (life == NULL || life->local.family == 0)
		return;
	out_text(o, " on ");
	out_address(o, &life->local);
}

static void
act_opened(struct out *o, const struct model *m, const struct turn *t, int i)
{
	const struct life *life = model_life(m, t->acts[i].life);

	out_char(o, '+');
	out_who(o, life);
	if (has_act(t, i + 1, t->nacts, ACT_LISTENS, life->id)) { /* told here: see act_listens() */
		out_listens(o, life);
		return;
	}
	if (life->origin == BORN_DUP || life->origin == BORN_RECEIVED) {
		out_text(o, life->origin == BORN_DUP ? " copy of " : " received");
		if (life->of != 0) {
			out_text(o, life->origin == BORN_DUP ? "" : ", was ");
			out_life(o, model_life(m, life->of));
		}
	} else if (life->origin == BORN_FOUND) {
		out_text(o, " unseen");
	} else if (life->accepted && life->client == NULL && life->peer.port != 0) {
		out_text(o, " :");
		out_number(o, life->peer.port);
	} else if (life->path != NULL) {
		out_char(o, ' ');
		out_basename(o, life->path);
	}
}

static void
act_closed(struct out *o, const struct life *life)
{
	out_char(o, '-');
	out_who(o, life);
	if (life->ending == ENDS_OVER)
		out_text(o, " made way");
	else if (life->ending == ENDS_EXEC)
		out_text(o, " by exec");
	else if (life->ending == ENDS_UNSEEN)
		out_text(o, " unseen");
}

static void
act_moved(struct out *o, const struct act *a, const struct life *life)
{
	out_text(o, a->kind == ACT_READ ? "read " : "write ");
	out_fd(o, life, a->number);
	out_char(o, '=');
	out_number(o, a->value);
	if (a->kind == ACT_WROTE && a->asked > a->value) {
		out_text(o, " of ");
		out_number(o, a->asked);
	}
}

static void
act_stayed(struct out *o, const struct act *a, const struct life *life)
{
	out_text(o, "in ");
	out_text(o, call_infos[a->call].name);
	out_char(o, '(');
	if (life != NULL || a->number >= 0)
		out_fd(o, life, a->number);
	out_text(o, ") ");
	out_duration(o, a->value);
}

static void
act_failed(struct out *o, const struct act *a, const struct life *life)
{
	out_text(o, call_infos[a->call].name);
	if (a->number >= 0 || life != NULL) {
		out_char(o, ' ');
		out_fd(o, life, a->number);
	}
	out_text(o, ": ");
	out_text(o, error_name(a->error));
}

/* Nothing, where the birth has told it. */
static void
act_listens(struct out *o, const struct model *m, const struct turn *t, int i)
{
	const struct act *a = &t->acts[i];

	if (has_act(t, i < t->shown ? 0 : t->shown, i, ACT_OPENED, a->life))
		return;
	out_fd(o, model_life(m, a->life), a->number);
	out_listens(o, model_life(m, a->life));
}

/* End of file and then the close of the same: one thing. Several in a row share the words. */
static bool
is_farewell(const struct turn *t, int i)
{
	return i >= 0 && i + 1 < t->nacts && t->acts[i].kind == ACT_EOF && t->acts[i].times == 1 &&
	       t->acts[i + 1].kind == ACT_CLOSED && t->acts[i].life == t->acts[i + 1].life &&
	       !(i < t->shown && i + 1 >= t->shown);
}

static int
act_eof(struct out *o, struct model *m, const struct turn *t, int i)
{
	const struct act *a = &t->acts[i];

	if (!is_farewell(t, i)) {
		out_text(o, "end of file ");
		out_fd(o, model_life(m, a->life), a->number);
		return i + 1;
	}
	if (!is_farewell(t, i - 2) || i - 2 < t->shown)
		out_text(o, "end of file: ");
	act_closed(o, model_life(m, a[1].life));
	return i + 2;
}

int
turn_act(struct out *o, struct model *m, const struct turn *t, int i)
{
	const struct act *a = &t->acts[i];
	const struct life *life = model_life(m, a->life);
	int next = i + 1;

	switch (a->kind) {
	case ACT_OPENED: act_opened(o, m, t, i); break;
	case ACT_CLOSED: act_closed(o, life); break;
	case ACT_READ:
	case ACT_WROTE: act_moved(o, a, life); break;
	case ACT_EOF: next = act_eof(o, m, t, i); break;
	case ACT_FAILED: act_failed(o, a, life); break;
	case ACT_LISTENS: act_listens(o, m, t, i); return next;
	case ACT_STARTED:
		out_text(o, "child ");
		out_number(o, a->value);
		break;
	case ACT_STAYED: act_stayed(o, a, life); break;
	case ACT_BECAME: out_text(o, "became another program"); break;
	default:
		out_text(o, "exit ");
		out_number(o, a->value);
		break;
	}
	out_times(o, a->times);
	if (a->injected && a->kind != ACT_STAYED)
		out_text(o, " INJECTED");
	return next;
}

/* ---- a turn as a sentence ---- */

static void
act_words(struct out *o, struct model *m, const struct turn *t, int i)
{
	const struct act *a = &t->acts[i];
	const char *name = call_infos[a->call].name;

	out_text(o, "; the ");
	out_text(o, name);
	out_text(o, " then returned ");
	if (a->kind == ACT_FAILED) {
		out_text(o, error_name(a->error));
		return;
	}
	out_number(o, a->value);
	if (a->kind == ACT_EOF)
		out_text(o, ": end of file");
	else if (a->kind == ACT_OPENED)
		out_text(o, model_life(m, a->life)->accepted ? ": a new connection" : ": a new descriptor");
	else if (a->kind == ACT_READ)
		out_text(o, a->value == 1 ? ": 1 byte" : ": bytes");
}

void
turn_sentence(struct out *o, struct model *m, const struct turn *t)
{
	if (t->call == 0) {
		out_text(o, "before its first wait");
	} else {
		out_text(o, call_infos[t->call].name);
		out_text(o, t->ret > 0 ? " woke: " : t->woke ? " returned: " : " waits: ");
		turn_woke(o, m, t);
	}
	for (int i = 0; i < t->nacts && i < 4; i++) {
		uint8_t kind = t->acts[i].kind;

		if (kind == ACT_EOF || kind == ACT_READ || kind == ACT_FAILED || (kind == ACT_OPENED && t->call != 0)) {
			act_words(o, m, t, i);
			return;
		}
	}
}

/* ---- an event as a sentence ---- */

static void
out_peer(struct out *o, const struct life *life)
{
	if (life->client != NULL) {
		out_text(o, life->client);
		return;
	}
	if (life->peer.family != 0)
		out_address(o, &life->peer);
	else
		out_text(o, "somebody");
}

/* ": the lowest number that was free; 4 was A's until event 28" */
static void
why_this_number(struct out *o, const struct model *m, const struct life *life)
{
	const struct life *before = model_life(m, life->before);

	out_text(o, ": the lowest number that was free");
	if (before == NULL)
		return;
	out_text(o, "; it was ");
	out_life(o, before);
	if (before->client != NULL) {
		out_text(o, ", ");
		out_text(o, before->client);
		out_char(o, ',');
	}
	out_text(o, " until event ");
	out_number(o, (int64_t)before->ended_seq);
}

static void
opened_sentence(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	const struct life *life = model_life(m, e->opened[0]);

	if (ev->info->shape == SHAPE_accept) {
		out_text(o, " took the connection from ");
		out_peer(o, life);
		out_text(o, " as ");
		out_life(o, life);
		why_this_number(o, m, life);
		return;
	}
	out_text(o, life->origin == BORN_RECEIVED ? " brought "
		    : life->origin == BORN_FOUND  ? " showed that it was open: "
						  : " made ");
	for (uint32_t i = 0; i < e->nopened; i++) {
		if (i > 0)
			out_text(o, " and ");
		out_life(o, model_life(m, e->opened[i]));
	}
	if (life->origin == BORN_DUP && life->of != 0) {
		out_text(o, ", a copy of ");
		out_life(o, model_life(m, life->of));
	} else if (life->kind != KIND_OTHER) {
		out_text(o, " (");
		out_text(o, kind_names[life->kind]);
		out_char(o, ')');
	}
	if (life->origin == BORN_MADE && e->nopened == 1)
		why_this_number(o, m, life);
}

static void
closed_sentence(struct out *o, struct model *m, const struct effects *e)
{
	out_text(o, " ended ");
	for (uint32_t i = 0; i < e->nclosed && i < 8; i++) {
		const struct life *life = model_life(m, e->closed[i]);

		if (i > 0)
			out_text(o, ", ");
		out_who(o, life);
		out_text(o, " after ");
		out_duration(o, life->ended - life->born);
	}
	if (e->nclosed > 8) {
		out_text(o, " and ");
		out_number(o, (int64_t)e->nclosed - 8);
		out_text(o, " more");
	}
}

static void
watch_words(struct out *o, struct model *m, const struct watched *list, int count)
{
	bool any = false;

	for (int i = 0; i < count; i++) {
		if (i == 16) {
			out_text(o, " and ");
			out_number(o, count - i);
			out_text(o, " more");
			break;
		}
		out_char(o, ' ');
		out_fd(o, model_life(m, list[i].life), list[i].number);
		any = true;
	}
	if (!any)
		out_text(o, " nothing");
}

static void
wait_sentence(struct out *o, struct model *m, const struct event *ev)
{
	const struct watched *list;
	struct fdt_timeout timeout = {-1, -1};
	struct turn t = {.call = ev->call,
		.woke = ev->done,
		.ret = ev->ret,
		.error = ev->error,
		.first = ev->seq,
		.timeout = -1,
		.injected = ev->fault != 0};

	t.nwatched = model_watched(m, ev, &list);
	t.watched = (struct watched *)(uintptr_t)list;
	out_text(o, " on");
	watch_words(o, m, list, t.nwatched);
	if (event_timeout(ev, &timeout) && (t.timeout = timeout.ns) > 0) {
		out_text(o, ", for ");
		out_duration(o, timeout.ns);
		out_text(o, " at most");
	}
	if (!ev->done) {
		out_text(o, capture_running(model_capture(m)) ? ": it still waits" : ": it never returned");
		return;
	}
	out_text(o, ev->ret > 0 ? ", woke after " : ", returned after ");
	out_duration(o, ev->end - ev->begin);
	out_text(o, ": ");
	turn_woke(o, m, &t);
}

static void
bytes_sentence(struct out *o, struct model *m, const struct event *ev, bool in)
{
	struct bytes data = event_item(ev, FDT_ITEM_DATA);

	if (in && ev->ret == 0) {
		out_text(o, " returned 0 on ");
		out_fd(o, model_life(m, ev->life), ev->fd);
		out_text(o, ": end of file, nothing will come any more");
		return;
	}
	out_text(o, in ? " took " : " gave ");
	out_number(o, ev->ret);
	out_text(o, ev->ret == 1 ? " byte" : " bytes");
	if (!in && (ev->info->shape == SHAPE_out || ev->info->shape == SHAPE_sendto) && ev->args[0] > ev->ret) {
		out_text(o, " of ");
		out_number(o, ev->args[0]);
	}
	out_text(o, in ? " from " : " to ");
	out_fd(o, model_life(m, ev->life), ev->fd);
	if (data.at == NULL)
		return;
	out_text(o, ": \"");
	out_escaped(o, data);
	out_char(o, '"');
}

static void
failed_sentence(struct out *o, struct model *m, const struct event *ev)
{
	if (ev->has_fd) {
		out_text(o, " on ");
		out_fd(o, model_life(m, ev->life), ev->fd);
	}
	if (ev->error == EAGAIN) {
		out_text(o, " would have had to wait and did not (EAGAIN)");
		return;
	}
	out_text(o, " failed: ");
	out_text(o, error_name(ev->error));
	out_text(o, ", ");
	out_text(o, error_words(ev->error));
}

static void
befell_sentence(struct out *o, struct model *m, const struct event *ev)
{
	int status = (int)ev->args[0];

	switch (ev->call) {
	case FDT_CALL_note:
		out_printable(o, event_item(ev, FDT_ITEM_WHO));
		out_char(o, ' ');
		out_printable(o, event_item(ev, FDT_ITEM_VERB));
		out_char(o, ' ');
		out_printable(o, event_item(ev, FDT_ITEM_TEXT));
		return;
	case FDT_CALL_start:
		out_text(o, "the program begins: ");
		out_text(o, model_arguments(m, event_item(ev, FDT_ITEM_TEXT)));
		return;
	case FDT_CALL_forked: out_text(o, "a child begins, with a copy of its parent's table"); return;
	case FDT_CALL_found:
		out_fd(o, model_was(m, ev->pid, ev->fd, UINT64_MAX), ev->fd);
		out_text(o, " is open");
		return;
	case FDT_CALL_queue:
		out_number(o, ev->args[0]);
		out_text(o, ev->args[0] == 1 ? " connection waits" : " connections wait");
		out_text(o, " to be accepted on ");
		out_fd(o, model_was(m, ev->pid, ev->fd, UINT64_MAX), ev->fd);
		return;
	case FDT_CALL_ended:
		out_text(o, WIFSIGNALED(status) ? "the program was killed by " : "the program ended with status ");
		if (WIFSIGNALED(status))
			out_text(o, signal_name(WTERMSIG(status)));
		else
			out_number(o, WEXITSTATUS(status));
		return;
	default: out_text(o, ev->info->name); return;
	}
}

static void
other_sentence(struct out *o, struct model *m, const struct event *ev)
{
	struct bytes addr = event_item(ev, FDT_ITEM_ADDR);
	const struct life *life = model_life(m, ev->life);

	if (ev->has_fd) {
		out_text(o, " on ");
		out_fd(o, life, ev->fd);
	}
	if (addr.at != NULL) {
		struct address a = model_address(m, addr);

		out_text(o, ev->info->shape == SHAPE_bind ? ": its address is " : ": to ");
		out_address(o, &a);
	}
	if (ev->call == FDT_CALL_listen)
		out_text(o, ": connections are taken in and wait to be accepted");
	else if (ev->info->shape == SHAPE_fork || ev->info->shape == SHAPE_vfork || ev->info->shape == SHAPE_spawn) {
		out_text(o, " started process ");
		out_number(o, ev->ret);
	} else if (addr.at == NULL) {
		out_text(o, " returned ");
		out_number(o, ev->ret);
	}
}

static void
returned_sentence(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_inv:
	case SHAPE_recvfrom:
	case SHAPE_recvmsg: bytes_sentence(o, m, ev, true); break;
	case SHAPE_out:
	case SHAPE_outv:
	case SHAPE_sendto:
	case SHAPE_sendmsg: bytes_sentence(o, m, ev, false); break;
	default:
		if (e->nopened == 0 && e->nclosed == 0)
			other_sentence(o, m, ev);
		break;
	}
	if (e->nclosed > 0)
		closed_sentence(o, m, e);
	if (e->nclosed > 0 && e->nopened > 0)
		out_text(o, " and");
	if (e->nopened > 0)
		opened_sentence(o, m, ev, e);
}

void
event_sentence(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	if (ev->info->shape == SHAPE_event) {
		befell_sentence(o, m, ev);
		return;
	}
	out_text(o, ev->info->name);
	if (event_is_wait(ev)) {
		wait_sentence(o, m, ev);
	} else if (ev->info->shape == SHAPE_exit) {
		out_text(o, ": the process ends, with status ");
		out_number(o, ev->args[0]);
	} else if (!ev->done) {
		if (ev->has_fd) {
			out_text(o, " on ");
			out_fd(o, model_life(m, ev->life), ev->fd);
		}
		out_text(o, ev->info->shape == SHAPE_exec || ev->info->shape == SHAPE_fexec
				    ? ": the process becomes another program"
			    : capture_running(model_capture(m)) ? " has not returned yet"
								: " never returned");
	} else if (ev->ret < 0 && ev->error != 0) {
		failed_sentence(o, m, ev);
	} else {
		returned_sentence(o, m, ev, e);
	}
	if (ev->fault != 0)
		out_text(o, " (a fault that was injected)");
}
