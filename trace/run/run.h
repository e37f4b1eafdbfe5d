/* trace/run/run.h: the launcher's parts. `fdtrace run` makes the capture, starts the program with libfdtrace.so in it, keeps
 * space ahead of it, writes down what only the outside knows (notes, output, queues, how it ended), and closes the capture.
 */
#ifndef FDT_RUN_H
#define FDT_RUN_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "calls.h"
#include "capture.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { EXIT_FDTRACE = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* Says "fdtrace: ..." on stderr and exits with 125: nothing was started yet. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- target.c: what kind of program it is ---- */

enum libc_kind { LIBC_GLIBC, LIBC_MUSL };

/* Finds the program as execvp(3) would and looks at its file. Exits with 127 or 126 as a shell does when it cannot be run, and
 * with 125 when it can be run but not traced (static, setuid, another machine); says why in one line. Returns which libc it is
 * linked with. `path` (PATH_MAX bytes) receives the file. */
enum libc_kind look_at_program(const char *program, char *path);

/* ---- space.c: the file ---- */

struct space {
	char *path; /* absolute; owned */
	int fd;
	struct fdt_header *header;
	struct fdt_slot *slots;
	uint64_t limit; /* bytes that the file may have */
	bool full;      /* the disk, or the limit: no more space is added */
};

/* Makes the capture beside `path` and renames it over, so that a run that still writes into an old one is not hurt. `reserve`
 * bytes have real space before the program starts. Exits with 125 and one line when it cannot be made. */
void space_make(struct space *s, const char *path, uint64_t max_slots, uint64_t reserve);
/* Keeps space ahead of the cursor, in a thread of its own, until space_close. */
void space_start_growing(struct space *s);
/* Writes down how the two clocks stand now. */
void space_anchor(struct space *s);
/* Milliseconds until the next anchor is due. */
int space_next_anchor(const struct space *s);
/* Closes the capture: no more space; `status` is wait(2)'s. Cuts the file to what was used, when nobody maps it any more. */
void space_close(struct space *s, uint32_t status);
/* Whether a process besides the program still has the capture mapped. */
bool space_in_use(struct space *s, pid_t except);

/* ---- notes.c: events that the launcher writes ---- */

/* An event without a tail. Returns its slot index, or UINT64_MAX when there was no space. */
uint64_t put_event(struct space *s, unsigned call, int fd, pid_t pid, uint64_t arg);
/* A note: who does what. The texts are any bytes. */
void put_note(struct space *s, const char *who, const char *verb, const char *text, size_t text_size);

struct lines {
	char buffer[4096];
	size_t used;
};

/* Reads what is there on a non-blocking `fd` and calls `line` for each line (the last one too, at end of file). Returns false at
 * end of file. A line longer than the buffer comes in pieces. */
bool read_lines(int fd, struct lines *l, void (*line)(void *context, const char *text, size_t size), void *context);

/* ---- queues.c ---- */

/* Looks at the accept queues of the listeners of `pid` in the kernel's tables (proc_net_tcp(5): rx_queue of a listening socket
 * is the number of connections that wait to be accepted) and writes a queue event for each that changed. `at_rest`: the program
 * is known to be doing nothing; otherwise two looks must agree, and most calls do not look at all. */
void sample_queues(struct space *s, pid_t pid, bool at_rest);

/* ---- inject.c ---- */

/* Parses one --inject=SPEC into the header. Returns NULL, or what is wrong with it (static storage). */
const char *add_fault(struct fdt_header *h, const char *spec);
/* Parses --only=LIST. The same. */
const char *only_calls(struct fdt_header *h, const char *list);

#endif
