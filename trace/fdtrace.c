/* trace/fdtrace.c: the command: one row for each thing that it does.
 *
 *     fdtrace run -o trace.fdt -- build/lab2/server 2 50000
 *     fdtrace turns trace.fdt
 */
#include "views/views.h"

#include <stdio.h>
#include <string.h>

int run_main(int argc, char **argv);

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *says;
} commands[] = {
	{"run", run_main, "run a program and write down what it does with its descriptors"},
	{"turns", turns_main, "one row a wait, a column a descriptor: what was passed, what came back, what was done"},
	{"lanes", lanes_main, "one row a call, a lane a descriptor, like `git log --graph`"},
	{"map", map_main, "one column a call, a row a descriptor: the whole run in a few lines"},
	{"svg", svg_main, "a still picture of a run, or of some of its turns"},
	{"html", html_main, "a web page that plays the run step by step"},
	{"perfetto", perfetto_main, "the run for ui.perfetto.dev and chrome://tracing"},
	{"log", log_main, "one line an event"},
	{"diff", diff_main, "two runs of the same session side by side: the first difference, then all"},
	{"json", json_main, "one JSON object an event"},
	{"follow", follow_main, "the same, as it happens"},
	{"check", check_main, "what went wrong: the call, the line, the reason, what to do"},
	{"explain", explain_main, "the page of a rule of check"},
};

static void
help(FILE *to)
{
	fputs("usage: fdtrace COMMAND [OPTION]... ; `fdtrace COMMAND --help` says more\n\n", to);
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].says);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
		help(stdout);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	if (argc > 1)
		fprintf(stderr, "fdtrace: no command '%s'; `fdtrace --help` lists them\n", argv[1]);
	else
		help(stderr);
	return 2;
}
