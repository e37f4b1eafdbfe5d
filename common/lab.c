/* common/lab.c: what every program of the labs needs and none of them is about: arguments and error texts.
 *
 * Try: cc -Icommon labs/lab2-one-listener/server.c common/lab.c -o server
 */
#include "lab.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SECONDS 1e8

/* strerror() is for people; the name is what manual pages and search engines know. POSIX has no call for it. */
static const struct {
	int error;
	const char *name;
} names[] = {
	{EACCES, "EACCES"},
	{EADDRINUSE, "EADDRINUSE"},
	{EADDRNOTAVAIL, "EADDRNOTAVAIL"},
	{EAFNOSUPPORT, "EAFNOSUPPORT"},
	{EAGAIN, "EAGAIN"},
	{EBADF, "EBADF"},
	{ECONNABORTED, "ECONNABORTED"},
	{ECONNREFUSED, "ECONNREFUSED"},
	{ECONNRESET, "ECONNRESET"},
	{EFAULT, "EFAULT"},
	{EHOSTUNREACH, "EHOSTUNREACH"},
	{EINTR, "EINTR"},
	{EINVAL, "EINVAL"},
	{EIO, "EIO"},
	{EISCONN, "EISCONN"},
	{EMFILE, "EMFILE"},
	{ENETDOWN, "ENETDOWN"},
	{ENETUNREACH, "ENETUNREACH"},
	{ENFILE, "ENFILE"},
	{ENOBUFS, "ENOBUFS"},
	{ENOMEM, "ENOMEM"},
	{ENOPROTOOPT, "ENOPROTOOPT"},
	{ENOSYS, "ENOSYS"},
	{ENOTCONN, "ENOTCONN"},
	{ENOTSOCK, "ENOTSOCK"},
	{EOPNOTSUPP, "EOPNOTSUPP"},
	{EPERM, "EPERM"},
	{EPIPE, "EPIPE"},
	{EPROTO, "EPROTO"},
	{ETIMEDOUT, "ETIMEDOUT"},
};

bool
parse_seconds(const char *text, struct timeval *seconds)
{
	char *end;
	double value = strtod(text, &end);
	long long microseconds;

	/* strtod() alone would let " 1", "-1", "1e3", "0x1p3", "inf" and "nan" pass. */
	if (end == text || *end != '\0' || text[strspn(text, "0123456789.")] != '\0' || value > MAX_SECONDS)
		return false;
	microseconds = (long long)(value * 1e6 + 0.5);
	if (microseconds == 0 && value > 0)
		return false; /* too short to be told from 0, and 0 means "no timer" */
	seconds->tv_sec = (time_t)(microseconds / 1000000);
	seconds->tv_usec = (suseconds_t)(microseconds % 1000000);
	return true;
}

bool
parse_port(const char *text, in_port_t *port)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || text[strspn(text, "0123456789")] != '\0' || value < 1 || value > 65535)
		return false;
	*port = (in_port_t)value;
	return true;
}

const char *
error_text(int error)
{
	static _Thread_local char text[128];
	size_t n = 0;

	while (n < sizeof names / sizeof names[0] && names[n].error != error)
		n++;
	if (n < sizeof names / sizeof names[0])
		snprintf(text, sizeof text, "%s (%s)", strerror(error), names[n].name);
	else
		snprintf(text, sizeof text, "%s (errno %d)", strerror(error), error);
	return text;
}

void
die(const char *format, ...)
{
	int error = errno; /* the printing below may change it */
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, ": %s\n", error_text(error));
	exit(1);
}
