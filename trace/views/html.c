/* trace/views/html.c: `fdtrace html`: the player, one page that holds a whole run.
 *
 *     fdtrace html -o trace.html build/lab2/trace.fdt
 *
 * The page is trace/player, which embed.py has put into this program as three pieces: what comes before the run's data, what comes
 * between the data and the turns as text, and the rest.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/html_page.h"

#include "views/html_source.h"
#include "views/player.h"
#include "views/views.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVENTS_MOST = 200000, TURNS_BYTES_MOST = 256 * 1024 };

static const char help[] =
	"usage: fdtrace html [OPTION]... CAPTURE\n"
	"Makes one web page that plays the run step by step. It needs no network: open it from disk in a browser.\n"
	"\n"
	"  -o FILE       write to FILE\n"
	"  --from N      begin with event N\n"
	"  --to N        end with event N\n"
	"  --full        all events, also when there are more than 200,000\n"
	"  --no-source   leave the program's source out\n"
	"  --no-where    no source lines\n"
	"\n"
	"Exit status: 0; 2 for a bad capture or bad arguments.\n";

/* ---- arguments ---- */

static int
wrong(const char *option, const char *why)
{
	fprintf(stderr, "fdtrace: html: %s: %s; see `fdtrace html --help`\n", option, why);
	return 2;
}

/* "--from 12" or "--from=12". Returns how many words it took; 0: it is another option; -1: it is wrong, and that was said. */
static int
number_option(char **argv, const char *name, uint64_t *value)
{
	size_t n = strlen(name);
	const char *word;
	char *end;

	if (strncmp(argv[0], name, n) != 0 || (argv[0][n] != '=' && argv[0][n] != '\0'))
		return 0;
	word = argv[0][n] == '=' ? argv[0] + n + 1 : argv[1];
	errno = 0;
	*value = word != NULL ? strtoull(word, &end, 10) : 0;
	if (word == NULL || *word < '0' || *word > '9' || *end != '\0' || errno != 0 || *value == 0) {
		wrong(argv[0], "the number of an event is needed");
		return -1;
	}
	return argv[0][n] == '=' ? 1 : 2;
}

/* Takes the options that only this view has; leaves the others, and their count in *argc. */
static int
own_arguments(struct page *p, int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		int took = number_option(argv + i, "--from", &p->from);

		if (took == 0)
			took = number_option(argv + i, "--to", &p->to);
		if (took < 0)
			return 2;
		if (took > 0)
			i += took - 1;
		else if (strcmp(argv[i], "--full") == 0)
			p->full = true;
		else if (strcmp(argv[i], "--no-source") == 0)
			p->no_source = true;
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	if (p->from > p->to)
		return wrong("--from", "it is behind --to");
	return -1;
}

/* Which events are shown, once it is known how many there are. */
static int
choose_events(struct page *p)
{
	struct event ev;

	capture_rewind(p->v.capture);
	while (capture_next(p->v.capture, &ev) == READ_EVENT)
		p->total = ev.seq;
	model_rewind(p->v.model);
	if (p->from > 1 && p->from > p->total) {
		fprintf(stderr, "fdtrace: html: --from %llu: there are %llu events\n", (unsigned long long)p->from, (unsigned long long)p->total);
		return 2;
	}
	if (p->to > p->total)
		p->to = p->total;
	if (!p->full && p->total > 0 && p->to - p->from >= EVENTS_MOST)
		p->to = p->from + EVENTS_MOST - 1;
	return -1;
}

/* ---- the columns ---- */

static struct out *const *
columns_of(struct page *p)
{
	static struct out *list[40];
	struct out *all[] = {&p->steps, &p->op_step, &p->op_life, &p->op_what, &p->op_value, &p->lives, &p->kind, &p->begin, &p->spent,
		&p->fd, &p->life, &p->ret, &p->numbers, &p->number_places, &p->wait_set, &p->wait_ready, &p->wait_timeout, &p->wait_left, &p->sets,
		&p->ready, &p->note_event, &p->note_who, &p->note_verb, &p->note_text, &p->turn_event, &p->turn_number, &p->turn_shape,
		&p->turn_numbers, &p->turn_places, &p->findings, NULL};

	memcpy(list, all, sizeof all);
	return list;
}

