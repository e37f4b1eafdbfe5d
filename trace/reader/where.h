/* trace/reader/where.h: the source line of a return address: "server.c:61".
 *
 * addr2line(1) is asked, one child for each module that has a line to be found, kept for the whole run; answers are kept by
 * address. Where there is no addr2line, no line, or the program was built again since the run: "server+0x12d4"; for libc itself
 * nothing. A child that does not answer within some seconds is not asked again.
 */
#ifndef FDT_WHERE_H
#define FDT_WHERE_H

#include "reader/events.h"

struct where;
/* off: never starts a child and answers "" always (--no-where). */
struct where *where_open(const struct capture *c, bool off);
void where_close(struct where *w);
/* An object that a program has loaded. Programs are the model's images: forked children share one. */
void where_module(struct where *w, uint32_t image, const struct event *ev);
/* A new string of printable ASCII that stays; "" when nothing is known. */
const char *where_line(struct where *w, uint32_t image, uint64_t address);
/* The same with the whole name of the source file, as editors want it: "/home/me/labs/server.c:61". Good until the next call;
 * "" when there is no such line. It is not kept by address. */
const char *where_path(struct where *w, uint32_t image, uint64_t address);

#endif
