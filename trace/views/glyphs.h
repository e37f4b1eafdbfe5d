/* trace/views/glyphs.h: a descriptor's mark at an event: what lanes, map and svg draw.
 *
 *   *  in the set, and came back    :  in the set, not ready    !  open, but not in the set    ?  in the set, and not open
 *   o  born    r w  data    0  end of file    x  closed    |  open    blank: closed
 */
#ifndef FDT_GLYPHS_H
#define FDT_GLYPHS_H

#include "reader/model.h"
#include "views/screen.h"

/* An event and all that its marks depend on, in a replay: at its BEGIN. */
struct moment {
	struct model *model;
	const struct event *ev;
	struct effects effects;
	const struct watched *watched; /* of a wait; good until the model is asked again */
	int nwatched;
	uint32_t pid; /* whose table is drawn: a note has none of its own */
};

bool life_can_wait(const struct life *life); /* sockets, pipes and the like: what a wait can be about */
void moment_of(struct moment *at, struct model *m, const struct event *ev, uint32_t pid);
char moment_glyph(const struct moment *at, int number);
void out_glyph(struct out *o, const struct screen *s, char c); /* in its hue */
static inline bool
glyph_is_quiet(char c)
{
	return c == ' ' || c == '|' || c == ':';
}

enum { NUMBERS_MOST = 4096 }; /* numbers that may have a lane */

/* The numbers that have a lane, in order, and which of them are shown. */
struct columns {
	struct column {
		int number, width;
		bool shown, keep; /* keep: a listener */
		uint64_t used;    /* the row in which something happened on it last */
	} *at;
	uint32_t n, room, hidden;
	int width; /* of those that are shown, with the count of the others */
};

void columns_know(struct columns *c, struct model *m); /* from all the lives that there will be */
void columns_fit(struct columns *c, int room);         /* all, or those that were used last */
int number_digits(uint64_t number);

#endif
