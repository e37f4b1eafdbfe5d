/* trace/views/check_sarif.c: findings as SARIF 2.1.0, for code-scanning pages (OASIS, "Static Analysis Results
 * Interchange Format").
 */
#include "views/check.h"

#include <stdlib.h>
#include <string.h>

static const char *
level_of(enum severity severity)
{
	static const char *const levels[] = {
		[SEVERITY_NOTE] = "note", [SEVERITY_RISK] = "warning", [SEVERITY_BUG] = "error"};

	return levels[severity];
}

/* A name of a file as a URI: what is not a plain character is written as %NN (RFC 3986). */
static void
out_uri(struct out *o, const char *file)
{
	out_text(o, *file == '/' ? "\"file://" : "\"");
	for (; *file != '\0'; file++) {
		unsigned char ch = (unsigned char)*file;

		if (strchr("-._~/+", ch) != NULL || (ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') ||
			(ch >= 'a' && ch <= 'z')) {
			out_char(o, (char)ch);
		} else {
			out_char(o, '%');
			out_char(o, "0123456789ABCDEF"[ch >> 4]);
			out_char(o, "0123456789ABCDEF"[ch & 15]);
		}
	}
	out_char(o, '"');
}

static void
text_object(struct out *o, const char *key, const char *text)
{
	out_char(o, '"');
	out_text(o, key);
	out_text(o, "\": {\"text\": ");
	out_json(o, text);
	out_char(o, '}');
}

static void
page_of_rule(struct out *o, const struct rule *rule)
{
	struct out text;

	out_open(&text, -1);
	out_text(&text, rule->why);
	out_char(&text, ' ');
	out_text(&text, rule->advice);
	out_char(&text, '\0');
	out_text(o, "      {\"id\": ");
	out_json(o, rule->id);
	out_text(o, ", ");
	text_object(o, "shortDescription", rule->title);
	out_text(o, ",\n       ");
	text_object(o, "fullDescription", rule->what);
	out_text(o, ",\n       ");
	text_object(o, "help", text.start);
	out_text(o, ",\n       \"defaultConfiguration\": {\"level\": \"");
	out_text(o, level_of(rule->severity));
	out_text(o, "\"}}");
	out_close(&text);
}

static bool
location(struct report *r, const struct site *s)
{
	struct out *o = &r->v.out;
	char file[4096];
	long number;

	if (!split_line(path_of(r, s), file, sizeof file, &number))
		return false;
	out_text(o, "\"physicalLocation\": {\"artifactLocation\": {\"uri\": ");
	out_uri(o, file);
	out_text(o, "}, \"region\": {\"startLine\": ");
	out_number(o, number);
	out_text(o, "}}");
	return true;
}

static bool
has_line(struct report *r, const struct site *s)
{
	char file[4096];
	long number;

	return s->seq != 0 && split_line(path_of(r, s), file, sizeof file, &number);
}

static void
locations(struct report *r, const struct finding *f)
{
	struct out *o = &r->v.out;

	if (has_line(r, &f->at)) {
		out_text(o, ",\n     \"locations\": [{");
		location(r, &f->at);
		out_text(o, "}]");
	}
	if (has_line(r, &f->opened)) {
		out_text(o, ",\n     \"relatedLocations\": [{");
		location(r, &f->opened);
		out_text(o, ", ");
		text_object(o, "message", "opened here");
		out_text(o, "}]");
	}
}

static void
properties(struct report *r, const struct finding *f)
{
	struct out *o = &r->v.out;
	const struct life *life = model_life(r->v.model, f->life);

	out_text(o, ",\n     \"properties\": {\"event\": ");
	out_number(o, (int64_t)f->at.seq);
	out_text(o, ", \"pid\": ");
	out_number(o, f->at.pid);
	if (life != NULL) {
		out_text(o, ", \"life\": \"");
		out_life(o, life);
		out_char(o, '"');
	}
	out_char(o, '}');
}

static void
result(struct report *r, const struct finding *f)
{
	struct out *o = &r->v.out;
	char *message = plain_text(r, f->message), *advice = plain_text(r, f->advice);
	struct out text;

	out_open(&text, -1);
	out_text(&text, message);
	out_char(&text, ' ');
	out_text(&text, advice);
	out_char(&text, '\0');
	out_text(o, "    {\"ruleId\": ");
	out_json(o, f->rule->id);
	out_text(o, ", \"ruleIndex\": ");
	out_number(o, rule_index(f->rule));
	out_text(o, ", \"level\": \"");
	out_text(o, level_of(f->severity));
	out_text(o, "\", \"occurrenceCount\": ");
	out_number(o, (int64_t)f->times);
	out_text(o, ",\n     ");
	text_object(o, "message", text.start);
	locations(r, f);
	properties(r, f);
	out_char(o, '}');
	out_close(&text);
	free(message);
	free(advice);
}

void
report_sarif(struct report *r)
{
	struct out *o = &r->v.out;
	const struct finding *f;

	out_text(o, "{\n \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n \"version\": \"2.1.0\",\n "
		    "\"runs\": [{\n");
	out_text(o, "   \"tool\": {\"driver\": {\"name\": \"fdtrace\", \"rules\": [\n");
	for (int i = 0; i < rule_count; i++) {
		out_text(o, i > 0 ? ",\n" : "");
		page_of_rule(o, rules[i]);
	}
	out_text(o, "]}},\n   \"invocations\": [{\"executionSuccessful\": true");
	if (r->problem[0] != '\0') {
		out_text(o, ", \"toolExecutionNotifications\": [{\"level\": \"warning\", ");
		text_object(o, "message", r->problem);
		out_text(o, "}]");
	}
	out_text(o, "}],\n   \"results\": [");
	for (int i = 0; (f = shown_finding(r, i)) != NULL; i++) {
		out_text(o, i > 0 ? ",\n" : "\n");
		result(r, f);
	}
	out_text(o, "]\n }]\n}");
	out_line(o);
}
