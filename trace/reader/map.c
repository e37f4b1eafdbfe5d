/* trace/reader/map.c: open addressing, linear probes; what is removed leaves no mark, those behind it move up. */
#include "reader/map.h"

#include <stdio.h>
#include <stdlib.h>

void *
more(void *old, size_t count, size_t size)
{
	void *p = count < SIZE_MAX / size ? realloc(old, count * size) : NULL;

	if (p == NULL) {
		fprintf(stderr, "fdtrace: out of memory: the capture needs another %zu bytes\n", count * size);
		exit(2);
	}
	return p;
}

void *
grow(void *array, size_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room == 0 ? 8 : 2 * *room;
	return more(array, *room, size);
}

static uint64_t
mix(uint64_t key)
{
	key ^= key >> 32;
	key *= 0x9e3779b97f4a7c15u;
	return key ^ key >> 29;
}

uint64_t
hash_bytes(const void *bytes, size_t size)
{
	const unsigned char *p = bytes;
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	return mix(hash);
}

/* Where the key is, or the free place where it would be. */
static struct map_entry *
find(const struct map *m, uint64_t key)
{
	uint32_t at = (uint32_t)mix(key) & (m->size - 1);

	while (m->entries[at].value != 0 && m->entries[at].key != key)
		at = (at + 1) & (m->size - 1);
	return &m->entries[at];
}

uint32_t
map_get(const struct map *m, uint64_t key)
{
	return m->size == 0 ? 0 : find(m, key)->value;
}

static void
resize(struct map *m)
{
	struct map old = *m;

	m->size = old.size == 0 ? 16 : 2 * old.size;
	m->entries = more(NULL, m->size, sizeof *m->entries);
	for (uint32_t i = 0; i < m->size; i++)
		m->entries[i].value = 0;
	for (uint32_t i = 0; i < old.size; i++)
		if (old.entries[i].value != 0)
			*find(m, old.entries[i].key) = old.entries[i];
	free(old.entries);
}

void
map_put(struct map *m, uint64_t key, uint32_t value)
{
	struct map_entry *e;

	if (m->used >= m->size / 2)
		resize(m);
	e = find(m, key);
	m->used += e->value == 0;
	e->key = key;
	e->value = value;
}

void
map_remove(struct map *m, uint64_t key)
{
	uint32_t hole, at;

	if (m->size == 0 || find(m, key)->value == 0)
		return;
	hole = at = (uint32_t)(find(m, key) - m->entries);
	m->used--;
	for (;;) {
		m->entries[hole].value = 0;
		for (;;) {
			at = (at + 1) & (m->size - 1);
			if (m->entries[at].value == 0)
				return;
			uint32_t home = (uint32_t)mix(m->entries[at].key) & (m->size - 1);

			/* It may move into the hole unless its home lies behind the hole. */
			if (((at - home) & (m->size - 1)) >= ((at - hole) & (m->size - 1)))
				break;
		}
		m->entries[hole] = m->entries[at];
		hole = at;
	}
}

void
map_free(struct map *m)
{
	free(m->entries);
	*m = (struct map){0};
}
