/* trace/rules/use_after_close.c: a call on a number whose life has ended. */
#include "rules/engine.h"

#include <errno.h>
#include <fcntl.h>

/* To ask is no use: fcntl(F_GETFD) is how one finds out whether a number is open. */
static bool
only_asks(const struct event *ev)
{
	return ev->info->shape == SHAPE_fcntl && (ev->args[0] == F_GETFD || ev->args[0] == F_GETFL);
}

static void
on(struct check *c)
{
	const struct event *ev = c->ev;
	int number = ev->fd;
	const struct life *life;
	struct finding *f;
	struct site ended;

	if (ev->error != EBADF || c->class & CALLS_CLOSE || only_asks(ev) || ev->info->shape == SHAPE_event)
		return;
	if (c->class == CALLS_EPOLL_CTL && ev->life != 0)
		number = (int)ev->args[1]; /* the epoll is there, so it is the other one that is not */
	else if (c->class == CALLS_WAIT && ev->info->shape != SHAPE_epoll_wait && ev->info->shape != SHAPE_epoll_pwait2)
		return; /* watching-closed */
	else if (!ev->has_fd || ev->life != 0)
		return;
	life = last_life(c, ev->pid, number);
	if (life == NULL || life->open)
		return;
	f = found_here(c, life);
	if (f == NULL)
		return;
	ended = (struct site){life->ended_seq, life->ended_where, ev->pid, f->at.image};
	if (c->class == CALLS_EPOLL_CTL)
		f->severity = SEVERITY_RISK;
	say(f, c, "%c was given %n and failed with EBADF: %L had been closed before, at %p.", (unsigned)ev->call,
		(int64_t)number, life, &ended);
	if (c->class == CALLS_EPOLL_CTL)
		advise(f, c,
			"Take it out of the epoll before it is closed, or leave that to close(): with its last copy "
			"it leaves every epoll.");
	say_opened(f, c, life);
}

const struct rule rule_use_after_close = {
	.id = "use-after-close",
	.severity = SEVERITY_BUG,
	.title = "a descriptor is used after it was closed",
	.why = "The number is free, and the next accept or open will give it to somebody else: then the same line "
	       "will not fail, it will read from, or write to, the wrong connection.",
	.advice = "Forget the number where it is closed: take it out of every list, array and set at that place, or "
		  "set it to -1.",
	.what = "A call that fails with EBADF on a number that this process had open before, with the place where "
		"that ended. An epoll_ctl() that takes out what is closed already is a risk only: close() had taken "
		"it out.",
	.example = " 24  close(4)                           = 0                 server.c:44\n"
		   " 30  send(4, \"news\", 4, MSG_NOSIGNAL)   = -1 EBADF          server.c:30",
	.mend = "close(client->fd);\n"
		"client->fd = -1;\n"
		"remove_from_list(&clients, client);   /* who walks it does not meet it */",
	.not_this = "fcntl(fd, F_GETFD) that fails with EBADF: that is how one asks. A number that was closed and "
		    "given out anew before it was used.",
	.end = CALLS_FAILED,
	.on = on,
};
