/* trace/views/chrome.c: see chrome.h. */
#include "views/chrome.h"

#include <string.h>

enum { THREADS_END = 4194304 + 1 }; /* Linux gives no pid above that */

void
chrome_open(struct chrome *c, struct out *out)
{
	*c = (struct chrome){.out = out};
	out_open(&c->name, -1);
	out_text(out, "{\"traceEvents\":[");
}

static void
end_event(struct chrome *c)
{
	if (c->any)
		out_text(c->out, c->open ? "}}" : "}");
	c->open = false;
}

void
chrome_close(struct chrome *c, const char *capture, const char *problem)
{
	end_event(c);
	out_text(c->out, "\n],\"otherData\":{\"made by\":\"fdtrace perfetto\",\"capture\":");
	out_json(c->out, capture);
	if (problem[0] != '\0') {
		out_text(c->out, ",\"not whole\":");
		out_json(c->out, problem);
	}
	out_text(c->out, "}}\n");
	out_close(&c->name);
}

int64_t
chrome_id(uint32_t pid)
{
	return pid > 0 && pid < THREADS_END ? (int64_t)pid : CHROME_STRANGE + pid % 100000;
}

/* ---- nesting ---- */

/* Slices come in the order of their begins, but for those of threads that raced: what begins before the last one is refused, so
 * nothing that was passed over can overlap. */
bool
chrome_nests(struct chrome_track *t, int64_t begin, int64_t end)
{
	bool ordered = begin >= t->latest && end >= begin;

	while (ordered && t->depth > 0 && t->ends[t->depth - 1] <= begin)
		t->depth--;
	if (!ordered || t->depth == CHROME_DEPTH || (t->depth > 0 && end > t->ends[t->depth - 1]))
		return false;
	t->latest = begin;
	t->ends[t->depth++] = end;
	return true;
}

/* ---- events ---- */

/* Microseconds with three decimals: to the ns, and never through a float. */
static void
microseconds(struct out *o, const char *key, int64_t ns)
{
	int64_t part = ns > 0 ? ns % 1000 : 0;

	out_text(o, key);
	out_number(o, ns > 0 ? ns / 1000 : 0);
	out_char(o, '.');
	out_char(o, (char)('0' + part / 100));
	out_char(o, (char)('0' + part / 10 % 10));
	out_char(o, (char)('0' + part % 10));
}

static void
take_name(struct chrome *c, struct out *name)
{
	out_char(name, '\0');
	out_json(c->out, name->start);
	out_reset(name);
}

static void
event(struct chrome *c, char phase, const char *cat, int64_t pid, int64_t tid)
{
	struct out *o = c->out;

	end_event(c);
	out_text(o, c->any ? "," : "");
	c->any = true;
	out_line(o);
	out_text(o, "{\"ph\":\"");
	out_char(o, phase);
	out_text(o, "\",\"cat\":\"");
	out_text(o, cat);
	out_text(o, "\",\"pid\":");
	out_number(o, pid);
	out_text(o, ",\"tid\":");
	out_number(o, tid);
	out_text(o, ",\"name\":");
	take_name(c, &c->name);
}

void
chrome_slice(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t begin, int64_t end)
{
	begin = begin > 0 ? begin : 0;
	event(c, 'X', cat, pid, tid);
	microseconds(c->out, ",\"ts\":", begin);
	microseconds(c->out, ",\"dur\":", end - begin);
}

void
chrome_endless(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t begin)
{
	event(c, 'B', cat, pid, tid);
	microseconds(c->out, ",\"ts\":", begin);
}

void
chrome_instant(struct chrome *c, const char *cat, int64_t pid, int64_t tid, int64_t at)
{
	event(c, 'i', cat, pid, tid);
	out_text(c->out, ",\"s\":\"t\"");
	microseconds(c->out, ",\"ts\":", at);
}

/* The category and the name of both ends must be the same, and bp says that the end binds to the slice that is around it: without
 * it, it would bind to the next one. */
void
chrome_flow(struct chrome *c, uint32_t id, const int64_t from[3], const int64_t to[3])
{
	for (int i = 0; i < 2; i++) {
		const int64_t *end = i == 0 ? from : to;

		out_text(&c->name, "connect-accept");
		event(c, i == 0 ? 's' : 'f', "conn", end[0], end[1]);
		out_text(c->out, i == 0 ? ",\"id\":" : ",\"bp\":\"e\",\"id\":");
		out_number(c->out, id);
		microseconds(c->out, ",\"ts\":", end[2]);
	}
}

void
chrome_counter(struct chrome *c, int64_t pid, int64_t at, const char *key, int64_t value)
{
	event(c, 'C', "count", pid, pid);
	microseconds(c->out, ",\"ts\":", at);
	chrome_arg_number(c, key, value);
}

static void
metadata(struct chrome *c, const char *what, int64_t pid, int64_t tid, int64_t order)
{
	struct out name;

	out_open(&name, -1);
	out_copy(&name, c->name.start, out_length(&c->name));
	out_reset(&c->name);
	out_text(&c->name, what);
	out_text(&c->name, "_name");
	event(c, 'M', "", pid, tid);
	chrome_arg_out(c, "name", &name);
	out_text(&c->name, what);
	out_text(&c->name, "_sort_index");
	event(c, 'M', "", pid, tid);
	chrome_arg_number(c, "sort_index", order);
	out_close(&name);
}

void
chrome_process(struct chrome *c, int64_t pid, int64_t order)
{
	metadata(c, "process", pid, pid, order);
}

void
chrome_thread(struct chrome *c, int64_t pid, int64_t tid, int64_t order)
{
	metadata(c, "thread", pid, tid, order);
}

/* ---- args ---- */

void
chrome_arg(struct chrome *c, const char *key)
{
	out_text(c->out, c->open ? "," : ",\"args\":{");
	c->open = true;
	out_json(c->out, key);
	out_char(c->out, ':');
}

void
chrome_arg_number(struct chrome *c, const char *key, int64_t value)
{
	chrome_arg(c, key);
	out_number(c->out, value);
}

void
chrome_arg_text(struct chrome *c, const char *key, const char *text)
{
	chrome_arg(c, key);
	out_json(c->out, text);
}

void
chrome_arg_out(struct chrome *c, const char *key, struct out *text)
{
	chrome_arg(c, key);
	take_name(c, text);
}
