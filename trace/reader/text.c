/* trace/reader/text.c: see text.h. */
#include "reader/text.h"

#include "reader/map.h"
#include "reader/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLUSH_AT = 64 * 1024 };

void
out_open(struct out *o, int fd)
{
	*o = (struct out){.fd = fd};
	out_grow(o, 2 * FLUSH_AT);
}

void
out_grow(struct out *o, size_t needed)
{
	size_t length = out_length(o), size = (size_t)(o->end - o->start);

	while (size - length < needed)
		size = size == 0 ? 1024 : 2 * size;
	o->start = more(o->start, size, 1);
	o->at = o->start + length;
	o->end = o->start + size;
}

void
out_flush(struct out *o)
{
	const char *p = o->start;

	while (o->fd >= 0 && p < o->at && o->error == 0) {
		ssize_t n = write(o->fd, p, (size_t)(o->at - p));

		if (n >= 0)
			p += n;
		else if (errno != EINTR)
			o->error = errno;
	}
	o->at = o->start;
}

void
out_line(struct out *o)
{
	out_char(o, '\n');
	if (o->fd >= 0 && out_length(o) >= FLUSH_AT)
		out_flush(o);
}

void
out_reset(struct out *o)
{
	o->at = o->start;
}

void
out_close(struct out *o)
{
	out_flush(o);
	free(o->start);
	o->start = o->at = o->end = NULL;
}

void
out_copy(struct out *o, const char *text, size_t size)
{
	if (size == 0)
		return;
	out_room(o, size);
	memcpy(o->at, text, size);
	o->at += size;
}

void
out_text(struct out *o, const char *text)
{
	out_copy(o, text, strlen(text));
}

/* The digits of a number, at the end of a field of 20. */
static char *
digits(uint64_t number, char field[20])
{
	char *p = field + 20;

	do
		*--p = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return p;
}

void
out_number(struct out *o, int64_t number)
{
	char field[20], *p = digits(number < 0 ? 0 - (uint64_t)number : (uint64_t)number, field);

	if (number < 0)
		out_char(o, '-');
	out_copy(o, p, (size_t)(field + 20 - p));
}

void
out_right(struct out *o, uint64_t number, int width)
{
	char field[20], *p = digits(number, field);

	for (int i = (int)(field + 20 - p); i < width; i++)
		out_char(o, ' ');
	out_copy(o, p, (size_t)(field + 20 - p));
}

static void
out_base(struct out *o, uint64_t number, int shift)
{
	char field[24], *p = field + 24;

	do
		*--p = "0123456789abcdef"[number & ((1u << shift) - 1)];
	while ((number >>= shift) > 0);
	out_copy(o, p, (size_t)(field + 24 - p));
}

void
out_hex(struct out *o, uint64_t number)
{
	out_copy(o, "0x", 2);
	out_base(o, number, 4);
}

void
out_octal(struct out *o, uint64_t number)
{
	out_char(o, '0');
	out_base(o, number, 3);
}

void
out_pad(struct out *o, size_t from, int width)
{
	for (size_t i = out_length(o) - from; width > 0 && i < (size_t)width; i++)
		out_char(o, ' ');
}

static void
escape(struct out *o, struct bytes bytes, bool quotes)
{
	char *p;

	out_room(o, 4 * (size_t)bytes.size + 1);
	p = o->at;
	for (uint32_t i = 0; i < bytes.size; i++) {
		unsigned char c = bytes.at[i];

		if (quotes && (c == '\\' || c == '"')) {
			*p++ = '\\';
			*p++ = (char)c;
		} else if (c >= ' ' && c <= '~') {
			*p++ = (char)c;
		} else {
			*p++ = '\\';
			*p++ = 'x';
			*p++ = "0123456789abcdef"[c >> 4];
			*p++ = "0123456789abcdef"[c & 15];
		}
	}
	o->at = p;
}

void
out_escaped(struct out *o, struct bytes bytes)
{
	escape(o, bytes, true);
}

void
out_printable(struct out *o, struct bytes bytes)
{
	escape(o, bytes, false);
}

