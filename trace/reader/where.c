/* trace/reader/where.c: see where.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "reader/where.h"

#include "reader/map.h"
#include "reader/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILDREN_MOST = 32,
	PATIENCE_MS = 5000, /* a big program's debug information takes a while to read */
	RECENT = 1024,      /* a power of two */
};

/* An object file, and the addr2line that reads it. */
struct object {
	char *path;
	const char *name; /* basename, escaped */
	struct map lines; /* address in the file -> string + 1 */
	bool silent;      /* libc and kin: no line is worth showing */
	bool tried;
	pid_t child; /* 0: none */
	int to, from;
	char waiting[4096]; /* what it has written and nobody has read */
	size_t nwaiting;
};

struct loaded {
	uint64_t bias, low, high;
	uint32_t object;
};

struct image {
	struct loaded *list;
	uint32_t count, room;
};

struct where {
	bool off;
	bool whole; /* ask() leaves the folders in the name */
	int64_t recorded; /* s since the epoch */
	struct object **objects;
	uint32_t nobjects, objects_room;
	struct map paths, images_map;
	struct image *images;
	uint32_t nimages, images_room;
	char **strings;
	uint32_t nstrings, strings_room;
	struct out scratch;
	int children;
	struct recent {
		uint32_t image;
		uint64_t address;
		const char *line;
	} recent[RECENT];
};

extern char **environ;

struct where *
where_open(const struct capture *c, bool off)
{
	struct where *w = more(NULL, 1, sizeof *w);

	memset(w, 0, sizeof *w);
	w->off = off;
	w->recorded = (int64_t)(capture_header(c)->start_realtime / 1000000000);
	out_open(&w->scratch, -1);
	return w;
}

static void
stop_child(struct where *w, struct object *o)
{
	if (o->child == 0)
		return;
	close(o->to);
	close(o->from);
	kill(o->child, SIGKILL);
	while (waitpid(o->child, NULL, 0) < 0 && errno == EINTR)
		;
	o->child = 0;
	w->children--;
}

void
where_close(struct where *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; i < w->nobjects; i++) {
		stop_child(w, w->objects[i]);
		map_free(&w->objects[i]->lines);
		free(w->objects[i]->path);
		free(w->objects[i]);
	}
	for (uint32_t i = 0; i < w->nimages; i++)
		free(w->images[i].list);
	for (uint32_t i = 0; i < w->nstrings; i++)
		free(w->strings[i]);
	free(w->objects);
	free(w->images);
	free(w->strings);
	map_free(&w->paths);
	map_free(&w->images_map);
	out_close(&w->scratch);
	free(w);
}

/* What is in w->scratch, as a string that stays: w->strings[keep(w) - 1], in two statements. */
static uint32_t
keep(struct where *w)
{
	size_t n = out_length(&w->scratch);
	char *copy = more(NULL, n + 1, 1);

	memcpy(copy, w->scratch.start, n);
	copy[n] = '\0';
	w->strings = grow(w->strings, w->nstrings, &w->strings_room, sizeof *w->strings);
	w->strings[w->nstrings++] = copy;
	return w->nstrings;
}

/* ---- objects ---- */

static bool
is_libc(const char *name)
{
	static const char *const silent[] = {
		"libc.so", "libc-", "libc.musl", "ld-", "ld.so", "libpthread", "libfdtrace"};

	for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++)
		if (strncmp(name, silent[i], strlen(silent[i])) == 0)
			return true;
	return false;
}

static uint32_t
object_of(struct where *w, struct bytes path)
{
	uint64_t key = hash_bytes(path.at, path.size);
	uint32_t found;
	struct object *o;

	while ((found = map_get(&w->paths, key)) != 0) {
		o = w->objects[found - 1];
		if (strlen(o->path) == path.size && memcmp(o->path, path.at, path.size) == 0)
			return found - 1;
		key++;
	}
	o = more(NULL, 1, sizeof *o);
	memset(o, 0, sizeof *o);
	o->path = more(NULL, path.size + 1, 1);
	memcpy(o->path, path.at, path.size);
	o->path[path.size] = '\0';
	const char *slash = strrchr(o->path, '/'), *name = slash != NULL ? slash + 1 : o->path;

	out_reset(&w->scratch);
	out_escaped(&w->scratch, (struct bytes){(const unsigned char *)name, (uint32_t)strlen(name)});
	found = keep(w);
	o->name = w->strings[found - 1];
	o->silent = is_libc(name);
	w->objects = grow(w->objects, w->nobjects, &w->objects_room, sizeof *w->objects);
	w->objects[w->nobjects++] = o;
	map_put(&w->paths, key, w->nobjects);
	return w->nobjects - 1;
}

