/* trace/views/perfetto.c: `fdtrace perfetto`: a run for Perfetto and chrome://tracing, beside what other tools have recorded.
 *
 *     fdtrace perfetto -o trace.json build/lab2/trace.fdt      and open it in ui.perfetto.dev
 *
 * A thread's lane has its calls; each descriptor number has one, in which a slice is a life and what was done on it lies inside; each
 * client of the notes has one in the process "clients". chrome.c knows the format.
 */
#include "views/perfetto.h"

#include "views/call.h"
#include "views/object.h"
#include "views/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: fdtrace perfetto [OPTION]... CAPTURE\n"
	"Writes the run as Chrome Trace Event JSON: for ui.perfetto.dev (\"Open trace file\"; nothing is sent anywhere) and\n"
	"chrome://tracing. A lane for each thread and each descriptor number, whose slices are lives; arrows from connect to accept.\n"
	"\n"
	"  -o FILE          write to FILE\n"
	"  --no-where       no source lines\n"
	NARROW_HELP
	"What these leave out is said on stderr.\n"
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

#define BIG       100000000 /* bytes: a viewer in a browser gets slow */
#define NOT_DRAWN INT64_MIN

static uint64_t
pair(uint32_t pid, uint32_t number)
{
	return (uint64_t)pid << 32 | number;
}

/* ---- what must be known before ---- */

/* When it is all over, and each thread's last event: a call that has not returned lasts if it is one. */
static void
look_ahead(struct perfetto *p)
{
	struct event ev;

	while (capture_next(p->v->capture, &ev) == READ_EVENT) {
		uint64_t key = pair(ev.pid, ev.tid);
		uint32_t at = map_get(&p->last_calls, key);

		p->over = ev.end > p->over ? ev.end : p->over;
		if (ev.call == FDT_CALL_note || ev.call == FDT_CALL_ended || ev.call == FDT_CALL_queue)
			continue;
		if (at == 0) {
			p->last_call = grow(p->last_call, p->nlast, &p->last_room, sizeof *p->last_call);
			at = ++p->nlast;
			map_put(&p->last_calls, key, at);
		}
		p->last_call[at - 1] = ev.seq;
	}
	model_rewind(p->m);
}

static bool
is_last(const struct perfetto *p, const struct event *ev)
{
	uint32_t at = map_get(&p->last_calls, pair(ev->pid, ev->tid));

	return at > 0 && p->last_call[at - 1] == ev->seq;
}

static int64_t
process_end(const struct perfetto *p, const struct process *process)
{
	return process != NULL && process->ended_seq != 0 ? process->ended_at : p->over;
}

static int64_t
life_until(const struct perfetto *p, const struct life *life)
{
	int64_t end = life->ending != ENDS_NOT ? life->ended : process_end(p, model_process(p->m, life->process));

	return end > life->born ? end : life->born;
}

/* Where the slice of a life ends. */
static int64_t
end_of_slice(const struct perfetto *p, const struct life *life)
{
	int64_t until = life_until(p, life), begin = p->life_begin[life->id];

	return until > begin ? until : begin;
}

/* ---- processes and lives: all are known before the first event ---- */

void
perfetto_process(struct perfetto *p, uint32_t pid, uint32_t order, const char *argv)
{
	size_t word = strcspn(argv, " "), from = word;

	if (map_get(&p->named, pid) != 0)
		return;
	map_put(&p->named, pid, 1);
	while (from > 0 && argv[from - 1] != '/')
		from--;
	out_text(&p->chrome.name, from < word ? argv + from : argv);
	chrome_process(&p->chrome, chrome_id(pid), order);
}

/* From the last to the first: of two that had one pid the later one gives the name. */
static void
name_processes(struct perfetto *p)
{
	for (uint32_t i = model_processes(p->m); i-- > 0;) {
		const struct process *process = model_process(p->m, i);

		perfetto_process(p, process->pid, i, process->argv != NULL ? process->argv : "a program");
	}
}

static struct fd_lane *
lane_of(struct perfetto *p, const struct life *life)
{
	uint32_t pid = model_process(p->m, life->process)->pid;
	uint64_t key = pair(pid, (uint32_t)life->number);
	uint32_t at = map_get(&p->fd_lane_of, key);

	if (at == 0) {
		p->fd_lanes = grow(p->fd_lanes, p->nfd_lanes, &p->fd_lanes_room, sizeof *p->fd_lanes);
		p->fd_lanes[p->nfd_lanes] = (struct fd_lane){.life = 0};
		at = ++p->nfd_lanes;
		map_put(&p->fd_lane_of, key, at);
		out_text(&p->chrome.name, "fd ");
		out_number(&p->chrome.name, life->number);
		chrome_thread(&p->chrome, chrome_id(pid), CHROME_LANES + (int64_t)life->number, 10 + (int64_t)life->number);
	}
	return &p->fd_lanes[at - 1];
}

