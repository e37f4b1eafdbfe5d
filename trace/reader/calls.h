/* trace/reader/calls.h: what the reader knows of each call: the other side of calls.c, which calls.py makes. */
#ifndef FDT_READER_CALLS_H
#define FDT_READER_CALLS_H

#include <calls.h> /* build/gen/calls.h: ids, shapes, families; not this file */

#define CALL_KEPT 6 /* arguments that are kept of a call, at most */

struct call_info {
	const char *name; /* NULL: no call has this id */
	enum fdt_shape shape;
	enum fdt_family family;
	int no_fd; /* the call has no parameter `fd` */
	int nkept;
	struct {
		const char *name, *how; /* how: a table of words.h, or int, hex, octal */
	} kept[CALL_KEPT];
};

extern const struct call_info call_infos[FDT_CALLS];
extern const char *const family_names[];

#endif
