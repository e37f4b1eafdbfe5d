/* trace/views/call.c: see call.h. */
#include "views/call.h"

#include "reader/words.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

void
out_exact(struct out *o, int64_t ns, int least)
{
	int decimals = 9;
	int64_t part = ns % 1000000000;

	for (; decimals > least && part % 10 == 0; decimals--)
		part /= 10;
	out_seconds(o, ns, decimals);
}

void
out_span(struct out *o, int64_t ns)
{
	if (ns >= 1000000) {
		out_seconds(o, ns, 3);
		out_text(o, " s");
	} else {
		out_number(o, (ns + 500) / 1000);
		out_text(o, " us");
	}
}

void
out_argument(struct out *o, const struct event *ev, int i)
{
	const char *how = ev->info->kept[i].how;

	if (strcmp(how, "open") == 0 && ev->info->shape != SHAPE_open)
		how = "flag";
	if (strcmp(how, "int") == 0 && ev->info->kept[i].name[0] == 's' &&
		strcmp(ev->info->kept[i].name, "size") == 0) {
		out_right(o, (uint64_t)ev->args[i], 0);
		return;
	}
	out_word(o, how, ev->args[i], i > 0 ? ev->args[i - 1] : 0);
}

static void
out_quoted(struct out *o, struct bytes bytes, uint64_t whole)
{
	out_char(o, '"');
	out_escaped(o, bytes);
	out_char(o, '"');
	if (whole > bytes.size)
		out_text(o, "...");
}

/* Two spaces between the parts of a result. */
static void
part(struct out *o)
{
	if (o->at > o->start && o->at[-1] != ' ')
		out_text(o, "  ");
}

/* A life that a wait names; a question mark where none is known to be open. */
static void
out_watched(struct out *o, const struct model *m, const struct watched *w)
{
	const struct life *life = model_life(m, w->life);

	out_fd(o, life, w->number);
	if (life == NULL)
		out_char(o, '?');
}

/* r{3,4#2} w{4#2}: those of a list whose bits have one of `mask`. */
static bool
out_set(struct out *o, const struct model *m, const char *name, const struct watched *list, int count, bool ready,
	unsigned mask)
{
	bool any = false;

	for (int i = 0; i < count; i++) {
		if (!((ready ? list[i].ready : list[i].wanted) & mask))
			continue;
		out_text(o, any ? "," : name);
		if (!any)
			out_char(o, '{');
		out_watched(o, m, &list[i]);
		any = true;
	}
	if (any)
		out_char(o, '}');
	return any;
}

static const struct {
	const char *name;
	unsigned mask;
} set_names[] = {{"r", WATCH_READ}, {"w", WATCH_WRITE}, {"x", WATCH_EXCEPT}, {"err", WATCH_ERROR},
	{"hup", WATCH_HANGUP}, {"nval", WATCH_NOT_OPEN}};

static void
out_timeout(struct out *o, const struct event *ev)
{
	struct fdt_timeout t;

	if (!event_timeout(ev, &t))
		return;
	out_text(o, ", ");
	if (t.ns < 0) {
		out_text(o, "no timeout");
		return;
	}
	out_exact(o, t.ns, 0);
	out_text(o, " s");
}

static void
wait_arguments(struct out *o, struct model *m, const struct event *ev)
{
	const struct watched *list;
	int count = model_watched(m, ev, &list);
	bool any = false;

	if (ev->has_fd)
		out_fd(o, model_life(m, ev->life), ev->fd);
	else
		out_number(o, ev->args[0]);
	for (int i = 0; i < 3; i++) {
		size_t before = out_length(o);

		out_text(o, any ? " " : ", ");
		if (out_set(o, m, set_names[i].name, list, count, false, set_names[i].mask))
			any = true;
		else
			o->at = o->start + before;
	}
	if (!any && count > 0)
		out_set(o, m, ", ", list, count, false, 0xff);
	out_timeout(o, ev);
}

static void
comma(struct out *o, bool *first)
{
	if (!*first)
		out_text(o, ", ");
	*first = false;
}

/* The number of an argument that names a descriptor, by its life. */
static void
out_number_argument(struct out *o, struct model *m, const struct event *ev, int i)
{
	const char *name = ev->info->kept[i].name;

	if (strcmp(name, "target") == 0 || strcmp(name, "infd") == 0)
		out_fd(o, model_was(m, ev->pid, (int)ev->args[i], ev->began), (int)ev->args[i]);
	else
		out_argument(o, ev, i);
}

