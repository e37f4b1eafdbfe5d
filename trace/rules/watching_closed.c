/* trace/rules/watching_closed.c: a wait that was given a number that is not open. */
#include "rules/engine.h"

#include <errno.h>

static void
tell(struct check *c, int number)
{
	const struct life *life = last_life(c, c->ev->pid, number);
	struct finding *f = found_here(c, life);
	struct site ended;

	if (f == NULL)
		return;
	say(f, c, "%c was given %n, which is not open", (unsigned)c->ev->call, (int64_t)number);
	say(f, c, c->ev->error == EBADF ? ", and refused the whole set (EBADF)" : " (POLLNVAL)");
	if (life != NULL) {
		ended = (struct site){life->ended_seq, life->ended_where, c->ev->pid, f->at.image};
		say(f, c, ": %L had been closed at %p.", life, &ended);
		say_opened(f, c, life);
	} else {
		say(f, c, ": it never was.");
	}
}

static void
on(struct check *c)
{
	for (int i = 0; i < c->nwatched; i++) {
		const struct watched *w = &c->watched[i];

		if (w->ready & WATCH_NOT_OPEN || (c->ev->error == EBADF && w->life == 0))
			tell(c, w->number);
	}
}

const struct rule rule_watching_closed = {
	.id = "watching-closed",
	.severity = SEVERITY_BUG,
	.title = "a wait was asked about a number that is not open",
	.why = "select() refuses the whole set with EBADF, so nobody is served any more; poll() reports POLLNVAL at "
	       "once, every time, and the loop turns at full speed. And when the number comes back, it is another "
	       "client that is watched.",
	.advice = "Take the number out where it is closed: FD_CLR() from every set, fd = -1 in poll's list.",
	.what = "select() or pselect() that failed with EBADF, and poll() or ppoll() that reported POLLNVAL: which "
		"number it was, and where its life ended.",
	.example = " 22  close(4)                           = 0                 server.c:40\n"
		   " 23  select(6, r{4?,5})                 = -1 EBADF          server.c:37",
	.mend = "FD_CLR(client_fd, &watch_set);\n"
		"close(client_fd);",
	.not_this = "A negative number in poll's list: poll passes over it. A descriptor that was closed while an "
		    "epoll watched it: with its last copy it leaves the epoll by itself.",
	.end = CALLS_WAIT,
	.on = on,
};
