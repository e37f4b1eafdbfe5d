/* trace/rules/blocking_accept.c: accept on a listener that blocks, after a wait said that somebody is there. */
#include "rules/engine.h"

static void
on(struct check *c)
{
	const struct watched *told;
	struct finding *f;

	if (c->life == NULL || !may_block(c, c->life))
		return;
	told = told_of(&c->tf->wait, c->life->id);
	if (told == NULL || !(told->ready & WATCH_READ))
		return;
	f = found_here(c, c->life);
	if (f == NULL)
		return;
	say(f, c, "%L is a blocking descriptor, and this accept follows a wait.", c->life);
	say_opened(f, c, c->life);
}

const struct rule rule_blocking_accept = {
	.id = "blocking-accept",
	.severity = SEVERITY_NOTE,
	.title = "accept after a wait, on a listener that blocks",
	.why = "Between the wait and the accept the client may go away again, or another process may take it: then "
	       "accept waits for the next one, and everybody with it. It is rare, and in the labs it is right.",
	.advice = "Make the listener non-blocking (O_NONBLOCK) and treat EAGAIN as \"nobody there\".",
	.what = "An accept on a descriptor without O_NONBLOCK that the thread's last wait had reported.",
	.example = "  9  select(4, r{3})                    = 1  r{3}           server.c:28\n"
		   " 10  accept(3)                          = 4  127.0.0.1:53124  server.c:29",
	.mend = "fcntl(listen_fd, F_SETFL, fcntl(listen_fd, F_GETFL) | O_NONBLOCK);",
	.not_this = "A server that waits in accept itself.",
	.begin = CALLS_ACCEPT,
	.on = on,
};