uint32_t
page_life(struct page *p, uint32_t id)
{
	uint32_t old = p->known_lives;

	if (id == 0)
		return 0;
	if (id >= p->known_lives) {
		p->known_lives = id < 512 ? 1024 : 2 * id;
		p->life_place = more(p->life_place, p->known_lives, sizeof *p->life_place);
		memset(p->life_place + old, 0, (p->known_lives - old) * sizeof *p->life_place);
	}
	if (p->life_place[id] == 0)
		p->life_place[id] = ++p->nlives;
	return p->life_place[id];
}

uint32_t
page_string(struct page *p, const char *text)
{
	return text == NULL ? 0 : table_put(&p->strings, text, strlen(text));
}

uint32_t
page_bytes(struct page *p, struct bytes bytes, uint32_t most)
{
	struct out *o = &p->strings.scratch;

	out_reset(o);
	out_shown(o, bytes, most);
	return table_put(&p->strings, o->start, out_length(o));
}

/* ---- the data block ---- */

static void
column(struct out *o, const char *name, const struct out *text)
{
	out_text(o, "\"");
	out_text(o, name);
	out_text(o, "\":\"");
	out_copy(o, text->start, out_length(text));
	out_text(o, "\",\n");
}

static void
list(struct out *o, const char *name, const struct out *json)
{
	out_text(o, "\"");
	out_text(o, name);
	out_text(o, "\":[");
	out_copy(o, json->start, out_length(json));
	out_text(o, "],\n");
}

static void
count(struct out *o, const char *name, uint64_t value)
{
	out_text(o, "\"");
	out_text(o, name);
	out_text(o, "\":");
	out_number(o, (int64_t)value);
	out_text(o, ",\n");
}

static void
text(struct out *o, const char *name, const char *value)
{
	out_text(o, "\"");
	out_text(o, name);
	out_text(o, "\":");
	html_json(o, value, strlen(value));
	out_text(o, ",\n");
}

static void
strings(struct out *o, const char *name, const struct table *t)
{
	size_t size;

	out_text(o, "\"");
	out_text(o, name);
	out_text(o, "\":[");
	for (uint32_t i = 0; i < t->count; i++) {
		const char *string = table_get(t, i, &size);

		if (i > 0)
			out_char(o, ',');
		html_json(o, string, size);
	}
	out_text(o, "],\n");
}

/* A row of numbers for each kind of event, one after the other. */
static void
write_kinds(struct out *o, const struct table *t)
{
	struct out packed;
	uint32_t field;
	size_t size;

	out_open(&packed, -1);
	for (uint32_t i = 0; i < t->count; i++) {
		const char *row = table_get(t, i, &size);

		for (size_t at = 0; at < size; at += sizeof field) {
			memcpy(&field, row + at, sizeof field);
			pack(&packed, field);
		}
	}
	count(o, "nkinds", t->count);
	column(o, "kinds", &packed);
	out_close(&packed);
}

/* Which way a call moves bytes: the rule by which the page counts them (html_state.c, foreseen()). */
static char
direction(const struct call_info *info)
{
	switch (info->shape) {
	case SHAPE_in: case SHAPE_inv: case SHAPE_recvfrom: case SHAPE_recvmsg: return 'i';
	case SHAPE_out: case SHAPE_outv: case SHAPE_sendto: case SHAPE_sendmsg: return 'o';
	case SHAPE_accept: return 'a';
	case SHAPE_close: case SHAPE_fclose: case SHAPE_closedir: return 'c';
	case SHAPE_event: return 'e';
	case SHAPE_exit: return 'x';
	default: return '-';
	}
}