static void
address_arg(struct perfetto *p, const char *key, const struct address *address)
{
	if (address->family == 0)
		return;
	out_address(&p->text, address);
	chrome_arg_out(&p->chrome, key, &p->text);
}

/* "4#2 A", "3 listens on 127.0.0.1:50000", "5 file /etc/hosts" */
static void
life_words(struct out *o, const struct life *life)
{
	out_life(o, life);
	out_char(o, ' ');
	if (life->client != NULL) {
		out_text(o, life->client);
	} else if (life->listens) {
		out_text(o, "listens on ");
		out_address(o, &life->local);
	} else {
		out_text(o, kind_names[life->kind]);
		if (life->path != NULL || life->peer.family != 0)
			out_char(o, ' ');
		if (life->path != NULL)
			out_text(o, life->path);
		else if (life->peer.family != 0)
			out_address(o, &life->peer);
	}
}

static bool
life_is_asked(const struct perfetto *p, const struct life *life)
{
	const struct narrow_options *o = &p->v->o.narrow;
	uint32_t pid = model_process(p->m, life->process)->pid;
	bool asked = o->npids == 0;

	for (int i = 0; i < o->npids; i++)
		asked |= o->pids[i] == pid;
	return asked && narrow_number(&p->v->narrow, life->number) && life->born <= o->until && life_until(p, life) >= o->since;
}

static void
life_slice(struct perfetto *p, const struct life *life)
{
	static const char *const ends[] = {[ENDS_NOT] = "never", [ENDS_CLOSED] = "closed", [ENDS_OVER] = "replaced", [ENDS_EXEC] = "exec",
		[ENDS_UNSEEN] = "unseen"};
	struct chrome *c = &p->chrome;
	struct fd_lane *lane;
	int64_t begin;

	p->life_begin[life->id] = NOT_DRAWN;
	if (!life_is_asked(p, life))
		return;
	lane = lane_of(p, life);
	begin = life->born > lane->until ? life->born : lane->until;
	/* In a damaged capture lives may overlap: the lane still has one at a time. */
	p->life_begin[life->id] = begin;
	lane->until = end_of_slice(p, life);
	life_words(&c->name, life);
	if (life->ending == ENDS_NOT && life->origin != BORN_INHERITED && life->origin != BORN_FOUND)
		out_text(&c->name, " (never closed)");
	chrome_slice(c, "fd", chrome_id(model_process(p->m, life->process)->pid), CHROME_LANES + (int64_t)life->number, begin,
		lane->until);
	chrome_arg_number(c, "fd", life->number);
	out_life(&p->text, life);
	chrome_arg_out(c, "life", &p->text);
	chrome_arg_text(c, "kind", kind_names[life->kind]);
	address_arg(p, "local", &life->local);
	address_arg(p, "peer", &life->peer);
	if (life->client != NULL)
		chrome_arg_text(c, "client", life->client);
	chrome_arg_number(c, "opened by event", (int64_t)life->born_seq);
	chrome_arg_text(c, "ends", ends[life->ending]);
	if (life->ending != ENDS_NOT)
		chrome_arg_number(c, "ended by event", (int64_t)life->ended_seq);
	chrome_arg_number(c, "bytes in", (int64_t)life->in);
	chrome_arg_number(c, "bytes out", (int64_t)life->out);
}

/* ---- calls ---- */

static struct thread_lane *
thread_of(struct perfetto *p, const struct event *ev)
{
	while (p->nthreads <= ev->thread) {
		p->threads = grow(p->threads, p->nthreads, &p->threads_room, sizeof *p->threads);
		p->threads[p->nthreads++] = (struct thread_lane){.known = false};
	}
	if (!p->threads[ev->thread].known) {
		p->threads[ev->thread].known = true;
		out_text(&p->chrome.name, "calls");
		if (ev->tid != ev->pid) {
			out_text(&p->chrome.name, " of thread ");
			out_right(&p->chrome.name, ev->tid, 0);
		}
		chrome_thread(&p->chrome, chrome_id(ev->pid), chrome_id(ev->tid), 0);
	}
	return &p->threads[ev->thread];
}

