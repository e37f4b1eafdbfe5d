/* trace/reader/words.h: numbers of the system interface by their names: flags, options, commands, families. */
#ifndef FDT_WORDS_H
#define FDT_WORDS_H

#include "reader/text.h"

/* Prints an argument as `how` of calls.tab says: af, sock, open, msg, shut, fcntl, sol, so, epoll, octal, hex, int.
 * A value without a name comes as a number. `level` is the argument before, for options. */
void out_word(struct out *o, const char *how, int64_t value, int64_t level);
void out_poll_events(struct out *o, int events);    /* POLLIN|POLLHUP */
void out_epoll_events(struct out *o, uint32_t events); /* EPOLLIN|EPOLLET */

#endif
