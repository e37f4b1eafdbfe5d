/* trace/views/show.c: see show.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/show.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPT_HELP = 256, OPT_NO_WHERE, OPT_NO_SETS, OPT_FOLLOW, OPT_COLOUR, OPT_ASCII, OPT_WIDTH, OPT_ALL, OPT_SINCE, OPT_UNTIL, OPT_TURNS, OPT_FD, OPT_PID };

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"output", required_argument, NULL, 'o'},
	{"no-where", no_argument, NULL, OPT_NO_WHERE},
	{"no-sets", no_argument, NULL, OPT_NO_SETS},
	{"follow", no_argument, NULL, OPT_FOLLOW},
	{"color", required_argument, NULL, OPT_COLOUR},
	{"colour", required_argument, NULL, OPT_COLOUR},
	{"ascii", no_argument, NULL, OPT_ASCII},
	{"width", required_argument, NULL, OPT_WIDTH},
	{"all", no_argument, NULL, OPT_ALL},
	{"since", required_argument, NULL, OPT_SINCE},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"turns", required_argument, NULL, OPT_TURNS},
	{"fd", required_argument, NULL, OPT_FD},
	{"pid", required_argument, NULL, OPT_PID},
	{NULL, 0, NULL, 0},
};

static int
wrong(const struct view_options *o, const char *what, const char *why)
{
	fprintf(stderr, "fdtrace: %s: %s: %s; see `fdtrace %s --help`\n", o->name, what, why, o->name);
	return 2;
}

static bool
read_when(struct view_options *o, const char *word)
{
	static const char *const words[] = {[WHEN_AUTO] = "auto", [WHEN_ALWAYS] = "always", [WHEN_NEVER] = "never"};

	for (int i = 0; i < 3; i++)
		if (strcmp(word, words[i]) == 0) {
			o->live.colour = (enum when)i;
			return true;
		}
	return false;
}

static bool
read_width(struct view_options *o, const char *word)
{
	char *end;
	long width = strtol(word, &end, 10);

	if (end == word || *end != '\0' || width < 20 || width > 1000)
		return false;
	o->live.width = (int)width;
	return true;
}

static unsigned
needs(int option)
{
	switch (option) {
	case OPT_NO_WHERE: return TAKES_WHERE;
	case OPT_NO_SETS: return TAKES_SETS;
	case OPT_FOLLOW: return TAKES_FOLLOW;
	case OPT_SINCE:
	case OPT_UNTIL:
	case OPT_TURNS:
	case OPT_FD:
	case OPT_PID: return TAKES_NARROW;
	case OPT_ALL: return TAKES_ALL;
	case OPT_COLOUR:
	case OPT_ASCII:
	case OPT_WIDTH: return TAKES_SCREEN;
	default: return 0;
	}
}

static int
take_narrow(struct view_options *o, char option)
{
	const char *why = narrow_option(&o->narrow, option, optarg);

	return why != NULL ? wrong(o, optarg[0] != '\0' ? optarg : "\"\"", why) : -1;
}

static int
take_option(struct view_options *o, int option, const char *word, unsigned takes)
{
	if ((needs(option) & takes) != needs(option))
		return wrong(o, word, "no such option");
	switch (option) {
	case 'o': o->output = optarg; break;
	case OPT_NO_WHERE: o->no_where = true; break;
	case OPT_NO_SETS: o->no_sets = true; break;
	case OPT_FOLLOW: o->follow = true; break;
	case OPT_ASCII: o->live.ascii = 1; break;
	case OPT_ALL: o->live.all = 1; break;
	case OPT_COLOUR:
		if (!read_when(o, optarg))
			return wrong(o, optarg, "--color takes always, never or auto");
		break;
	case OPT_SINCE: return take_narrow(o, 's');
	case OPT_UNTIL: return take_narrow(o, 'u');
	case OPT_TURNS: return take_narrow(o, 't');
	case OPT_FD: return take_narrow(o, 'f');
	case OPT_PID: return take_narrow(o, 'p');
	case OPT_WIDTH:
		if (!read_width(o, optarg))
			return wrong(o, optarg, "--width takes a number of columns from 20 to 1000");
		break;
	case ':': return wrong(o, word, "its value is missing");
	default: return wrong(o, word, "no such option");
	}
	return -1;
}

int
view_arguments(struct view_options *o, int argc, char **argv, unsigned takes, const char *help)
{
	int option, status;

	*o = (struct view_options){.name = argv[0], .live.fd = 1};
	narrow_all(&o->narrow);
	o->live.narrow = &o->narrow;
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1) {
		if (option == OPT_HELP) {
			fputs(help, stdout);
			return fflush(stdout) == 0 || errno == EPIPE ? 0 : 2;
		}
		status = take_option(o, option, argv[optind - 1], takes);
		if (status >= 0)
			return status;
	}
	if (takes & TAKES_TWO) {
		if (argc - optind != 2)
			return wrong(o, argc > optind ? argv[argc - 1] : "no captures", "name two captures: yours, and the one to compare it with");
		o->second = argv[optind + 1];
	} else if (argc - optind != 1)
		return wrong(o, argc == optind ? "no capture" : argv[optind + 1],
			argc == optind ? "name the file that `fdtrace run -o FILE` made" : "one capture at a time");
	if (narrow_sense(&o->narrow) != NULL)
		return wrong(o, o->narrow.since_word, narrow_sense(&o->narrow));
	o->capture = argv[optind];
	return -1;
}

static bool
are_the_same(const char *one, const char *other)
{
	struct stat a, b;

	return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
view_output(const struct view_options *o)
{
	int fd;

	if (o->output == NULL || strcmp(o->output, "-") == 0)
		return 1;
	if (are_the_same(o->capture, o->output) || (o->second != NULL && are_the_same(o->second, o->output))) {
		fprintf(stderr, "fdtrace: %s: %s: that is the capture itself; name another file\n", o->name, o->output);
		return -1;
	}
	fd = open(o->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		fprintf(stderr, "fdtrace: %s: cannot write %s: %s\n", o->name, o->output, strerror(errno));
	return fd;
}

static void
forget(struct view *v)
{
	narrow_close(&v->narrow);
	model_close(v->model);
	timeline_close(v->timeline);
	capture_close(v->capture);
}

int
view_open(struct view *v, bool live)
{
	char error[512];
	int fd;

	v->capture = capture_open(v->o.capture, error, sizeof error);
	if (v->capture == NULL) {
		fprintf(stderr, "fdtrace: %s\n", error);
		return 2;
	}
	v->timeline = timeline_open(v->capture, live);
	v->model = live ? model_open(v->timeline) : model_load(v->timeline);
	narrow_open(&v->narrow, v->model, &v->o.narrow);
	if (!live && !narrow_known(&v->narrow, error, sizeof error)) {
		fprintf(stderr, "fdtrace: %s: %s: %s\n", v->o.name, v->o.capture, error);
		forget(v);
		return 2;
	}
	fd = view_output(&v->o);
	if (fd < 0) {
		forget(v);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough: view_close() */
	v->to_file = fd != 1;
	out_open(&v->out, fd);
	v->where = where_open(v->capture, v->o.no_where);
	v->modules = 0;
	return -1;
}

