/* trace/rules/error_as_descriptor.c: -1, or a number that nobody ever gave out, in the place of a descriptor. */
#include "rules/engine.h"

#include <errno.h>

/* Calls that mean it: others may be loops that ask about each number. */
enum {
	USES = CALLS_IN | CALLS_OUT | CALLS_MOVE | CALLS_ACCEPT | CALLS_CONNECT | CALLS_EPOLL_CTL | CALLS_WAIT |
	       CALLS_BIND | CALLS_LISTEN
};

/* Own table 0, by thread: the last call that was to make a descriptor and failed. */
struct failure {
	struct site at;
	uint16_t call, error;
};

static bool
makes(const struct check *c)
{
	return (c->class & (CALLS_ACCEPT | CALLS_MAKE)) != 0;
}

/* The descriptor that the call was given and that is none; false: it is not about one. */
static bool
wrong_number(const struct check *c, int64_t *number)
{
	const struct event *ev = c->ev;

	if (ev->error != EBADF || ev->info->shape == SHAPE_event || ev->info->shape == SHAPE_signalfd)
		return false;
	if (c->class == CALLS_EPOLL_CTL && ev->life != 0)
		*number = ev->args[1];
	else if (c->class == CALLS_MOVE && ev->life != 0)
		*number = ev->args[0];
	else if (ev->has_fd && ev->life == 0)
		*number = ev->fd;
	else
		return false;
	*number = (int32_t)*number;
	return true;
}

static void
tell(struct check *c, int64_t number, const struct failure *before)
{
	struct finding *f = found_here(c, NULL);

	if (f == NULL)
		return;
	if (c->class & CALLS_CLOSE)
		f->severity = SEVERITY_NOTE; /* close(-1) does no harm */
	say(f, c, "%c was given %n, which is no descriptor", (unsigned)c->ev->call, number);
	if (before->at.seq != 0)
		say(f, c, ": %c had failed with %e at %p, and that -1 went on as if it were one",
			(unsigned)before->call, (int)before->error, &before->at);
	say(f, c, ".");
}

static void
tell_never(struct check *c, int64_t number)
{
	struct finding *f = found_here(c, NULL);

	if (f == NULL)
		return;
	say(f, c, "%c was given %n, a number that was never open in this process.", (unsigned)c->ev->call, number);
	advise(f, c,
		"See where the number comes from: a variable that was never set, an index, or a port in the place of "
		"a descriptor.");
}

static void
on(struct check *c)
{
	struct failure *before = OWN(c, 0, c->ev->thread, struct failure);
	int64_t number;

	if (makes(c)) {
		if (c->ev->ret < 0 && c->ev->error != EBADF)
			*before = (struct failure){site_of(c, c->ev), c->ev->call, c->ev->error};
		else if (c->ev->ret >= 0)
			before->at.seq = 0;
	}
	if (!wrong_number(c, &number))
		return;
	if (number < 0)
		tell(c, number, before);
	else if (last_life(c, c->ev->pid, (int)number) == NULL && c->class & USES)
		tell_never(c, number);
}

const struct rule rule_error_as_descriptor = {
	.id = "error-as-descriptor",
	.severity = SEVERITY_BUG,
	.title = "-1 was passed on as if it were a descriptor",
	.why = "A call failed, its -1 was not looked at, and everything after it works on nothing: each call fails "
	       "with EBADF, and FD_SET(-1, ...) writes beside the set.",
	.advice = "Look at the result before it is used: when it is -1, say why (errno), and do without that "
		  "connection or file.",
	.what = "A call that was given a negative number as its descriptor, with the call that most likely returned "
		"it: the last one of this thread that was to make a descriptor and failed. A number that was never "
		"open is told too. close(-1) is a note: it does nothing.",
	.example = " 12  accept(3)                          = -1 EMFILE         server.c:14\n"
		   " 13  recv(-1, 64)                       = -1 EBADF          server.c:15",
	.mend = "client_fd = accept(listen_fd, NULL, NULL);\n"
		"if (client_fd == -1) {\n"
		"    perror(\"accept\");\n"
		"    return;                  /* this client only: the server goes on */\n"
		"}",
	.not_this = "-1 in a list for poll(), which passes over it. -1 given to signalfd(), which then makes a new "
		    "descriptor. An accept that says EAGAIN, after which the program goes back to its wait.",
	.end = CALLS_FAILED | CALLS_ACCEPT | CALLS_MAKE,
	.on = on,
};
