/* trace/views/player.h: the player's page, which trace/player/embed.py puts into build/gen/player.c. */
#ifndef FDT_PLAYER_H
#define FDT_PLAYER_H

#include <stddef.h>

/* Up to the run's data; up to the turns as text; the rest. */
struct player_piece {
	const unsigned char *bytes;
	size_t size;
};
extern const struct player_piece player_pieces[3];

#endif