/* What every call's slice tells: the words are those of `fdtrace log`, the sets those of `fdtrace json`. */
static void
call_args(struct perfetto *p, const struct event *ev, const struct effects *e)
{
	struct chrome *c = &p->chrome;
	const char *at;

	chrome_arg_number(c, "seq", (int64_t)ev->seq);
	if (event_is_wait(ev)) {
		chrome_arg_number(c, "turn", narrow_turn_of(&p->v->narrow, ev->thread));
		out_wait_members(c->out, p->m, ev);
	}
	out_call(&p->text, p->m, ev);
	chrome_arg_out(c, "call", &p->text);
	out_result(&p->text, p->m, ev, e);
	chrome_arg_out(c, "result", &p->text);
	event_sentence(&p->text, p->m, ev, e);
	chrome_arg_out(c, "says", &p->text);
	at = view_where(p->v, ev);
	if (at[0] != '\0')
		chrome_arg_text(c, "at", at);
}

/* Its slice in the thread's lane. One that never returned lasts until its process ends; one that something came after was left by a
 * jump, and nobody knows when. */
static bool
call_slice(struct perfetto *p, const struct event *ev, const struct effects *e)
{
	struct chrome *c = &p->chrome;
	struct thread_lane *t = thread_of(p, ev);
	const struct process *process = model_pid(p->m, ev->pid);
	bool lasts = !ev->done && ev->info->shape != SHAPE_exit && is_last(p, ev), ended = process != NULL && process->ended_seq != 0;
	int64_t end = ev->done ? ev->end : !lasts ? ev->begin : ended ? process_end(p, process) : INT64_MAX;
	bool slice = (ev->done || lasts) && chrome_nests(&t->track, ev->begin, end);
	const char *cat = event_is_wait(ev) ? "wait" : "call";

	out_text(&c->name, ev->info->name);
	if (!ev->done && ev->info->shape != SHAPE_exit)
		out_text(&c->name, " (never returned)");
	if (slice && end == INT64_MAX)
		chrome_endless(c, cat, chrome_id(ev->pid), chrome_id(ev->tid), ev->begin);
	else if (slice)
		chrome_slice(c, cat, chrome_id(ev->pid), chrome_id(ev->tid), ev->begin, end);
	else
		chrome_instant(c, cat, chrome_id(ev->pid), chrome_id(ev->tid), ev->begin);
	call_args(p, ev, e);
	t->slice = slice ? ev->seq : t->slice;
	return slice;
}

/* "recv 5 bytes", "recv end of file", "accept 4#2", "send EPIPE" */
static void
done_words(struct perfetto *p, struct out *o, const struct event *ev, const struct effects *e)
{
	struct moment at = {.model = p->m, .ev = ev, .effects = *e, .pid = ev->pid};
	char mark = moment_glyph(&at, ev->fd);

	out_text(o, ev->info->name);
	if (!ev->done) {
		out_text(o, " (never returned)");
	} else if (ev->ret < 0) {
		out_char(o, ' ');
		out_text(o, error_name(ev->error));
	} else if (mark == '0') {
		out_text(o, " end of file");
	} else if (mark == 'r' || mark == 'w') {
		out_char(o, ' ');
		out_number(o, ev->ret);
		out_text(o, " bytes");
	} else if (e->nopened > 0) {
		out_char(o, ' ');
		out_life(o, model_life(p->m, e->opened[0]));
	}
}

/* The same call in the lane of its descriptor, inside the life. Of two threads that are in it at once the second is an instant. */
static void
fd_slice(struct perfetto *p, const struct event *ev, const struct effects *e)
{
	const struct life *life = model_life(p->m, ev->life);
	struct chrome *c = &p->chrome;
	struct fd_lane *lane;
	int64_t pid = chrome_id(ev->pid), tid, end, born;
	bool slice;

	if (life == NULL || event_is_wait(ev) || p->life_begin[life->id] == NOT_DRAWN)
		return;
	lane = lane_of(p, life);
	tid = CHROME_LANES + (int64_t)life->number;
	end = ev->done ? ev->end : end_of_slice(p, life);
	if (lane->life < life->id) {
		born = p->life_begin[life->id];
		lane->life = life->id;
		lane->track = (struct chrome_track){.latest = born};
		chrome_nests(&lane->track, born, end_of_slice(p, life));
	}
	slice = lane->life == life->id && chrome_nests(&lane->track, ev->begin, end);
	done_words(p, &c->name, ev, e);
	if (slice)
		chrome_slice(c, "io", pid, tid, ev->begin, end);
	else
		chrome_instant(c, "io", pid, tid, ev->begin);
	chrome_arg_number(c, "seq", (int64_t)ev->seq);
}