/* What stands in the place of a buffer or an address, before the arguments that are kept. */
static void
middle_arguments(struct out *o, struct model *m, const struct event *ev, bool *first)
{
	struct bytes path = event_item(ev, FDT_ITEM_PATH), addr = event_item(ev, FDT_ITEM_ADDR),
		     data = event_item(ev, FDT_ITEM_DATA);
	enum fdt_shape shape = ev->info->shape;

	if (path.at != NULL) {
		comma(o, first);
		out_quoted(o, path, 0);
	}
	if (data.at != NULL &&
		(shape == SHAPE_out || shape == SHAPE_outv || shape == SHAPE_sendto || shape == SHAPE_sendmsg)) {
		comma(o, first);
		out_quoted(o, data, shape == SHAPE_out || shape == SHAPE_sendto ? (uint64_t)ev->args[0] : data.size);
	}
	if (addr.at != NULL) {
		struct address a = model_address(m, addr);

		comma(o, first);
		out_address(o, &a);
	}
}

static void
last_arguments(struct out *o, struct model *m, const struct event *ev)
{
	struct fdt_epoll e;

	if (ev->info->shape == SHAPE_setopt) {
		out_text(o, ", ");
		out_number(o, ev->args[2]);
	}
	if (ev->info->shape == SHAPE_epoll_ctl && event_epoll(ev, 0, &e) && ev->args[0] != 2) {
		out_text(o, ", ");
		out_epoll_events(o, e.events);
	}
	if (event_count(ev, FDT_ITEM_SENT_FDS) > 0) {
		out_text(o, ", sends {");
		for (int i = 0; i < event_count(ev, FDT_ITEM_SENT_FDS); i++) {
			int fd = event_fd(ev, FDT_ITEM_SENT_FDS, i);

			if (i > 0)
				out_char(o, ',');
			out_fd(o, model_was(m, ev->pid, fd, ev->began), fd);
		}
		out_char(o, '}');
	}
}

/* Trailing arguments that are 0 and say nothing are left out: flags of 0, most of all. */
static int
worth_showing(const struct event *ev)
{
	int n = ev->info->nkept;

	while (n > 0 && ev->args[n - 1] == 0 && strncmp(ev->info->kept[n - 1].name, "flag", 4) == 0)
		n--;
	if (ev->info->shape == SHAPE_fcntl && n == 2 && (ev->args[0] == 1 || ev->args[0] == 3))
		n = 1; /* F_GETFD and F_GETFL take no argument */
	return n;
}

static void
note_text(struct out *o, const struct event *ev)
{
	out_printable(o, event_item(ev, FDT_ITEM_WHO));
	out_char(o, ' ');
	out_printable(o, event_item(ev, FDT_ITEM_VERB));
	out_char(o, ' ');
	out_printable(o, event_item(ev, FDT_ITEM_TEXT));
}

static void
module_text(struct out *o, const struct event *ev)
{
	struct bytes module = event_item(ev, FDT_ITEM_MODULE);
	uint32_t before = sizeof(struct fdt_module);

	out_text(o, "module ");
	if (module.size > before)
		out_escaped(o, (struct bytes){module.at + before, module.size - before});
}

static void
befell_text(struct out *o, struct model *m, const struct event *ev)
{
	struct bytes path = event_item(ev, FDT_ITEM_PATH);
	const struct process *p = model_pid(m, ev->pid);

	switch (ev->call) {
	case FDT_CALL_note: note_text(o, ev); return;
	case FDT_CALL_module: module_text(o, ev); return;
	case FDT_CALL_start:
		out_text(o, "start ");
		out_text(o, model_arguments(m, event_item(ev, FDT_ITEM_TEXT)));
		return;
	default: break;
	}
	out_text(o, ev->info->name);
	if (ev->call == FDT_CALL_ended)
		return;
	if (ev->has_fd) {
		out_char(o, ' ');
		out_fd(o, model_was(m, ev->pid, ev->fd, ev->began), ev->fd);
	}
	if (ev->call == FDT_CALL_forked) {
		out_text(o, " by ");
		out_number(o, p != NULL ? p->parent : (uint32_t)ev->args[0]);
	}
	if (path.at != NULL) {
		out_char(o, ' ');
		out_escaped(o, path);
	}
}

void
out_call(struct out *o, struct model *m, const struct event *ev)
{
	bool first = true;
	int n = worth_showing(ev);

	if (ev->info->shape == SHAPE_event) {
		befell_text(o, m, ev);
		return;
	}
	out_text(o, ev->info->name);
	out_char(o, '(');
	if (event_is_wait(ev)) {
		wait_arguments(o, m, ev);
		out_char(o, ')');
		return;
	}
	if (ev->has_fd) {
		comma(o, &first);
		out_fd(o, model_life(m, ev->life), ev->fd);
	}
	middle_arguments(o, m, ev, &first);
	for (int i = 0; i < n; i++) {
		comma(o, &first);
		out_number_argument(o, m, ev, i);
	}
	last_arguments(o, m, ev);
	out_char(o, ')');
}

