/* trace/views/check.c: `fdtrace check`: what went wrong in a run, where, and what to do about it.
 *
 *     fdtrace check build/lab2/trace.fdt
 *     fdtrace check --format=gcc trace.fdt
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/check.h"

#include "reader/map.h"
#include "views/views.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"usage: fdtrace check [OPTION]... CAPTURE\n"
	"Says what went wrong with the program's descriptors and its waits: which call, which line, why it matters, "
	"what to do.\n"
	"\n"
	"  --format=FORM     text (for people), gcc (file:line: warning: ..., for editors), json, sarif (2.1.0)\n"
	"  --only=RULES      these rules alone: names with commas between; `fdtrace explain` lists them\n"
	"  --except=RULES    all rules but these\n"
	"  --fail-on=WEIGHT  exit with 1 for a finding of this weight or more: bug (if left out), risk, note\n"
	"  --all-open        also list what is open at the end, used or not\n"
	"  -o FILE           write to FILE\n"
	"  --no-where        no source lines\n"
	"  --color=WHEN      always, never, auto: on a terminal, without NO_COLOR\n"
	"  --width=N         columns; the terminal's, or 80\n"
	"\n"
	"Exit status: 0; 1 for findings, see --fail-on; 2 for a bad capture or bad arguments.\n";

enum { OPT_HELP = 256, OPT_FORMAT, OPT_ONLY, OPT_EXCEPT, OPT_FAIL, OPT_OPEN, OPT_NO_WHERE, OPT_COLOUR, OPT_WIDTH };

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"only", required_argument, NULL, OPT_ONLY},
	{"except", required_argument, NULL, OPT_EXCEPT},
	{"fail-on", required_argument, NULL, OPT_FAIL},
	{"all-open", no_argument, NULL, OPT_OPEN},
	{"output", required_argument, NULL, 'o'},
	{"no-where", no_argument, NULL, OPT_NO_WHERE},
	{"color", required_argument, NULL, OPT_COLOUR},
	{"colour", required_argument, NULL, OPT_COLOUR},
	{"width", required_argument, NULL, OPT_WIDTH},
	{NULL, 0, NULL, 0},
};

static const struct form {
	const char *name;
	void (*print)(struct report *r);
} forms[] = {{"text", report_text}, {"gcc", report_gcc}, {"json", report_json}, {"sarif", report_sarif}};

static int
wrong(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "fdtrace: check: %s%s%s: %s; see `fdtrace check --help`\n", option, value != NULL ? "=" : "",
		value != NULL ? value : "", why);
	return 2;
}

int
rule_index(const struct rule *rule)
{
	int i = 0;

	while (i < rule_count - 1 && rules[i] != rule)
		i++;
	return i;
}

/* Names with commas between: marks them as `to`. */
static bool
mark_rules(struct report *r, const char *names, bool to)
{
	char *copy = strdup(names), *save = NULL;
	bool good = copy != NULL && *copy != '\0';

	for (char *name = good ? strtok_r(copy, ",", &save) : NULL; name != NULL && good;
		name = strtok_r(NULL, ",", &save)) {
		const struct rule *rule = rule_named(name);

		good = rule != NULL;
		if (good)
			r->wanted[rule_index(rule)] = to;
	}
	free(copy);
	return good;
}

static bool
read_form(struct report *r, const char *word)
{
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (strcmp(word, forms[i].name) == 0) {
			r->form = forms[i].name;
			return true;
		}
	return false;
}

static bool
read_severity(struct report *r, const char *word)
{
	for (int i = SEVERITY_NOTE; i <= SEVERITY_BUG; i++)
		if (strcmp(word, severity_names[i]) == 0) {
			r->fail_on = (enum severity)i;
			return true;
		}
	return false;
}

static bool
read_colour(struct report *r, const char *word)
{
	static const char *const words[] = {[WHEN_AUTO] = "auto", [WHEN_ALWAYS] = "always", [WHEN_NEVER] = "never"};

	for (int i = 0; i < 3; i++)
		if (strcmp(word, words[i]) == 0) {
			r->v.o.live.colour = (enum when)i;
			return true;
		}
	return false;
}

