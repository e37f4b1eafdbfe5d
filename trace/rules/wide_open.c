/* trace/rules/wide_open.c: a listener on every address of the machine. */
#include "rules/engine.h"

#include <string.h>
#include <sys/socket.h>

/* Own table 0, by life: where it was bound. */
struct bound {
	struct site at;
};

static void
on(struct check *c)
{
	static const unsigned char any[16];
	struct bound *b;
	struct finding *f;
	const struct address *local;

	if (c->life == NULL || c->ev->ret != 0 || c->life->kind != KIND_TCP)
		return;
	b = OWN(c, 0, c->life->id, struct bound);
	if (c->class == CALLS_BIND) {
		b->at = site_of(c, c->ev);
		return;
	}
	local = &c->life->local;
	if (b->at.seq != 0 &&
		(local->family == 0 || local->family == AF_UNIX || memcmp(local->ip, any, sizeof any) != 0))
		return;
	f = found(c, b->at.seq != 0 ? b->at : site_of(c, c->ev), c->life);
	if (f == NULL)
		return;
	say(f, c,
		b->at.seq != 0
			? "%L can be reached from every network that this machine is in."
			: "%l listens without having been bound: the kernel chose a port, and every address of this "
			  "machine.",
		c->life);
}

const struct rule rule_wide_open = {
	.id = "wide-open",
	.severity = SEVERITY_NOTE,
	.title = "a listener on every address of the machine",
	.why = "INADDR_ANY lets the whole network in. For a server that is meant for everybody that is right; for a "
	       "program that is being learned or tested it is an open door.",
	.advice = "Bind to 127.0.0.1 (INADDR_LOOPBACK) unless others are to connect.",
	.what = "A TCP listener that was bound to 0.0.0.0 or ::, or not bound at all.",
	.example = " 10  bind(3, 0.0.0.0:50000)             = 0                 server.c:13\n"
		   " 11  listen(3, 8)                       = 0                 server.c:14",
	.mend = "address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);",
	.not_this = "A socket that does not listen. A listener on one address.",
	.end = CALLS_BIND | CALLS_LISTEN,
	.on = on,
};