static void
write_calls(struct out *o, const struct page *p)
{
	bool first = true;

	out_text(o, "\"calls\":{");
	for (int i = 0; i < FDT_CALLS; i++) {
		if (p->calls_used[i] == 0 || call_infos[i].name == NULL)
			continue;
		out_text(o, first ? "\"" : ",\"");
		first = false;
		out_number(o, i);
		out_text(o, "\":[\"");
		out_text(o, call_infos[i].name);
		out_text(o, "\",\"");
		out_char(o, direction(&call_infos[i]));
		out_text(o, "\",\"");
		out_text(o, family_names[call_infos[i].family]);
		out_text(o, "\"]");
	}
	out_text(o, "},\n");
}

static void
write_errors(struct out *o, const struct page *p)
{
	bool seen[4096] = {false}, first = true;
	uint32_t row[5];
	size_t size;

	out_text(o, "\"errors\":{");
	for (uint32_t i = 0; i < p->kinds.count; i++) {
		memcpy(row, table_get(&p->kinds, i, &size), sizeof row);
		if (row[3] == 0 || row[3] >= 4096 || seen[row[3]])
			continue;
		seen[row[3]] = true;
		out_text(o, first ? "\"" : ",\"");
		first = false;
		out_number(o, row[3]);
		out_text(o, "\":[\"");
		out_text(o, error_name((int)row[3]));
		out_text(o, "\",\"");
		out_text(o, error_words((int)row[3]));
		out_text(o, "\"]");
	}
	out_text(o, "},\n");
}

static void
write_threads(struct out *o, const struct page *p)
{
	out_text(o, "\"threads\":[[0,0]");
	for (uint32_t i = 1; i <= timeline_threads(p->v.timeline); i++) {
		const struct thread *t = timeline_thread(p->v.timeline, i);

		out_text(o, ",[");
		out_number(o, t->pid);
		out_char(o, ',');
		out_number(o, t->tid);
		out_char(o, ']');
	}
	out_text(o, "],\n\"kind_names\":[");
	for (int i = 0; i < KINDS; i++) {
		out_text(o, i == 0 ? "\"" : ",\"");
		out_text(o, kind_names[i]);
		out_char(o, '"');
	}
	out_text(o, "],\n");
}

static void
write_facts(struct out *o, const struct page *p)
{
	const char *slash = strrchr(p->v.o.capture, '/');
	char problem[512];

	capture_problem(p->v.capture, problem, sizeof problem);
	out_text(o, "{\"version\":1,\n");
	text(o, "capture", slash != NULL ? slash + 1 : p->v.o.capture);
	text(o, "problem", problem);
	count(o, "total", p->total);
	count(o, "from", p->from);
	count(o, "to", p->to);
	count(o, "events", p->nevents);
	count(o, "steps", p->nsteps);
	count(o, "nops", p->nops);
	count(o, "nlives", p->nlives);
	count(o, "nwaits", p->nwaits);
	count(o, "nsets", p->nsets);
	count(o, "nready", p->nready);
	count(o, "nnotes", p->nnotes);
	count(o, "nturns", p->nturns);
	count(o, "data_bytes", capture_header(p->v.capture)->data_bytes);
	write_calls(o, p);
	write_errors(o, p);
	write_threads(o, p);
}

static void
write_columns(struct out *o, const struct page *p)
{
	static const struct {
		const char *name;
		size_t at;
	} columns[] = {
#define COLUMN(name) {#name, offsetof(struct page, name)}
		COLUMN(op_step), COLUMN(op_life), COLUMN(op_what), COLUMN(op_value), COLUMN(lives), COLUMN(kind), COLUMN(begin),
		COLUMN(spent), COLUMN(fd), COLUMN(life), COLUMN(ret), COLUMN(numbers), COLUMN(wait_set), COLUMN(wait_ready), COLUMN(wait_timeout),
		COLUMN(wait_left), COLUMN(note_event), COLUMN(note_who), COLUMN(note_verb), COLUMN(note_text), COLUMN(turn_event),
		COLUMN(turn_number), COLUMN(turn_shape), COLUMN(turn_numbers),
#undef COLUMN
	};

	column(o, "order", &p->steps);
	for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
		column(o, columns[i].name, (const struct out *)(const void *)((const char *)p + columns[i].at));
	list(o, "number_places", &p->number_places);
	list(o, "turn_places", &p->turn_places);
	list(o, "sets", &p->sets);
	list(o, "ready", &p->ready);
	write_kinds(o, &p->kinds);
	strings(o, "shapes", &p->shapes);
	strings(o, "strings", &p->strings);
}