/* ---- results ---- */

void
out_fault(struct out *o, const struct model *m, const struct event *ev)
{
	const struct fdt_header *h = capture_header(model_capture(m));
	const struct fdt_fault *f;

	if (ev->fault < 1 || ev->fault > FDT_FAULTS)
		return;
	f = &h->faults[ev->fault - 1];
	if (f->what & FDT_FAULT_ERROR) {
		out_text(o, "error=");
		out_text(o, error_name(f->error));
	} else if (f->what & FDT_FAULT_RETVAL) {
		out_text(o, "retval=");
		out_number(o, f->retval);
	} else if (f->what & FDT_FAULT_SHORT) {
		out_text(o, "short=");
		out_right(o, f->short_to, 0);
	} else if (f->what & FDT_FAULT_SIGNAL) {
		out_text(o, "signal=");
		out_text(o, signal_name(f->signal));
	} else {
		out_text(o, "delay");
	}
}

static void
wait_result(struct out *o, struct model *m, const struct event *ev)
{
	const struct watched *list;
	struct fdt_timeout t = {-1, -1};
	int count;

	if (ev->ret == 0) {
		out_text(o, "  timeout");
		return;
	}
	count = model_watched(m, ev, &list);
	for (size_t i = 0; i < sizeof set_names / sizeof set_names[0]; i++) {
		size_t before = out_length(o);

		out_text(o, i == 0 ? "  " : " ");
		if (!out_set(o, m, set_names[i].name, list, count, true, set_names[i].mask))
			o->at = o->start + before;
	}
	out_text(o, "  after ");
	out_span(o, ev->end - ev->begin);
	event_timeout(ev, &t);
	if (t.left >= 0) {
		out_text(o, ", ");
		out_seconds(o, t.left, 3);
		out_text(o, " s left");
	}
}

/* "lived 4.896 s, 5 bytes in, 5 out" */
static void
out_obituary(struct out *o, const struct life *life)
{
	out_text(o, "lived ");
	out_span(o, life->ended - life->born);
	if (life->in == 0 && life->out == 0)
		return;
	out_text(o, ", ");
	out_right(o, life->in, 0);
	out_text(o, " bytes in, ");
	out_right(o, life->out, 0);
	out_text(o, " out");
}

static const char *
ending_words(const struct life *life, const struct event *ev)
{
	switch (life->ending) {
	case ENDS_OVER: return " made way";
	case ENDS_EXEC: return " closed by exec";
	case ENDS_UNSEEN: return " had ended unseen";
	default: return ev->info->shape == SHAPE_event ? " ended" : " closed";
	}
}

static void
closed_result(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	enum fdt_shape shape = ev->info->shape;
	const struct life *one = e->nclosed > 0 ? model_life(m, e->closed[0]) : NULL;

	if (one == NULL)
		return;
	part(o);
	if (e->nclosed == 1 && (shape == SHAPE_close || shape == SHAPE_fclose || shape == SHAPE_closedir) &&
		one->ending == ENDS_CLOSED) {
		out_obituary(o, one);
		return;
	}
	for (uint32_t i = 0; i < e->nclosed; i++) {
		const struct life *life = model_life(m, e->closed[i]);

		if (i > 0)
			out_char(o, ' ');
		out_life(o, life);
		if (i + 1 == e->nclosed || model_life(m, e->closed[i + 1])->ending != life->ending)
			out_text(o, ending_words(life, ev));
	}
}

static void
accept_result(struct out *o, const struct life *life, const struct event *ev)
{
	uint32_t queued;

	out_text(o, "  ");
	if (life->peer.family != 0) {
		out_address(o, &life->peer);
		if (life->client != NULL) {
			out_char(o, ' ');
			out_text(o, life->client);
		}
	}
	if (event_queue(ev, &queued) && queued > 0) {
		out_text(o, ", ");
		out_right(o, queued, 0);
		out_text(o, " still queued");
	}
}