/* Text that is printable ASCII already: only what JSON itself gives a meaning is escaped. */
static void
json_copy(struct out *o, const char *text, size_t size)
{
	char *p;

	out_room(o, 2 * size + 2);
	p = o->at;
	*p++ = '"';
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\' || text[i] == '"')
			*p++ = '\\';
		*p++ = text[i];
	}
	*p++ = '"';
	o->at = p;
}

void
out_json(struct out *o, const char *text)
{
	json_copy(o, text, strlen(text));
}

void
out_json_bytes(struct out *o, struct bytes bytes)
{
	size_t start = out_length(o), size;

	/* Escaped right behind where the string will stand, and then moved into it. */
	out_room(o, 12 * (size_t)bytes.size + 8);
	o->at += 8 * (size_t)bytes.size + 2;
	char *from = o->at;

	out_escaped(o, bytes);
	size = (size_t)(o->at - from);
	o->at = o->start + start;
	json_copy(o, from, size);
}

void
out_seconds(struct out *o, int64_t ns, int decimals)
{
	char field[9];
	uint64_t part = (uint64_t)(ns < 0 ? -(ns % 1000000000) : ns % 1000000000);

	if (ns < 0)
		out_char(o, '-');
	out_number(o, ns < 0 ? -(ns / 1000000000) : ns / 1000000000);
	for (int i = 8; i >= 0; i--, part /= 10)
		field[i] = (char)('0' + part % 10);
	if (decimals > 0)
		out_char(o, '.');
	out_copy(o, field, (size_t)decimals);
}

/* A number of thousandths with as many decimals as make three digits. */
static void
three_digits(struct out *o, int64_t thousandths)
{
	char field[20], *p;
	int decimals = thousandths < 9995 ? 2 : thousandths < 99950 ? 1 : 0;
	int64_t unit = decimals == 2 ? 10 : decimals == 1 ? 100 : 1000, scale = 1000 / unit;
	int64_t rounded = (thousandths + unit / 2) / unit;

	out_number(o, rounded / scale);
	if (decimals == 0)
		return;
	out_char(o, '.');
	p = digits((uint64_t)(rounded % scale + scale), field);
	out_copy(o, p + 1, (size_t)decimals);
}

void
out_duration(struct out *o, int64_t ns)
{
	if (ns < 0)
		ns = 0;
	if (ns < 1000) {
		out_number(o, ns);
		out_text(o, "ns");
	} else if (ns < 999500) {
		out_number(o, (ns + 500) / 1000);
		out_text(o, "us");
	} else if (ns < 999500000) {
		out_number(o, (ns + 500000) / 1000000);
		out_text(o, "ms");
	} else if (ns < 999500000000) {
		three_digits(o, ns / 1000000);
		out_char(o, 's');
	} else {
		int64_t seconds = ns / 1000000000;

		out_number(o, seconds / 60);
		out_char(o, 'm');
		out_number(o, seconds % 60 / 10);
		out_number(o, seconds % 10);
		out_char(o, 's');
	}
}

/* ---- names ---- */

void
out_fd(struct out *o, const struct life *life, int number)
{
	out_number(o, life != NULL ? life->number : number);
	if (life == NULL || life->ordinal <= 1)
		return;
	out_char(o, '#');
	out_number(o, life->ordinal);
}

void
out_life(struct out *o, const struct life *life)
{
	out_fd(o, life, 0);
}

void
out_address(struct out *o, const struct address *address)
{
	char text[INET6_ADDRSTRLEN];

	if (address->family == AF_UNIX) {
		out_text(o, "unix:");
		out_text(o, address->path != NULL ? address->path : "");
		return;
	}
	if (inet_ntop(address->family, address->ip, text, sizeof text) == NULL) {
		out_text(o, "family ");
		out_number(o, address->family);
		return;
	}
	if (address->family == AF_INET6)
		out_char(o, '[');
	out_text(o, text);
	if (address->family == AF_INET6)
		out_char(o, ']');
	out_char(o, ':');
	out_number(o, address->port);
}
