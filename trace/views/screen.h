/* trace/views/screen.h: what the terminal is like, and text that fits it. */
#ifndef FDT_SCREEN_H
#define FDT_SCREEN_H

#include "reader/text.h"
#include "views/live.h"

struct screen {
	int width;   /* columns */
	bool colour;
	bool utf8;
};

/* For output to o->fd: width from the options, else the terminal's, else COLUMNS, else 80. */
struct screen screen_of(const struct live_options *o);

/* Two hues and bold; nothing is said by them alone. */
enum hue { HUE_NONE, HUE_WOKE, HUE_BORN, HUE_LOUD };
void out_hue(struct out *o, const struct screen *s, enum hue hue);

/* What others say, as out_printable(); on a screen that has UTF-8, letters, digits and punctuation of common scripts stay. No
 * control character, no mark that turns the direction of text, nothing that has no width. */
void out_said(struct out *o, const struct screen *s, struct bytes bytes);

/* Text in pieces that stay together, with a PIECE_END behind each. */
enum { PIECE_END = '\n' };
/* Prints as many pieces from *at on as fit into `width`, `gap` spaces apart, and moves *at behind them. A piece that does not fit by
 * itself is cut. Returns the columns used; 0: nothing is left. */
int out_pieces(struct out *o, const struct screen *s, const struct out *text, size_t *at, int width, int gap);

#endif