/* ---- the page ---- */

/* The turns as text, for who has no scripts, and for paper: what `fdtrace turns` prints, cut when it is long. */
static void
write_turns(struct page *p)
{
	char *argv[] = {(char *)(uintptr_t) "turns", (char *)(uintptr_t) "--ascii", (char *)(uintptr_t) "--color=never",
		(char *)(uintptr_t) "--width=100", (char *)(uintptr_t)p->v.o.capture, NULL};
	char buffer[4096];
	size_t left = TURNS_BYTES_MOST;
	ssize_t got;
	int ends[2], quiet;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	fflush(NULL);
	child = fork();
	if (child == 0) {
		close(ends[0]); /* or it would never learn that we have read enough */
		quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(ends[1], 1);
		dup2(quiet, 2);
		_exit(turns_main(5, argv));
	}
	close(ends[1]);
	while (child > 0 && left > 0 && (got = read(ends[0], buffer, left < sizeof buffer ? left : sizeof buffer)) > 0) {
		html_text(&p->v.out, buffer, (size_t)got);
		left -= (size_t)got;
	}
	close(ends[0]);
	if (left == 0)
		out_text(&p->v.out, "\n...\n");
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static void
write_piece(struct out *o, const struct player_piece *piece)
{
	out_copy(o, (const char *)piece->bytes, piece->size);
	if (out_length(o) > 1 << 20)
		out_flush(o);
}

static void
write_page(struct page *p)
{
	struct out *o = &p->v.out;

	write_piece(o, &player_pieces[0]);
	write_facts(o, p);
	write_columns(o, p);
	out_text(o, "\"sources\":[");
	if (p->sources != NULL)
		sources_write(p->sources, o);
	out_text(o, "],\n\"findings\":[");
	out_copy(o, p->findings.start, out_length(&p->findings));
	out_text(o, "]}\n");
	write_piece(o, &player_pieces[1]);
	write_turns(p);
	write_piece(o, &player_pieces[2]);
}

/* Reads the run and writes the page. Returns -1, or the status when it did not go so far. */
static int
make_page(struct page *p)
{
	int status;

	for (struct out *const *c = columns_of(p); *c != NULL; c++)
		out_open(*c, -1);
	table_open(&p->strings);
	table_open(&p->shapes);
	table_open(&p->kinds);
	table_put(&p->strings, "", 0);
	p->sources = p->no_source ? NULL : sources_open(p->v.model, p->v.where);
	if ((status = choose_events(p)) < 0 && (status = page_state(p)) < 0) {
		page_events(p);
		write_page(p);
	}
	sources_close(p->sources);
	table_close(&p->strings);
	table_close(&p->shapes);
	table_close(&p->kinds);
	for (struct out *const *c = columns_of(p); *c != NULL; c++)
		out_close(*c);
	free(p->life_place);
	return status;
}

int
html_main(int argc, char **argv)
{
	struct page *p = more(NULL, 1, sizeof *p);
	int status;

	memset(p, 0, sizeof *p);
	p->from = 1;
	p->to = UINT64_MAX;
	if ((status = own_arguments(p, &argc, argv)) < 0)
		status = view_arguments(&p->v.o, argc, argv, TAKES_WHERE, help);
	if (status < 0 && p->v.o.output == NULL && isatty(1))
		status = wrong("-o", "a page is not for a terminal: name a file");
	if (status < 0)
		status = view_open(&p->v, false);
	if (status < 0 && (status = make_page(p)) < 0)
		status = view_close(&p->v);
	free(p);
	return status;
}
