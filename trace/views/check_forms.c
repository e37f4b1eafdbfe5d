/* trace/views/check_forms.c: findings for people, for editors (gcc) and for programs (json). SARIF is in
 * check_sarif.c.
 */
#include "views/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INDENT = 6 };

bool
split_line(const char *line, char *file, size_t size, long *number)
{
	const char *colon = strrchr(line, ':');
	char *end;

	if (colon == NULL || colon == line || (size_t)(colon - line) >= size)
		return false;
	*number = strtol(colon + 1, &end, 10);
	memcpy(file, line, (size_t)(colon - line));
	file[colon - line] = '\0';
	return end != colon + 1 && *end == '\0' && *number > 0;
}

char *
plain_text(struct report *r, const char *text)
{
	struct out o;
	char *copy;

	out_open(&o, -1);
	finding_text(&o, r->v.where, text);
	out_char(&o, '\0');
	copy = strdup(o.start);
	out_close(&o);
	return copy;
}

/* ---- text ---- */

void
out_wrapped(struct out *o, const struct screen *s, int indent, const char *text)
{
	int room = s->width - indent > 10 ? s->width - indent : 10, used = 0;

	while (*text == ' ')
		text++;
	while (*text != '\0') {
		int word = (int)strcspn(text, " ");

		if (used == 0) {
			out_pad(o, out_length(o), indent);
		} else if (used + 1 + word > room) {
			out_line(o);
			out_pad(o, out_length(o), indent);
			used = 0;
		} else {
			out_char(o, ' ');
			used++;
		}
		out_copy(o, text, (size_t)word);
		used += word;
		text += word;
		while (*text == ' ')
			text++;
	}
	out_line(o);
}

static void
heading(struct report *r, const struct finding *f)
{
	struct out *o = &r->v.out;
	const struct life *life = model_life(r->v.model, f->life);
	const char *line = site_line(r->v.where, &f->at);

	out_hue(o, &r->screen,
		f->severity == SEVERITY_BUG    ? HUE_LOUD
		: f->severity == SEVERITY_RISK ? HUE_WOKE
					       : HUE_NONE);
	out_text(o, severity_names[f->severity]);
	out_pad(o, out_length(o), INDENT - (int)strlen(severity_names[f->severity]));
	out_text(o, f->rule->id);
	out_hue(o, &r->screen, HUE_NONE);
	if (line[0] != '\0') {
		out_text(o, "  ");
		out_hue(o, &r->screen, HUE_LOUD);
		out_text(o, line);
		out_hue(o, &r->screen, HUE_NONE);
	}
	if (f->at.seq != 0) {
		out_text(o, "  event ");
		out_number(o, (int64_t)f->at.seq);
	}
	if (life != NULL) {
		out_text(o, "  fd ");
		out_life(o, life);
	}
	if (model_processes(r->v.model) > 1 && f->at.pid != 0) {
		out_text(o, "  process ");
		out_number(o, f->at.pid);
	}
	if (f->times > 1) {
		out_text(o, "  ");
		out_number(o, (int64_t)f->times);
		out_text(o, " times");
	}
	out_line(o);
}

static void
labelled(struct report *r, const char *label, const char *text)
{
	struct screen narrow = r->screen;
	struct out o;

	out_open(&o, -1);
	narrow.width = r->screen.width;
	out_text(&o, label);
	out_char(&o, ' ');
	out_text(&o, text);
	out_char(&o, '\0');
	out_wrapped(&r->v.out, &narrow, INDENT, o.start);
	out_close(&o);
}

/* Why and what to do are said once for each rule; of a note, only what it is. */
static void
print_finding(struct report *r, const struct finding *f, bool first)
{
	char *message = plain_text(r, f->message), *advice = plain_text(r, f->advice);
	char read[128];

	heading(r, f);
	out_wrapped(&r->v.out, &r->screen, INDENT, message);
	if (f->severity > SEVERITY_NOTE && first) {
		labelled(r, "Why:", f->rule->why);
		labelled(r, "Do:", advice);
		snprintf(read, sizeof read, "fdtrace explain %s, or handouts/findings.md#%s", f->rule->id, f->rule->id);
		labelled(r, "Read:", read);
	}
	out_line(&r->v.out);
	free(message);
	free(advice);
}

static void
count(struct out *o, int number, const char *what, const char *end)
{
	out_number(o, number);
	out_char(o, ' ');
	out_text(o, what);
	out_text(o, number == 1 ? "" : "s");
	out_text(o, end);
}