static bool
read_width(struct report *r, const char *word)
{
	char *end;
	long width = strtol(word, &end, 10);

	r->v.o.live.width = (int)width;
	return end != word && *end == '\0' && width >= 20 && width <= 1000;
}

static int
take_option(struct report *r, int option, const char *word)
{
	switch (option) {
	case OPT_FORMAT:
		return read_form(r, optarg) ? -1 : wrong("--format", optarg, "text, gcc, json or sarif is needed");
	case OPT_ONLY:
		memset(r->wanted, 0, (size_t)rule_count * sizeof *r->wanted);
		return mark_rules(r, optarg, true)
			       ? -1
			       : wrong("--only", optarg, "no such rule; `fdtrace explain` lists them");
	case OPT_EXCEPT:
		return mark_rules(r, optarg, false)
			       ? -1
			       : wrong("--except", optarg, "no such rule; `fdtrace explain` lists them");
	case OPT_FAIL: return read_severity(r, optarg) ? -1 : wrong("--fail-on", optarg, "bug, risk or note is needed");
	case OPT_OPEN: r->all_open = true; return -1;
	case OPT_NO_WHERE: r->v.o.no_where = true; return -1;
	case OPT_COLOUR:
		return read_colour(r, optarg) ? -1 : wrong("--color", optarg, "always, never or auto is needed");
	case OPT_WIDTH:
		return read_width(r, optarg)
			       ? -1
			       : wrong("--width", optarg, "a number of columns from 20 to 1000 is needed");
	case 'o': r->v.o.output = optarg; return -1;
	case ':': return wrong(word, NULL, "its value is missing");
	default: return wrong(word, NULL, "no such option");
	}
}

static int
read_arguments(struct report *r, int argc, char **argv)
{
	int option, status;

	r->v.o = (struct view_options){.name = "check", .live.fd = 1};
	r->form = "text";
	r->fail_on = SEVERITY_BUG;
	r->wanted = more(NULL, (size_t)rule_count, sizeof *r->wanted);
	for (int i = 0; i < rule_count; i++)
		r->wanted[i] = true;
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(help, stdout);
			return fflush(stdout) == 0 ? 0 : 2;
		}
		status = take_option(r, option, argv[optind - 1]);
		if (status >= 0)
			return status;
	}
	if (argc - optind != 1)
		return wrong(argc == optind ? "no capture" : argv[optind + 1], NULL,
			argc == optind ? "name the file that `fdtrace run -o FILE` made" : "one capture at a time");
	r->v.o.capture = argv[optind];
	return -1;
}

const struct finding *
shown_finding(const struct report *r, int i)
{
	const struct finding *f;

	for (int k = 0; (f = check_finding(r->check, k)) != NULL; k++)
		if (r->wanted[rule_index(f->rule)] && i-- == 0)
			return f;
	return NULL;
}

static void
run_rules(struct report *r)
{
	struct effects effects;
	struct event *ev;
	enum step step;

	r->check = check_open(r->v.model, &(struct check_options){.all_open = r->all_open});
	while ((step = timeline_next(r->v.timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(r->v.model, step, ev, &effects);
		check_step(r->check, step, ev, &effects);
	}
	check_over(r->check);
	check_modules(r->v.model, r->v.where, &r->v.modules);
}

static int
status_of(const struct report *r)
{
	const struct finding *f;

	for (int i = 0; (f = shown_finding(r, i)) != NULL; i++)
		if (f->severity >= r->fail_on)
			return 1;
	return 0;
}

int
check_main(int argc, char **argv)
{
	static struct report r;
	char problem[512];
	int status = read_arguments(&r, argc, argv), found, opened;

	if (status < 0 && (opened = view_open(&r.v, true)) >= 0)
		status = opened;
	if (status < 0) {
		r.screen = screen_of(&(struct live_options){
			.fd = r.v.out.fd, .width = r.v.o.live.width, .colour = r.v.o.live.colour});
		run_rules(&r);
		capture_problem(r.v.capture, problem, sizeof problem);
		r.problem = problem;
		for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
			if (strcmp(r.form, forms[i].name) == 0)
				forms[i].print(&r);
		found = status_of(&r);
		check_close(r.check);
		status = view_close(&r.v);
		status = status != 0 ? status : found;
	}
	free(r.wanted);
	return status;
}
