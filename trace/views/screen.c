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

static enum hue
hue_of(const char *piece)
{
	if (piece[0] == '+')
		return HUE_BORN;
	return strncmp(piece, "TIMEOUT", 7) == 0 || strncmp(piece, "failed", 6) == 0 ? HUE_LOUD : HUE_NONE;
}

/* What is longer than a line is broken at its last space that fits, or cut. */
static int
piece_that_fits(const char *piece, int length, int width)
{
	int n = width;

	if (length <= width)
		return length;
	while (n > width / 2 && piece[n] != ' ')
		n--;
	n = n > width / 2 ? n : width;
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
		int length = (int)(end - piece), n = length, space = used > 0 ? gap : 0;
		enum hue hue = hue_of(piece);

		if (used > 0 && used + space + length > width)
			break;
		n = piece_that_fits(piece, length, width);
		out_pad(o, out_length(o), space);
		if (hue != HUE_NONE)
			out_hue(o, s, hue);
		out_copy(o, piece, (size_t)n);
		if (hue != HUE_NONE)
			out_hue(o, s, HUE_NONE);
		used += space + n;
		*at += (size_t)n;
		while (n < length && text->start[*at] == ' ')
			++*at;
		*at += n == length;
		if (n < length)
			break;
	}
	return used;
}