void
where_module(struct where *w, uint32_t image, const struct event *ev)
{
	struct bytes item = event_item(ev, FDT_ITEM_MODULE);
	struct fdt_module m;
	struct image *i;
	uint32_t place;

	if (w->off || item.size < sizeof m || memchr(item.at + sizeof m, '\0', item.size - sizeof m) != NULL)
		return;
	memcpy(&m, item.at, sizeof m);
	place = map_get(&w->images_map, image);
	if (place == 0) {
		w->images = grow(w->images, w->nimages, &w->images_room, sizeof *w->images);
		w->images[w->nimages] = (struct image){0};
		place = ++w->nimages;
		map_put(&w->images_map, image, place);
	}
	i = &w->images[place - 1];
	for (uint32_t k = 0; k < i->count; k++)
		if (i->list[k].low == m.low && i->list[k].high == m.high)
			return; /* told again at exit */
	if (i->count >= 4096)
		return;
	memset(w->recent, 0, sizeof w->recent);
	i->list = grow(i->list, i->count, &i->room, sizeof *i->list);
	i->list[i->count++] = (struct loaded){m.bias, m.low, m.high,
		object_of(w, (struct bytes){item.at + sizeof m, item.size - (uint32_t)sizeof m})};
}

/* ---- addr2line ---- */

/* Without what `fdtrace run` puts into the environment of the program: addr2line is not to be traced. */
static char **
clean_environment(void)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ != NULL && environ[n] != NULL)
		n++;
	env = more(NULL, n + 1, sizeof *env);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0 &&
			strncmp(environ[i], FDT_ENV "=", sizeof FDT_ENV) != 0)
			env[kept++] = environ[i];
	env[kept] = NULL;
	return env;
}

/* The descriptors that are not its own close at exec: ours are O_CLOEXEC. It ends when its input does, at the latest with us. */
static bool
spawn_reader(struct object *o, int input, int output)
{
	char *argv[] = {(char *)(uintptr_t) "addr2line", (char *)(uintptr_t) "-e", o->path, NULL},
	     **env = clean_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int error;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setpgroup(&attributes, 0); /* an interrupt at the terminal is not for it */
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, input, 0);
	posix_spawn_file_actions_adddup2(&actions, output, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&o->child, "addr2line", &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(env);
	if (error != 0)
		o->child = 0;
	return error == 0;
}

/* A file that is not there, or was built again since the run, has no true lines. */
static bool
start_child(struct where *w, struct object *o)
{
	struct stat st;
	int to[2], from[2];

	o->tried = true;
	if (w->children >= CHILDREN_MOST || o->path[0] != '/' || stat(o->path, &st) < 0 || !S_ISREG(st.st_mode) ||
		(w->recorded > 0 && st.st_mtime > w->recorded + 1))
		return false;
	if (pipe2(to, O_CLOEXEC) < 0)
		return false;
	if (pipe2(from, O_CLOEXEC) < 0) {
		close(to[0]);
		close(to[1]);
		return false;
	}
	if (spawn_reader(o, to[0], from[1]))
		w->children++;
	close(to[0]);
	close(from[1]);
	o->to = to[1];
	o->from = from[0];
	if (o->child == 0) {
		close(o->to);
		close(o->from);
	}
	return o->child != 0;
}