void
report_text(struct report *r)
{
	struct out *o = &r->v.out;
	bool *told = calloc((size_t)rule_count, sizeof *told);
	const struct finding *f;
	int counts[3] = {0, 0, 0};

	for (int i = 0; (f = shown_finding(r, i)) != NULL; i++) {
		print_finding(r, f, told == NULL || !told[rule_index(f->rule)]);
		if (told != NULL)
			told[rule_index(f->rule)] = true;
		counts[f->severity]++;
	}
	free(told);
	if (counts[0] + counts[1] + counts[2] == 0) {
		out_text(o, "nothing was found in ");
	} else {
		count(o, counts[SEVERITY_BUG], "bug", ", ");
		count(o, counts[SEVERITY_RISK], "risk", ", ");
		count(o, counts[SEVERITY_NOTE], "note", " in ");
	}
	count(o, (int)check_events(r->check), "event", "");
	if (check_beyond(r->check) > 0) {
		out_text(o, ", and ");
		out_number(o, (int64_t)check_beyond(r->check));
		out_text(o, " more that are not listed");
	}
	if (r->problem[0] != '\0')
		out_text(o, "; the capture is not whole, and was checked as far as it goes");
	out_line(o);
}

/* ---- gcc ---- */

/* The place of a finding as a path that can be opened from here: below this folder without its name. */
const char *
path_of(struct report *r, const struct site *s)
{
	const char *path = s->seq != 0 ? where_path(r->v.where, s->image, s->where) : "";
	char here[4096];
	size_t n;

	if (getcwd(here, sizeof here) == NULL)
		return path;
	n = strlen(here);
	return strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path;
}

static void
gcc_line(struct report *r, const struct site *at, const char *kind, const char *text, const char *rule)
{
	struct out *o = &r->v.out;
	const char *line = path_of(r, at);

	out_text(o, line[0] != '\0' ? line : r->v.o.capture);
	out_text(o, ": ");
	out_text(o, kind);
	out_text(o, ": ");
	out_text(o, text);
	out_text(o, " [");
	out_text(o, rule);
	out_char(o, ']');
	out_line(o);
}

void
report_gcc(struct report *r)
{
	const struct finding *f;

	for (int i = 0; (f = shown_finding(r, i)) != NULL; i++) {
		char *message = plain_text(r, f->message), opened[64];
		const struct life *life = model_life(r->v.model, f->life);

		gcc_line(r, &f->at, f->severity > SEVERITY_NOTE ? "warning" : "note", message, f->rule->id);
		if (life != NULL && f->opened.where != f->at.where && path_of(r, &f->opened)[0] != '\0') {
			snprintf(opened, sizeof opened,
				life->ordinal > 1 ? "%d#%u was opened here" : "%d was opened here", life->number,
				life->ordinal);
			gcc_line(r, &f->opened, "note", opened, f->rule->id);
		}
		free(message);
	}
}

/* ---- json ---- */

static void
json_text(struct out *o, const char *key, const char *text)
{
	out_char(o, '"');
	out_text(o, key);
	out_text(o, "\":");
	if (text != NULL && text[0] != '\0')
		out_json(o, text);
	else
		out_text(o, "null");
	out_char(o, ',');
}

static void
json_number(struct out *o, const char *key, uint64_t number)
{
	out_char(o, '"');
	out_text(o, key);
	out_text(o, "\":");
	if (number != 0)
		out_number(o, (int64_t)number);
	else
		out_text(o, "null");
	out_char(o, ',');
}

void
report_json(struct report *r)
{
	struct out *o = &r->v.out;
	const struct finding *f;

	out_char(o, '[');
	for (int i = 0; (f = shown_finding(r, i)) != NULL; i++) {
		char *message = plain_text(r, f->message), *advice = plain_text(r, f->advice), name[32] = "";
		const struct life *life = model_life(r->v.model, f->life);

		if (life != NULL)
			snprintf(name, sizeof name, life->ordinal > 1 ? "%d#%u" : "%d", life->number, life->ordinal);
		out_text(o, i > 0 ? ",\n {" : "\n {");
		json_text(o, "rule", f->rule->id);
		json_text(o, "severity", severity_names[f->severity]);
		json_text(o, "at", site_line(r->v.where, &f->at));
		json_text(o, "opened_at", f->opened.seq != 0 ? site_line(r->v.where, &f->opened) : "");
		json_number(o, "event", f->at.seq);
		json_text(o, "life", name);
		json_number(o, "pid", f->at.pid);
		json_number(o, "times", f->times);
		json_text(o, "title", f->rule->title);
		json_text(o, "message", message);
		json_text(o, "why", f->rule->why);
		out_text(o, "\"advice\":");
		out_json(o, advice);
		out_char(o, '}');
		free(message);
		free(advice);
	}
	out_text(o, "\n]");
	out_line(o);
}
