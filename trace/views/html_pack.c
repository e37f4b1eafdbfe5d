/* trace/views/html_pack.c: see html_pack.h. */
#include "views/html_pack.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS_MOST = 15 }; /* what a JavaScript number holds exactly */

void
pack(struct out *column, uint64_t number)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	out_room(column, 13);
	for (; number >= 32; number >>= 5)
		*column->at++ = alphabet[32 + (number & 31)];
	*column->at++ = alphabet[number];
}

void
pack_signed(struct out *column, int64_t number)
{
	pack(column, number < 0 ? ~(uint64_t)number << 1 | 1 : (uint64_t)number << 1);
}

/* ---- tables ---- */

void
table_open(struct table *t)
{
	*t = (struct table){0};
	out_open(&t->bytes, -1);
	out_open(&t->scratch, -1);
}

void
table_close(struct table *t)
{
	map_free(&t->places);
	out_close(&t->bytes);
	out_close(&t->scratch);
	free(t->ends);
}

const char *
table_get(const struct table *t, uint32_t id, size_t *size)
{
	size_t start = id == 0 ? 0 : t->ends[id - 1];

	*size = t->ends[id] - start;
	return t->bytes.start + start;
}

uint32_t
table_put(struct table *t, const void *bytes, size_t size)
{
	uint64_t key = hash_bytes(bytes, size);
	uint32_t place;

	for (; (place = map_get(&t->places, key)) != 0; key++) {
		size_t old_size;
		const char *old = table_get(t, place - 1, &old_size);

		if (old_size == size && memcmp(old, bytes, size) == 0)
			return place - 1;
	}
	out_copy(&t->bytes, bytes, size);
	t->ends = grow(t->ends, t->count, &t->room, sizeof *t->ends);
	t->ends[t->count++] = out_length(&t->bytes);
	map_put(&t->places, key, t->count);
	return t->count - 1;
}

/* ---- sentences ---- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A run of digits: its place in the shape, and its value into the column unless the event has it. */
static void
pack_run(const struct packer *packer, struct out *shape, const char *run, size_t size)
{
	int64_t value = 0;
	bool zeros = run[0] == '0' && size > 1;

	if (size > DIGITS_MOST || (zeros && size > 9)) {
		out_copy(shape, run, size);
		return;
	}
	for (size_t i = 0; i < size; i++)
		value = 10 * value + (run[i] - '0');
	for (int k = 0; !zeros && k < PACK_KNOWN; k++) {
		if (packer->known[k] == value) {
			out_char(shape, (char)(PACK_FD + k));
			return;
		}
	}
	out_char(shape, (char)(zeros ? size : 1));
	pack(packer->numbers, (uint64_t)value);
}

/* Between double quotes a backslash takes what follows with it. Returns the closing quote, or NULL. */
static const char *
closing_quote(const char *p, const char *end)
{
	for (; p < end && *p != '"'; p++)
		p += *p == '\\' && p + 1 < end;
	return p < end ? p : NULL;
}

static void
pack_string(const struct packer *packer, struct out *shape, const char *text, size_t size)
{
	uint32_t id = table_put(packer->strings, text, size);

	out_char(shape, '"');
	out_char(shape, packer->data == (int64_t)id ? PACK_DATA : PACK_STRING);
	out_char(shape, '"');
	if (packer->data != (int64_t)id)
		pack(packer->numbers, id);
}

static bool
is_watched(const struct packer *packer, const char *p, const char *end)
{
	size_t size = packer->watched != NULL ? out_length(packer->watched) : 0;

	return size > 0 && (size_t)(end - p) > size && memcmp(p, packer->watched->start, size) == 0 && !is_digit(p[size]) && p[size] != '#';
}

uint32_t
pack_sentence(const struct packer *packer, const struct out *sentence)
{
	const char *p = sentence->start, *end = sentence->at, *close;
	struct out *shape = &packer->shapes->scratch;

	out_reset(shape);
	while (p < end) {
		const char *run = p;

		while (p < end && is_digit(*p))
			p++;
		if (p > run) {
			pack_run(packer, shape, run, (size_t)(p - run));
		} else if (*p == '"' && (close = closing_quote(p + 1, end)) != NULL) {
			pack_string(packer, shape, p + 1, (size_t)(close - p - 1));
			p = close + 1;
		} else if (is_watched(packer, p, end)) {
			out_char(shape, PACK_WATCHED);
			p += out_length(packer->watched);
		} else {
			out_char(shape, *p++);
		}
	}
	return table_put(packer->shapes, shape->start, out_length(shape));
}

/* ---- text ---- */

void
out_shown(struct out *o, struct bytes bytes, uint32_t most)
{
	static const char hex[] = "0123456789abcdef";

	for (uint32_t i = 0; i < bytes.size && i < most; i++) {
		unsigned char c = bytes.at[i];

		if (c == '\\')
			out_char(o, '\\');
		if (c >= ' ' && c <= '~') {
			out_char(o, (char)c);
			continue;
		}
		out_text(o, "\\x");
		out_char(o, hex[c >> 4]);
		out_char(o, hex[c & 15]);
	}
}

static void
json_unit(struct out *o, unsigned unit)
{
	out_text(o, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		out_char(o, "0123456789abcdef"[unit >> shift & 15]);
}

/* The length of the UTF-8 sequence at p, and its code point; 0 when it is not one. */
static size_t
utf8(const unsigned char *p, size_t left, uint32_t *code)
{
	size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (size == 0 || size > left)
		return 0;
	*code = size == 1 ? p[0] : p[0] & (0xff >> (size + 1));
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if ((size == 3 && (*code < 0x800 || (*code >= 0xd800 && *code < 0xe000))) || (size == 4 && (*code < 0x10000 || *code > 0x10ffff)))
		return 0;
	return size;
}

/* Characters that are not seen, or that turn the text around them: format characters and separators. */
static bool
is_invisible(uint32_t c)
{
	return (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

void
html_json(struct out *o, const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + size;
	uint32_t code;
	size_t n;

	out_char(o, '"');
	for (; p < end; p += n) {
		n = utf8(p, (size_t)(end - p), &code);
		if (n == 0) {
			n = 1;
			json_unit(o, 0xfffd);
		} else if (code == '"' || code == '\\') {
			out_char(o, '\\');
			out_char(o, (char)code);
		} else if (code < ' ' || code == '<' || code == '>' || code == '&') {
			json_unit(o, code);
		} else if (is_invisible(code)) {
			out_text(o, "\\\\u{");
			out_hex(o, code);
			out_char(o, '}');
		} else {
			out_copy(o, (const char *)p, n);
		}
	}
	out_char(o, '"');
}

void
html_text(struct out *o, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		switch (text[i]) {
		case '<': out_text(o, "&lt;"); break;
		case '>': out_text(o, "&gt;"); break;
		case '&': out_text(o, "&amp;"); break;
		case '"': out_text(o, "&quot;"); break;
		default: out_char(o, text[i]);
		}
	}
}
