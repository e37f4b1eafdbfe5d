/* trace/views/explain.c: `fdtrace explain`: the page of a rule, from the texts that the rule itself holds.
 * handouts/findings.md is made by the same command, so the two cannot differ.
 *
 *     fdtrace explain starved
 *     fdtrace explain --markdown > handouts/findings.md
 */
#include "views/check.h"
#include "views/views.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
	"usage: fdtrace explain [RULE]\n"
	"       fdtrace explain --markdown\n"
	"Prints the page of a rule of `fdtrace check`: what it looks for, why it matters, an example, how to mend "
	"it, and what only looks like\n"
	"it. Without a rule: the list of them. --markdown: all pages as one document, handouts/findings.md.\n"
	"\n"
	"Exit status: 0; 2 for a rule that there is not.\n";

/* ---- for people ---- */

static void
paragraph(struct out *o, const struct screen *s, const char *head, const char *text)
{
	out_hue(o, s, HUE_LOUD);
	out_text(o, head);
	out_hue(o, s, HUE_NONE);
	out_line(o);
	out_wrapped(o, s, 4, text);
	out_line(o);
}

/* Line by line, behind some spaces, as it stands. */
static void
out_lines(struct out *o, const char *text, int indent)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		if (n > 0)
			out_pad(o, out_length(o), indent);
		out_copy(o, text, n);
		out_line(o);
		text += n + (text[n] == '\n');
	}
}

static void
verbatim(struct out *o, const struct screen *s, const char *head, const char *text)
{
	out_hue(o, s, HUE_LOUD);
	out_text(o, head);
	out_hue(o, s, HUE_NONE);
	out_line(o);
	out_lines(o, text, 4);
	out_line(o);
}

static void
page(struct out *o, const struct screen *s, const struct rule *r)
{
	out_hue(o, s, HUE_LOUD);
	out_text(o, r->id);
	out_hue(o, s, HUE_NONE);
	out_text(o, " (");
	out_text(o, severity_names[r->severity]);
	out_text(o, "):");
	out_line(o);
	out_wrapped(o, s, 4, r->title);
	out_line(o);
	paragraph(o, s, "What it looks for", r->what);
	paragraph(o, s, "Why it matters", r->why);
	verbatim(o, s, "As a capture shows it", r->example);
	paragraph(o, s, "What to do", r->advice);
	verbatim(o, s, "In code", r->mend);
	paragraph(o, s, "What looks like it and is right", r->not_this);
}

static void
list(struct out *o)
{
	size_t from;

	for (int i = 0; i < rule_count; i++) {
		from = out_length(o);
		out_text(o, rules[i]->id);
		out_pad(o, from, 22);
		out_text(o, severity_names[rules[i]->severity]);
		out_pad(o, from, 28);
		out_text(o, rules[i]->title);
		out_line(o);
	}
}

/* ---- the handout ---- */

static void
code(struct out *o, const char *text, const char *language)
{
	out_text(o, "```");
	out_text(o, language);
	out_line(o);
	out_lines(o, text, 0);
	out_text(o, "```");
	out_line(o);
	out_line(o);
}

static void
section(struct out *o, const struct rule *r)
{
	out_text(o, "## ");
	out_text(o, r->id);
	out_text(o, "\n\n**");
	out_text(o, r->title);
	out_text(o, "** (");
	out_text(o, severity_names[r->severity]);
	out_text(o, ")\n\n");
	out_text(o, r->what);
	out_text(o, "\n\n**Why.** ");
	out_text(o, r->why);
	out_text(o, "\n\n");
	code(o, r->example, "");
	out_text(o, "**What to do.** ");
	out_text(o, r->advice);
	out_text(o, "\n\n");
	code(o, r->mend, "c");
	out_text(o, "**Not this.** ");
	out_text(o, r->not_this);
	out_text(o, "\n");
	out_line(o);
}

static void
document(struct out *o)
{
	out_text(o, "# What `fdtrace check` finds\n\n");
	out_text(o,
		"`fdtrace check CAPTURE` reads what a program did with its descriptors and says what went wrong: the "
		"call, the line, the likely reason, "
		"what to do. A *bug* is wrong; a *risk* goes wrong under other circumstances; a *note* is worth "
		"knowing. "
		"`4#2` is the second life of descriptor 4: the number was closed and given out again.\n\n");
	out_text(o, "This page is made by `fdtrace explain --markdown`; each section is what `fdtrace explain RULE` "
		    "prints.\n\n");
	out_text(o, "| rule | weight | in a line |\n|---|---|---|\n");
	for (int i = 0; i < rule_count; i++) {
		out_text(o, "| [");
		out_text(o, rules[i]->id);
		out_text(o, "](#");
		out_text(o, rules[i]->id);
		out_text(o, ") | ");
		out_text(o, severity_names[rules[i]->severity]);
		out_text(o, " | ");
		out_text(o, rules[i]->title);
		out_text(o, " |\n");
	}
	out_line(o);
	for (int i = 0; i < rule_count; i++)
		section(o, rules[i]);
}

int
explain_main(int argc, char **argv)
{
	struct screen s = screen_of(&(struct live_options){.fd = 1});
	const char *word = argc == 2 ? argv[1] : "";
	const struct rule *rule = rule_named(word);
	struct out o;
	int error;

	if (strcmp(word, "--help") == 0) {
		fputs(help, stdout);
		return 0;
	}
	if (argc > 2 || (argc == 2 && rule == NULL && strcmp(word, "--markdown") != 0)) {
		fprintf(stderr, "fdtrace: explain: %s: no such rule; `fdtrace explain` lists them\n", argv[argc - 1]);
		return 2;
	}
	out_open(&o, 1);
	if (argc == 1)
		list(&o);
	else if (rule == NULL)
		document(&o);
	else
		page(&o, &s, rule);
	out_flush(&o);
	error = o.error;
	out_close(&o);
	if (error != 0)
		fprintf(stderr, "fdtrace: explain: cannot write: %s\n", strerror(error));
	return error != 0 ? 2 : 0;
}