/* At the return of a wait: it timed out. */
static void
timeout_instant(struct perfetto *p, const struct event *ev)
{
	struct chrome *c = &p->chrome;
	struct fdt_timeout limit = {-1, -1};

	if (!event_is_wait(ev) || !ev->done || ev->ret != 0 || (event_timeout(ev, &limit) && limit.ns == 0))
		return;
	out_text(&c->name, "timeout");
	chrome_instant(c, "timeout", chrome_id(ev->pid), chrome_id(ev->tid), ev->end);
	chrome_arg_number(c, "seq", (int64_t)ev->seq);
}

/* ---- what befell a process ---- */

static void
queue_counter(struct perfetto *p, const struct event *ev, int64_t waiting)
{
	const struct life *life = model_at(p->m, ev->pid, ev->fd);

	if (!p->v->narrow.all)
		return;
	out_text(&p->chrome.name, "accept queue of ");
	out_fd(&p->chrome.name, life, ev->fd);
	chrome_counter(&p->chrome, chrome_id(ev->pid), ev->end, "waiting", waiting);
}

static void
befell(struct perfetto *p, const struct event *ev, const struct effects *e, bool asked)
{
	if (ev->call == FDT_CALL_note)
		perfetto_note(p, ev, asked);
	if (model_pid(p->m, ev->pid) == NULL || !asked)
		return;
	if (ev->call == FDT_CALL_queue)
		queue_counter(p, ev, ev->args[0]);
	if (ev->call != FDT_CALL_start && ev->call != FDT_CALL_forked && ev->call != FDT_CALL_ended)
		return;
	thread_of(p, ev);
	out_text(&p->chrome.name, ev->info->name);
	chrome_instant(&p->chrome, "process", chrome_id(ev->pid), chrome_id(ev->tid), ev->begin);
	chrome_arg_number(&p->chrome, "seq", (int64_t)ev->seq);
	event_sentence(&p->text, p->m, ev, e);
	chrome_arg_out(&p->chrome, "says", &p->text);
}

/* ---- findings ---- */

/* At the return of the call: an arrow that ends in it would bind to what lies at its begin. */
static void
finding_instant(struct perfetto *p, const struct event *ev, const struct finding *f)
{
	struct chrome *c = &p->chrome;
	int64_t at = ev->done ? ev->end : ev->begin;

	out_text(&c->name, f->rule->id);
	if (model_pid(p->m, ev->pid) != NULL && ev->call != FDT_CALL_note)
		chrome_instant(c, "finding", chrome_id(ev->pid), chrome_id(ev->tid), at);
	else
		perfetto_prints(p, "finding", at);
	chrome_arg_number(c, "seq", (int64_t)f->at.seq);
	chrome_arg_text(c, "severity", severity_names[f->severity]);
	chrome_arg_number(c, "times", (int64_t)f->times);
	finding_text(&p->text, p->v->where, f->message);
	chrome_arg_out(c, "message", &p->text);
	if (f->advice != NULL) {
		finding_text(&p->text, p->v->where, f->advice);
		chrome_arg_out(c, "advice", &p->text);
	}
}

static int
by_event(const void *a, const void *b)
{
	const struct finding *x = *(const struct finding *const *)a, *y = *(const struct finding *const *)b;

	return x->at.seq < y->at.seq ? -1 : x->at.seq > y->at.seq;
}

/* They are known when all is over: the events are read once more for their times. */
static void
findings(struct perfetto *p)
{
	const struct finding **list = NULL, *f;
	uint32_t n = 0, room = 0, i = 0;
	struct event ev;

	check_over(p->check);
	check_modules(p->m, p->v->where, &p->v->modules);
	while ((f = check_finding(p->check, (int)n)) != NULL) {
		list = grow(list, n, &room, sizeof(struct finding *));
		list[n++] = f;
	}
	if (n > 0)
		qsort(list, n, sizeof(struct finding *), by_event);
	capture_rewind(p->v->capture);
	while (i < n && !view_broken(p->v) && capture_next(p->v->capture, &ev) == READ_EVENT)
		for (; i < n && list[i]->at.seq <= ev.seq; i++)
			if (ev.seq / 8 < p->shown_size && (p->shown[ev.seq / 8] >> ev.seq % 8 & 1))
				finding_instant(p, &ev, list[i]);
	free(list);
}

/* ---- the whole ---- */

