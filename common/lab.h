/* common/lab.h: what every program of the labs needs and none of them is about: arguments and error texts.
 *
 * Try: cc -Icommon labs/lab2-one-listener/server.c common/lab.c -o server
 */
#ifndef LAB_H
#define LAB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/time.h>

/* "10" or "0.25" into *seconds, "50000" into *port (in host order). False, and nothing written, for anything else. */
bool parse_seconds(const char *text, struct timeval *seconds);
bool parse_port(const char *text, in_port_t *port);

/* "Connection reset by peer (ECONNRESET)". The text is good until the same thread asks again. */
const char *error_text(int error);

/* Prints the message, as printf() would, and what errno says; exits with 1:
 * "server: bind 127.0.0.1:50000: Address already in use (EADDRINUSE)". */
_Noreturn void die(const char *format, ...);

#endif
