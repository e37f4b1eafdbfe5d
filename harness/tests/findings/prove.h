/* harness/tests/findings/prove.h: what the proof programs share: a listener on a free port of loopback, and a child
 * process that plays all their clients in one script, so that everything happens in one order.
 *
 *     listen_fd = listen_local();
 *     child = play(listen_fd, clients);    // clients() runs in the child: dial(), say(), hear(), hang_up()
 *     ... serve them ...
 *     over(child);
 */
#ifndef PROVE_H
#define PROVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the server's side ---- */

int listen_local(void);                          /* 127.0.0.1, a port that the kernel chooses */
pid_t play(int listen_fd, void (*script)(void)); /* the clients begin, in a child that does not hold the listener */
void over(pid_t child);                          /* they have ended */
void nonblocking(int fd);
bool echo(int fd, const char *data, ssize_t size); /* sends all of it; false when the peer is gone */
void limit_descriptors(int count);                 /* numbers below count, no others */
void every_ms(int ms); /* SIGALRM, again and again, to a handler that does nothing; 0: no more */

/* ---- the clients' side ---- */

int dial(void); /* a new connection to the listener */
void say(int fd, const char *text);
void hear(int fd, size_t bytes); /* waits for so many */
void hear_end(int fd);           /* waits for the end, whatever kind of end it is */
void hang_up(int fd);
void vanish(int fd); /* ends the connection with a reset */
void nap(int ms);    /* where silence itself is the subject */

#endif