static void
mark_shown(struct perfetto *p, uint64_t seq)
{
	size_t old = p->shown_size;

	if (seq / 8 >= old) {
		p->shown_size = 2 * (size_t)(seq / 8) + 4096;
		p->shown = more(p->shown, p->shown_size, 1);
		memset(p->shown + old, 0, p->shown_size - old);
	}
	p->shown[seq / 8] |= (unsigned char)(1 << seq % 8);
}

static void
at_begin(struct perfetto *p, const struct event *ev)
{
	struct moment at;
	bool asked, drawn;

	narrow_step(&p->v->narrow, ev);
	moment_of(&at, p->m, ev, ev->pid);
	asked = narrow_event(&p->v->narrow, &at);
	if (asked)
		mark_shown(p, ev->seq);
	if (ev->info->shape == SHAPE_event) {
		befell(p, ev, &at.effects, asked);
		return;
	}
	if (!asked)
		return;
	drawn = call_slice(p, ev, &at.effects);
	fd_slice(p, ev, &at.effects);
	timeout_instant(p, ev);
	if (drawn && ev->done && ev->end > ev->begin && ev->info->shape == SHAPE_connect)
		perfetto_connects(p, ev);
}

static void
at_end(struct perfetto *p, const struct event *ev, const struct effects *e)
{
	const struct process *process = model_pid(p->m, ev->pid);
	uint32_t queued;

	if (ev->info->shape == SHAPE_accept)
		perfetto_accepted(p, ev, e);
	if (event_queue(ev, &queued))
		queue_counter(p, ev, queued);
	if (process == NULL || e->nopened + e->nclosed == 0 || !p->v->narrow.all)
		return;
	out_text(&p->chrome.name, "open descriptors");
	chrome_counter(&p->chrome, chrome_id(ev->pid), ev->end, "open", process->nopen);
}

static void
write_run(struct perfetto *p)
{
	struct effects e;
	struct event *ev;
	enum step step;

	name_processes(p);
	p->life_begin = more(NULL, model_lives(p->m) + 1, sizeof *p->life_begin);
	for (uint32_t id = 1; id <= model_lives(p->m) && !view_broken(p->v); id++)
		life_slice(p, model_life(p->m, id));
	while (!view_broken(p->v) && ((step = timeline_next(p->v->timeline, &ev)) == STEP_BEGIN || step == STEP_END)) {
		model_step(p->m, step, ev, &e);
		check_step(p->check, step, ev, &e);
		if (step == STEP_BEGIN)
			at_begin(p, ev);
		else
			at_end(p, ev, &e);
	}
	perfetto_clients_over(p);
	findings(p);
}

static void
perfetto_close(struct perfetto *p)
{
	const char *slash = strrchr(p->v->o.capture, '/');
	char problem[512];

	capture_problem(p->v->capture, problem, sizeof problem);
	if (problem[0] != '\0') {
		out_text(&p->chrome.name, problem);
		perfetto_prints(p, "problem", p->over);
	}
	out_escaped(&p->text, (struct bytes){(const unsigned char *)(slash != NULL ? slash + 1 : p->v->o.capture),
		(uint32_t)strlen(slash != NULL ? slash + 1 : p->v->o.capture)});
	out_char(&p->text, '\0');
	chrome_close(&p->chrome, p->text.start, problem);
	check_close(p->check);
	out_close(&p->text);
	map_free(&p->last_calls);
	map_free(&p->named);
	map_free(&p->fd_lane_of);
	free(p->last_call);
	free(p->fd_lanes);
	free(p->life_begin);
	free(p->threads);
	free(p->shown);
}

int
perfetto_main(int argc, char **argv)
{
	struct view v;
	struct perfetto p;
	int status = view_arguments(&v.o, argc, argv, TAKES_WHERE | TAKES_NARROW, help);
	off_t bytes;

	if (status >= 0 || (status = view_open(&v, false)) >= 0)
		return status;
	p = (struct perfetto){.v = &v, .m = v.model, .check = check_open(v.model, &(struct check_options){0})};
	out_open(&p.text, -1);
	chrome_open(&p.chrome, &v.out);
	look_ahead(&p);
	write_run(&p);
	perfetto_close(&p);
	if (!view_broken(&v))
		view_left_out(&v, "events");
	out_flush(&v.out);
	bytes = lseek(v.out.fd, 0, SEEK_CUR);
	if (bytes > BIG)
		fprintf(stderr, "fdtrace: perfetto: %lld MB: chrome://tracing takes about 250, and Perfetto gets slow; "
				"narrow it with --since, --until, --turns, --fd\n", (long long)(bytes / 1000000));
	return view_close(&v);
}
