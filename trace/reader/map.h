/* trace/reader/map.h: a hash map from 64-bit keys to numbers above 0, and memory that stays or says so. */
#ifndef FDT_MAP_H
#define FDT_MAP_H

#include <stddef.h>
#include <stdint.h>

/* All zeros is an empty map. */
struct map {
	struct map_entry {
		uint64_t key;
		uint32_t value; /* 0: free */
	} *entries;
	uint32_t size; /* a power of two, or 0 */
	uint32_t used;
};

uint32_t map_get(const struct map *m, uint64_t key); /* 0: not there */
void map_put(struct map *m, uint64_t key, uint32_t value);
void map_remove(struct map *m, uint64_t key);
void map_free(struct map *m);
uint64_t hash_bytes(const void *bytes, size_t size);

/* A reader without memory cannot go on: these say so in one line and exit with status 2. */
void *more(void *old, size_t count, size_t size);
/* Room for one more element in an array of `count`, which has room for *room. */
void *grow(void *array, size_t count, uint32_t *room, size_t size);

#endif
