/* trace/views/html_pack.h: how `fdtrace html` packs a run into the page: numbers as text, tables, sentences as shapes.
 *
 * A number is written with 5 bits a character, the lowest first, in the alphabet of base64; 32 says that more follow. Signed
 * numbers are zigzagged before. A column is a row of such numbers and nothing between them. trace/player/data.js reads it.
 */
#ifndef FDT_HTML_PACK_H
#define FDT_HTML_PACK_H

#include "reader/map.h"
#include "reader/text.h"

void pack(struct out *column, uint64_t number);
void pack_signed(struct out *column, int64_t number);

/* Things by number, in the order of their first mention, from 0. Two are the same when their bytes are. */
struct table {
	struct map places;
	struct out bytes;
	size_t *ends;
	uint32_t count, room;
	struct out scratch; /* pack_sentence()'s own */
};

void table_open(struct table *t);
void table_close(struct table *t);
uint32_t table_put(struct table *t, const void *bytes, size_t size);
const char *table_get(const struct table *t, uint32_t id, size_t *size);

/* A sentence as a shape and its numbers: runs of digits become one byte each, so that a million sentences have some dozen shapes.
 * Byte 1: the next number; 2 to 9: the next number, with zeros in front up to that width; PACK_STRING: what stands between double
 * quotes, by its number in `strings`; PACK_FD ...: a number that the event has anyway; PACK_DATA: the string that is its data;
 * PACK_WATCHED: the descriptors that the wait was given. The numbers are packed into a column. */
enum { PACK_STRING = 15, PACK_FD = 16, PACK_ORDINAL, PACK_RET, PACK_DATA, PACK_WATCHED, PACK_KNOWN = 3 };
struct packer {
	struct table *shapes, *strings;
	struct out *numbers;
	int64_t known[PACK_KNOWN]; /* fd, ordinal, result; -1: none */
	int64_t data;              /* the event's string, or -1 */
	const struct out *watched; /* " 3 4#2 5", or NULL */
};
uint32_t pack_sentence(const struct packer *p, const struct out *sentence);

/* Printable ASCII as it is, a backslash doubled, every other byte as \xNN. At most `most` bytes of it. */
void out_shown(struct out *o, struct bytes bytes, uint32_t most);

/* A string in a data block of a page: valid JSON, and no byte of it means anything to an HTML parser. */
void html_json(struct out *o, const char *text, size_t size);
/* The same in an HTML text. */
void html_text(struct out *o, const char *text, size_t size);

#endif
