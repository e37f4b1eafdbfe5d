/* trace/views/html_source.c: see html_source.h.
 *
 * where.h gives a file's name only; where it lies is asked once for each file, of addr2line(1). The path itself does not get into
 * the page: it may name a person.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/html_source.h"

#include "reader/map.h"
#include "views/html_pack.h"

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

enum { FILES_MOST = 32, SOURCE_MOST = 512 * 1024, PATIENCE_MS = 5000 };

struct source {
	char *name;
	struct out text;
	bool there, changed;
};

struct sources {
	struct model *model;
	struct source list[FILES_MOST];
	int count;
};

struct sources *
sources_open(struct model *m)
{
	struct sources *s = more(NULL, 1, sizeof *s);

	memset(s, 0, sizeof *s);
	s->model = m;
	return s;
}

void
sources_close(struct sources *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < s->count; i++) {
		free(s->list[i].name);
		out_close(&s->list[i].text);
	}
	free(s);
}

/* ---- where the file lies ---- */

/* The object file that holds the event's address, and the address within it. */
static bool
object_of(const struct sources *s, const struct event *ev, uint32_t image, char path[4096], uint64_t *address)
{
	uint32_t owner;
	struct event module;

	for (uint32_t i = 0; i < model_modules(s->model); i++) {
		struct bytes item = {0};
		struct fdt_module m;

		if (!model_module(s->model, i, &owner, &module) || owner != image)
			continue;
		item = event_item(&module, FDT_ITEM_MODULE);
		if (item.size <= sizeof m || item.size - sizeof m >= 4096)
			continue;
		memcpy(&m, item.at, sizeof m);
		if (ev->where < m.low || ev->where >= m.high)
			continue;
		memcpy(path, item.at + sizeof m, item.size - sizeof m);
		path[item.size - sizeof m] = '\0';
		*address = ev->where - m.bias - 1;
		return path[0] == '/';
	}
	return false;
}

/* Reads until the end of file, the buffer is full, or nothing came for a while. */
static size_t
read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t got = 1;

	while (got > 0 && used < size - 1) {
		struct pollfd p = {fd, POLLIN, 0};

		if (poll(&p, 1, PATIENCE_MS) <= 0)
			break;
		got = read(fd, buffer + used, size - 1 - used);
		if (got > 0)
			used += (size_t)got;
	}
	buffer[used] = '\0';
	return used;
}

/* The answer of `addr2line -e object address`: "/home/me/lab2/server.c:61". */
static bool
ask_once(char *object, uint64_t address, char answer[4096])
{
	struct out number;
	posix_spawn_file_actions_t actions;
	int ends[2], error;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	out_open(&number, -1);
	out_hex(&number, address);
	out_char(&number, '\0');
	char *argv[] = {(char *)(uintptr_t) "addr2line", (char *)(uintptr_t) "-e", object, number.start, NULL};
	char *env[] = {(char *)(uintptr_t) "PATH=/usr/local/bin:/usr/bin:/bin", (char *)(uintptr_t) "LC_ALL=C", NULL};

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	error = posix_spawnp(&child, "addr2line", &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	out_close(&number);
	if (error == 0) {
		read_all(ends[0], answer, 4096);
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return error == 0 && answer[0] == '/';
}

static bool
path_of(const struct sources *s, const struct event *ev, uint32_t image, char path[4096])
{
	char object[4096], *colon;
	uint64_t address;

	if (!object_of(s, ev, image, object, &address) || !ask_once(object, address, path))
		return false;
	path[strcspn(path, "\n")] = '\0';
	colon = strrchr(path, ':');
	if (colon == NULL)
		return false;
	*colon = '\0';
	return true;
}

/* ---- files ---- */

static void
read_source(const struct sources *s, struct source *source, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int64_t recorded = (int64_t)(capture_header(model_capture(s->model))->start_realtime / 1000000000);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SOURCE_MOST) {
		source->changed = recorded > 0 && st.st_mtime > recorded + 1;
		source->there = true;
		if (!source->changed) {
			out_room(&source->text, SOURCE_MOST + 1);
			source->text.at += read_all(fd, source->text.start, SOURCE_MOST);
		}
	}
	close(fd);
}

void
sources_see(struct sources *s, const struct event *ev, uint32_t image, const char *line)
{
	const char *colon = strrchr(line, ':');
	size_t size = colon != NULL ? (size_t)(colon - line) : 0;
	struct source *source;
	char path[4096];

	if (size == 0 || s->count == FILES_MOST)
		return;
	for (int i = 0; i < s->count; i++)
		if (strlen(s->list[i].name) == size && memcmp(s->list[i].name, line, size) == 0)
			return;
	source = &s->list[s->count++];
	source->name = more(NULL, size + 1, 1);
	memcpy(source->name, line, size);
	source->name[size] = '\0';
	out_open(&source->text, -1);
	if (path_of(s, ev, image, path))
		read_source(s, source, path);
}

void
sources_write(const struct sources *s, struct out *o)
{
	bool first = true;

	for (int i = 0; i < s->count; i++) {
		const struct source *source = &s->list[i];

		if (!source->there)
			continue;
		out_text(o, first ? "{\"name\":" : ",\n{\"name\":");
		first = false;
		html_json(o, source->name, strlen(source->name));
		if (source->changed) {
			out_text(o, ",\"changed\":1}");
			continue;
		}
		out_text(o, ",\"text\":");
		html_json(o, source->text.start, out_length(&source->text));
		out_char(o, '}');
	}
}