static void
opened_result(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	enum fdt_shape shape = ev->info->shape;
	const struct life *life = e->nopened > 0 ? model_life(m, e->opened[0]) : NULL;

	if (life == NULL || (e->nopened == 1 && life->number == ev->ret && shape != SHAPE_event)) {
		if (life != NULL && shape == SHAPE_accept)
			accept_result(o, life, ev);
		return;
	}
	part(o);
	for (uint32_t i = 0; i < e->nopened; i++) {
		life = model_life(m, e->opened[i]);
		out_text(o, i == 0 ? "{" : ",");
		out_life(o, life);
		if (life->origin == BORN_RECEIVED && life->of != 0) {
			out_text(o, " was ");
			out_life(o, model_life(m, life->of));
		}
	}
	out_char(o, '}');
	if (life->origin == BORN_FOUND && shape != SHAPE_event)
		out_text(o, " was open, unseen");
}

/* Bytes: what came in, how much of what was asked went out. */
static void
bytes_result(struct out *o, const struct event *ev)
{
	struct bytes data = event_item(ev, FDT_ITEM_DATA);

	switch (ev->info->shape) {
	case SHAPE_in:
	case SHAPE_inv:
	case SHAPE_recvfrom:
	case SHAPE_recvmsg:
		if (ev->ret == 0 &&
			(ev->info->shape == SHAPE_inv || ev->info->shape == SHAPE_recvmsg || ev->args[0] != 0))
			out_text(o, "  end of file");
		if (ev->ret > 0 && data.at != NULL) {
			out_text(o, "  ");
			out_quoted(o, data, (uint64_t)ev->ret);
		}
		break;
	case SHAPE_out:
	case SHAPE_sendto:
	case SHAPE_move:
		if (ev->ret >= 0 && ev->info->shape != SHAPE_move && ev->ret < ev->args[0]) {
			out_text(o, "  of ");
			out_number(o, ev->args[0]);
		}
		break;
	case SHAPE_getopt:
		if (data.size >= sizeof(int32_t)) {
			int32_t value;

			memcpy(&value, data.at, sizeof value);
			out_text(o, "  ");
			out_number(o, value);
		}
		break;
	default: break;
	}
}

static void
found_result(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	const struct life *life =
		e->nopened > 0 ? model_life(m, e->opened[0]) : model_was(m, ev->pid, ev->fd, ev->began);

	if (life == NULL)
		return;
	out_text(o, kind_names[life->kind]);
	if (life->local.family != 0) {
		out_char(o, ' ');
		out_address(o, &life->local);
	}
	if (life->listens)
		out_text(o, " listens");
}

static void
befell_result(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	int status = (int)ev->args[0];

	switch (ev->call) {
	case FDT_CALL_ended:
		if (WIFSIGNALED(status)) {
			out_text(o, "killed by ");
			out_text(o, signal_name(WTERMSIG(status)));
		} else {
			out_text(o, "with status ");
			out_number(o, WEXITSTATUS(status));
		}
		return;
	case FDT_CALL_queue:
		out_right(o, (uint64_t)ev->args[0], 0);
		out_text(o, " wait to be accepted");
		return;
	case FDT_CALL_found: found_result(o, m, ev, e); return;
	case FDT_CALL_start:
	case FDT_CALL_forked:
	case FDT_CALL_resync:
		closed_result(o, m, ev, e);
		opened_result(o, m, ev, e);
		return;
	default: return;
	}
}

static void
unfinished_result(struct out *o, const struct model *m, const struct event *ev)
{
	if (ev->info->shape == SHAPE_exit)
		return;
	if (ev->info->shape == SHAPE_exec || ev->info->shape == SHAPE_fexec)
		out_text(o, "... becomes another program");
	else if (capture_running(model_capture(m)))
		out_text(o, "... has not returned yet");
	else
		out_text(o, "... never returned");
}

static void
error_result(struct out *o, const struct event *ev)
{
	out_char(o, ' ');
	out_text(o, error_name(ev->error));
	out_text(o, " (");
	out_text(o, error_words(ev->error));
	out_char(o, ')');
}

void
out_result(struct out *o, struct model *m, const struct event *ev, const struct effects *e)
{
	const struct life *life = e->nopened == 1 ? model_life(m, e->opened[0]) : NULL;

	if (ev->info->shape == SHAPE_event) {
		befell_result(o, m, ev, e);
		return;
	}
	if (!ev->done) {
		unfinished_result(o, m, ev);
		return;
	}
	out_text(o, "= ");
	if (life != NULL && life->number == ev->ret && ev->ret > 0)
		out_life(o, life);
	else
		out_number(o, ev->ret);
	if (ev->ret < 0 && ev->error != 0)
		error_result(o, ev);
	else if (event_is_wait(ev) && ev->ret >= 0)
		wait_result(o, m, ev);
	else
		bytes_result(o, ev);
	opened_result(o, m, ev, e);
	closed_result(o, m, ev, e);
	if (ev->fault != 0) {
		out_text(o, "  INJECTED ");
		out_fault(o, m, ev);
	}
}