/* One line of its answer, without the newline; NULL when it does not come. */
static char *
read_answer(struct object *o, char line[sizeof o->waiting])
{
	for (;;) {
		char *end = memchr(o->waiting, '\n', o->nwaiting);
		struct pollfd p = {o->from, POLLIN, 0};

		if (end != NULL) {
			size_t n = (size_t)(end - o->waiting);

			memcpy(line, o->waiting, n);
			line[n] = '\0';
			o->nwaiting -= n + 1;
			memmove(o->waiting, end + 1, o->nwaiting);
			return line;
		}
		if (o->nwaiting == sizeof o->waiting || poll(&p, 1, PATIENCE_MS) <= 0)
			return NULL;
		ssize_t got = read(o->from, o->waiting + o->nwaiting, sizeof o->waiting - o->nwaiting);

		if (got <= 0)
			return NULL;
		o->nwaiting += (size_t)got;
	}
}

/* Asks for one address. false: there is no line. Otherwise it is in w->scratch. */
static bool
ask(struct where *w, struct object *o, uint64_t address)
{
	char line[sizeof o->waiting], *name;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	bool sent;

	if (o->child == 0 && (o->tried || !start_child(w, o)))
		return false;
	out_reset(&w->scratch);
	out_hex(&w->scratch, address);
	out_char(&w->scratch, '\n');
	sigaction(SIGPIPE, &ignore, &before); /* it may have died: no addr2line, no memory */
	sent = write(o->to, w->scratch.start, out_length(&w->scratch)) == (ssize_t)out_length(&w->scratch);
	sigaction(SIGPIPE, &before, NULL);
	if (!sent || read_answer(o, line) == NULL) {
		stop_child(w, o);
		return false;
	}
	name = strstr(line, " (discriminator "); /* behind the number; a path may have spaces of its own */
	if (name != NULL)
		*name = '\0';
	name = w->whole ? NULL : strrchr(line, '/');
	name = name != NULL ? name + 1 : line;
	size_t n = strlen(name);

	if (n < 3 || name[0] == '?' || name[n - 1] == '?' || (name[n - 1] == '0' && name[n - 2] == ':'))
		return false;
	out_reset(&w->scratch);
	out_escaped(&w->scratch, (struct bytes){(const unsigned char *)name, (uint32_t)n});
	return true;
}

/* ---- answers ---- */

static const char *
look_up(struct where *w, uint32_t image, uint64_t address)
{
	uint32_t place = map_get(&w->images_map, image), known;
	const struct image *i = place != 0 ? &w->images[place - 1] : NULL;

	for (uint32_t k = 0; i != NULL && k < i->count; k++) {
		const struct loaded *l = &i->list[k];
		struct object *o = w->objects[l->object];
		uint64_t there = address - l->bias;

		if (address < l->low || address >= l->high)
			continue;
		if (o->silent)
			return "";
		known = map_get(&o->lines, there);
		if (known == 0) {
			if (!ask(w, o, there - 1)) { /* a return address: the call is before it */
				out_reset(&w->scratch);
				out_text(&w->scratch, o->name);
				out_char(&w->scratch, '+');
				out_hex(&w->scratch, there);
			}
			known = keep(w);
			map_put(&o->lines, there, known);
		}
		return w->strings[known - 1];
	}
	return "";
}

const char *
where_line(struct where *w, uint32_t image, uint64_t address)
{
	struct recent *r;

	if (w->off || address == 0)
		return "";
	r = &w->recent[(address ^ address >> 10 ^ image) & (RECENT - 1)];
	if (r->line == NULL || r->image != image || r->address != address)
		*r = (struct recent){image, address, look_up(w, image, address)};
	return r->line;
}

const char *
where_path(struct where *w, uint32_t image, uint64_t address)
{
	uint32_t place = w->off || address == 0 ? 0 : map_get(&w->images_map, image);
	const struct image *i = place != 0 ? &w->images[place - 1] : NULL;
	bool known = false;

	for (uint32_t k = 0; i != NULL && k < i->count && !known; k++) {
		const struct loaded *l = &i->list[k];

		if (address < l->low || address >= l->high || w->objects[l->object]->silent)
			continue;
		w->whole = true;
		known = ask(w, w->objects[l->object], address - l->bias - 1);
		w->whole = false;
	}
	if (!known)
		return "";
	out_char(&w->scratch, '\0');
	return w->scratch.start;
}
