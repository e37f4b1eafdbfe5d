/* trace/reader/text.h: output: a buffer that is written in big pieces, numbers without printf, and escaping.
 *
 * What a client, a file name or an argument says must never reach a terminal or a parser as it is: out_escaped() keeps printable
 * ASCII, puts a backslash before \ and ", and makes \xNN of every other byte. There is no other way for such bytes to get out.
 */
#ifndef FDT_TEXT_H
#define FDT_TEXT_H

#include "reader/events.h"

/* Text on its way to a descriptor, or, with fd -1, into memory only. A write error is kept; nothing is written after it. */
struct out {
	char *start, *at, *end;
	int fd;
	int error; /* errno of the write that failed, or 0; EPIPE is nobody's fault */
};

void out_open(struct out *o, int fd);
void out_close(struct out *o); /* flushes */
void out_flush(struct out *o);
void out_line(struct out *o);  /* ends a line; flushes when much is waiting */
void out_reset(struct out *o); /* forgets what is waiting */
void out_grow(struct out *o, size_t more);
static inline size_t
out_length(const struct out *o)
{
	return (size_t)(o->at - o->start);
}
static inline void
out_room(struct out *o, size_t more)
{
	if ((size_t)(o->end - o->at) < more)
		out_grow(o, more);
}
static inline void
out_char(struct out *o, char c)
{
	out_room(o, 1);
	*o->at++ = c;
}
void out_text(struct out *o, const char *text); /* our own text, or a string of the model */
void out_copy(struct out *o, const char *text, size_t size);
void out_number(struct out *o, int64_t number);
void out_hex(struct out *o, uint64_t number);
void out_octal(struct out *o, uint64_t number);
void out_right(struct out *o, uint64_t number, int width); /* padded on the left */
void out_pad(struct out *o, size_t from, int width); /* spaces, until what was written since `from` has this width */
void out_escaped(struct out *o, struct bytes bytes);
void out_printable(struct out *o, struct bytes bytes); /* the same, but \ and " stay: for notes, which nobody parses */
void out_json(struct out *o, const char *text);       /* "..." around a string of the model, for JSON */
void out_json_bytes(struct out *o, struct bytes bytes); /* the same around bytes, escaped */
void out_seconds(struct out *o, int64_t ns, int decimals); /* 1.204290 */
void out_duration(struct out *o, int64_t ns);         /* for people, three digits: 9us 300ms 4.20s 10.0s 2m05s */

/* Names of things, as every view writes them. */
struct life;
struct address;
struct model;
void out_life(struct out *o, const struct life *life);         /* 4, 4#2 */
void out_fd(struct out *o, const struct life *life, int number); /* the same; the number alone when life is NULL */
void out_address(struct out *o, const struct address *address); /* 127.0.0.1:50000, [::1]:80, unix:/tmp/x */
const char *error_name(int error);    /* EAGAIN */
const char *error_words(int error);   /* Resource temporarily unavailable: in English, whatever the locale */
const char *signal_name(int signal);  /* SIGTERM */

#endif
