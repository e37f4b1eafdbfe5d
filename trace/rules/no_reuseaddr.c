/* trace/rules/no_reuseaddr.c: a listener on a port of its own without SO_REUSEADDR. */
#include "rules/engine.h"

#include <errno.h>
#include <sys/socket.h>

enum { LOOKS = 1000 };

/* Own table 0, by life. Table 1 has one number: how often it was looked back. */
struct reuse {
	uint64_t set;      /* the option was set at this event, or 0 */
	struct site bound; /* to a port that was named; bound.seq 0: not */
	struct address to;
};

/* The address that bind was given, when it names a port of TCP. */
static bool
names_port(const struct check *c, struct address *a)
{
	struct bytes item = event_item(c->ev, FDT_ITEM_ADDR);
	uint16_t family;

	if (c->life == NULL || c->life->kind != KIND_TCP || item.size < 8)
		return false;
	__builtin_memcpy(&family, item.at, sizeof family);
	*a = (struct address){.family = family, .port = (uint16_t)(item.at[2] << 8 | item.at[3])};
	return (family == AF_INET || family == AF_INET6) && a->port != 0;
}

/* What this run knows of the port: somebody listens there now, or had connections there that are closed. */
static void
look_back(const struct check *c, uint16_t port, bool *listens, bool *closed)
{
	for (uint32_t id = 1; id <= model_lives(c->model); id++) {
		const struct life *life = model_life(c->model, id);

		if (life->local.port != port || life->kind != KIND_TCP)
			continue;
		*listens |= life->open && life->listens;
		*closed |= !life->open && life->accepted;
	}
}

static void
in_use(struct check *c, uint16_t port)
{
	uint32_t *looked = OWN(c, 1, 0, uint32_t);
	bool somebody = false, closed = false;
	struct finding *f;

	if (++*looked > LOOKS)
		return; /* each goes through all lives */
	look_back(c, port, &somebody, &closed);
	if (somebody || (f = found_here(c, c->life)) == NULL)
		return;
	if (!closed)
		f->severity = SEVERITY_RISK;
	say(f, c, "bind to port %n failed with EADDRINUSE, and SO_REUSEADDR is not set on %l: ", (int64_t)port,
		c->life);
	say(f, c,
		closed ? "connections of that port that were closed in this run are in TIME_WAIT, for a minute or so."
		       : "if nobody listens there, old connections of that port in TIME_WAIT are in the way, for a "
			 "minute or so.");
	say_opened(f, c, c->life);
}

static void
bound(struct check *c, struct reuse *r)
{
	struct address a;

	if (!names_port(c, &a))
		return;
	if (c->ev->ret == 0) {
		r->bound = site_of(c, c->ev);
		r->to = a;
	} else if (c->ev->error == EADDRINUSE && r->set == 0) {
		in_use(c, a.port);
	}
}

static void
listens(struct check *c, struct reuse *r)
{
	struct finding *f;

	if (c->ev->ret != 0 || r->bound.seq == 0 || (r->set != 0 && r->set < r->bound.seq))
		return;
	f = found(c, r->bound, c->life);
	if (f == NULL)
		return;
	f->severity = SEVERITY_RISK;
	say(f, c, "%L listens on port %n ", c->life, (int64_t)r->to.port);
	if (r->set != 0)
		say(f, c, "and got SO_REUSEADDR at event %n, after bind at event %n: that is too late.",
			(int64_t)r->set, (int64_t)r->bound.seq);
	else
		say(f, c,
			"without SO_REUSEADDR: started again while old connections are in TIME_WAIT, its bind will "
			"fail.");
	say_opened(f, c, c->life);
}

static void
on(struct check *c)
{
	struct reuse *r;

	if (c->life == NULL)
		return;
	r = OWN(c, 0, c->life->id, struct reuse);
	if (c->class == CALLS_BIND)
		bound(c, r);
	else if (c->class == CALLS_LISTEN)
		listens(c, r);
	else if (c->ev->ret == 0 && c->ev->args[0] == SOL_SOCKET &&
		 (c->ev->args[1] == SO_REUSEADDR || c->ev->args[1] == SO_REUSEPORT) && c->ev->args[2] != 0)
		r->set = r->set != 0 ? r->set : c->ev->seq;
}

const struct rule rule_no_reuseaddr = {
	.id = "no-reuseaddr",
	.severity = SEVERITY_BUG,
	.title = "a listener without SO_REUSEADDR: its port is not free again at once",
	.why = "Who closes a connection first keeps it in TIME_WAIT for a minute. Without the option on the old and "
	       "on the new listener, a server that closed its clients and is started again cannot have its port.",
	.advice = "setsockopt(SO_REUSEADDR) on the listener, between socket and bind. On the clients it does "
		  "nothing.",
	.what = "A bind to a named port of TCP that failed with EADDRINUSE without the option, while nobody in this "
		"run listens there (a bug when connections of that port were closed in the same run, else a risk), "
		"and a listener on such a port that did not have it when it was bound (a risk).",
	.example = " 28  socket(AF_INET, SOCK_STREAM, 0)    = 3#2               server.c:31\n"
		   " 29  bind(3#2, 127.0.0.1:50000)         = -1 EADDRINUSE     server.c:32",
	.mend = "int yes = 1;\n"
		"\n"
		"setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);\n"
		"bind(listen_fd, ...);",
	.not_this = "Port 0: the kernel chooses a free one. A path (AF_UNIX). EADDRINUSE with the option set: then "
		    "somebody listens there.",
	.end = CALLS_BIND | CALLS_LISTEN | CALLS_OPTION,
	.on = on,
};
