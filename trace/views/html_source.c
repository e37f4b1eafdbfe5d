/* trace/views/html_source.c: see html_source.h. The path of a file does not get into the page: it may name a person. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/html_source.h"

#include "reader/map.h"
#include "views/html_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MOST = 32, SOURCE_MOST = 512 * 1024 };

struct source {
	char *name;
	struct out text;
	bool there, changed;
};

struct sources {
	struct model *model;
	struct where *where;
	struct source list[FILES_MOST];
	int count;
};

struct sources *
sources_open(struct model *m, struct where *w)
{
	struct sources *s = more(NULL, 1, sizeof *s);

	memset(s, 0, sizeof *s);
	s->model = m;
	s->where = w;
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

/* Reads at most `size` bytes. Returns how many. */
static size_t
read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;
	ssize_t got = 1;

	while (got > 0 && used < size) {
		got = read(fd, buffer + used, size - used);
		if (got > 0)
			used += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	return used;
}

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
	const char *whole;
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
	whole = where_path(s->where, image, ev->where);
	colon = strrchr(whole, ':');
	if (colon == NULL || (size_t)(colon - whole) >= sizeof path)
		return;
	memcpy(path, whole, (size_t)(colon - whole));
	path[colon - whole] = '\0';
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