void
view_left_out(const struct view *v, const char *what)
{
	struct out text;

	if (v->narrow.all)
		return;
	out_open(&text, -1);
	narrow_says(&v->narrow, &text, what);
	out_char(&text, '\0');
	fprintf(stderr, "fdtrace: %s: %s\n", v->o.capture, text.start);
	out_close(&text);
}

const char *
view_where(struct view *v, const struct event *ev)
{
	const struct process *p;
	struct event module;
	uint32_t image;

	if (v->o.no_where || ev->where == 0)
		return "";
	while (v->modules < model_modules(v->model))
		if (model_module(v->model, v->modules++, &image, &module))
			where_module(v->where, image, &module);
	p = model_pid(v->model, ev->pid);
	return p != NULL ? where_line(v->where, p->image, ev->where) : "";
}

int
view_close(struct view *v)
{
	char problem[512];
	int status = 0;

	out_flush(&v->out);
	capture_problem(v->capture, problem, sizeof problem);
	if (v->out.error != 0 && v->out.error != EPIPE) {
		fprintf(stderr, "fdtrace: %s: cannot write%s%s: %s\n", v->o.name, v->to_file ? " " : "",
			v->to_file ? v->o.output : "", strerror(v->out.error));
		status = 2;
	} else if (problem[0] != '\0' && v->out.error == 0) {
		fprintf(stderr, "fdtrace: %s: %s\n", capture_path(v->capture), problem);
	}
	if (v->to_file && close(v->out.fd) < 0 && status == 0) {
		fprintf(stderr, "fdtrace: %s: cannot write %s: %s\n", v->o.name, v->o.output, strerror(errno));
		status = 2;
	}
	out_close(&v->out);
	where_close(v->where);
	forget(v);
	return status;
}
