/* trace/views/screen.c: see screen.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "views/screen.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	NARROWEST = 20,
	WIDEST = 1000,
	USUAL = 80,
	COLUMN_LEAST = 8, /* on a screen that is narrower than sense, lines are longer than it */
};

static int
width_of(const struct live_options *o)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int width = 0;

	if (o->width > 0)
		width = o->width;
	else if (isatty(o->fd) && ioctl(o->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	else if (columns != NULL)
		width = atoi(columns);
	if (width < NARROWEST)
		width = width > 0 ? NARROWEST : USUAL;
	return width < WIDEST ? width : WIDEST;
}

/* As setlocale(3) would find it, without its effects on everything else. */
static bool
locale_is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
	}
	return false;
}

struct screen
screen_of(const struct live_options *o)
{
	const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
	bool wanted = isatty(o->fd) && (no_colour == NULL || *no_colour == '\0') &&
		      (terminal == NULL || strcmp(terminal, "dumb") != 0);

	return (struct screen){.width = width_of(o),
		.utf8 = !o->ascii && locale_is_utf8(),
		.colour = o->colour == WHEN_ALWAYS || (o->colour == WHEN_AUTO && wanted)};
}

void
out_hue(struct out *o, const struct screen *s, enum hue hue)
{
	static const char *const codes[] = {
		[HUE_NONE] = "\033[0m", [HUE_WOKE] = "\033[33m", [HUE_BORN] = "\033[36m", [HUE_LOUD] = "\033[1m"};

	if (s->colour)
		out_text(o, codes[hue]);
}

/* ---- letters ---- */

/* Letters that take `width` columns. What is in none of these rows is not shown as it is. */
static const struct {
	uint32_t first, last;
	int width;
} letters[] = {
	{0xa1, 0xac, 1}, {0xae, 0x2ff, 1},      /* Latin; without the soft hyphen */
	{0x370, 0x3ff, 1}, {0x400, 0x481, 1},   /* Greek, Cyrillic */
	{0x48a, 0x52f, 1}, {0x2010, 0x2015, 1}, /* dashes */
	{0x2018, 0x201f, 1}, {0x2022, 0x2022, 1}, {0x2026, 0x2026, 1}, {0x20ac, 0x20ac, 1}, {0x2190, 0x21ff, 1},
	{0x3001, 0x3029, 2}, {0x3041, 0x3096, 2}, {0x30a1, 0x30fc, 2}, /* Japanese */
	{0x3131, 0x3163, 2}, {0x4e00, 0x9fff, 2}, {0xac00, 0xd7a3, 2}, /* Korean, Chinese */
	{0xff01, 0xff5e, 2},
};

/* The character that begins here; 0 when it is not whole, not the shortest form, or of another length than 2 or 3 bytes. */
static uint32_t
decode(const unsigned char *p, uint32_t left, uint32_t *bytes)
{
	if (left >= 2 && (p[0] & 0xe0) == 0xc0 && (p[1] & 0xc0) == 0x80) {
		*bytes = 2;
		return p[0] >= 0xc2 ? (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f) : 0;
	}
	if (left >= 3 && (p[0] & 0xf0) == 0xe0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80) {
		uint32_t c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);

		*bytes = 3;
		return c >= 0x800 ? c : 0;
	}
	return 0;
}

/* Columns of the letter that begins here; 0: it is none. */
static int
letter(const unsigned char *p, uint32_t left, uint32_t *bytes)
{
	uint32_t c = decode(p, left, bytes);

	for (size_t i = 0; c != 0 && i < sizeof letters / sizeof letters[0]; i++)
		if (c >= letters[i].first && c <= letters[i].last)
			return letters[i].width;
	return 0;
}

void
out_said(struct out *o, const struct screen *s, struct bytes bytes)
{
	for (uint32_t i = 0, n = 1; i < bytes.size; i += n, n = 1) {
		if (s->utf8 && bytes.at[i] >= 0x80 && letter(bytes.at + i, bytes.size - i, &n) > 0) {
			out_copy(o, (const char *)bytes.at + i, n);
		} else {
			n = 1;
			out_printable(o, (struct bytes){bytes.at + i, 1});
		}
	}
}

/* Columns of text that out_said() wrote, as far as `most` columns go; *length becomes the bytes that they are. */
static int
columns(const char *text, int *length, int most)
{
	const unsigned char *p = (const unsigned char *)text;
	int used = 0, at = 0;

	while (at < *length) {
		uint32_t n = 1;
		int width = p[at] < 0x80 ? 1 : letter(p + at, (uint32_t)(*length - at), &n);

		if (used + width > most)
			break;
		used += width;
		at += (int)n;
	}
	*length = at;
	return used;
}

/* ---- pieces ---- */

static enum hue
hue_of(const char *piece)
{
	if (piece[0] == '+')
		return HUE_BORN;
	return strncmp(piece, "TIMEOUT", 7) == 0 || strncmp(piece, "failed", 6) == 0 ? HUE_LOUD : HUE_NONE;
}

/* What is longer than a line is broken at its last space that fits, or cut. Returns how many bytes fit. */
static int
piece_that_fits(const char *piece, int length, int width)
{
	int n = length, most;

	columns(piece, &n, width);
	if (n == length)
		return length;
	most = n;
	while (n > most / 2 && piece[n] != ' ')
		n--;
	n = n > most / 2 ? n : most;
	while (n > 1 && piece[n - 1] == ' ')
		n--;
	return n;
}

int
out_pieces(struct out *o, const struct screen *s, const struct out *text, size_t *at, int width, int gap)
{
	int used = 0;

	if (width < COLUMN_LEAST)
		width = COLUMN_LEAST;
	while (*at < out_length(text)) {
		const char *piece = text->start + *at, *end = memchr(piece, PIECE_END, out_length(text) - *at);
		int length = (int)(end - piece), space = used > 0 ? gap : 0, n = length;
		int wide = columns(piece, &n, width + 1); /* or more than fits */
		enum hue hue = hue_of(piece);

		if (used > 0 && used + space + wide > width)
			break;
		n = piece_that_fits(piece, length, width);
		out_pad(o, out_length(o), space);
		if (hue != HUE_NONE)
			out_hue(o, s, hue);
		out_copy(o, piece, (size_t)n);
		if (hue != HUE_NONE)
			out_hue(o, s, HUE_NONE);
		*at += (size_t)n;
		used += space + columns(piece, &n, width);
		while (n < length && text->start[*at] == ' ')
			++*at;
		*at += n == length;
		if (n < length)
			break;
	}
	return used;
}
