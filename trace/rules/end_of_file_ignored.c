/* trace/rules/end_of_file_ignored.c: read returns 0, and the program reads again. */
#include "rules/engine.h"

enum { READS = 4 };

/* Own table 0, by life. */
struct ends {
	uint32_t reads;
	struct site first, at;
	uint16_t call;
};

static void
tell(struct check *c, const struct life *life, struct ends *e)
{
	struct finding *f;

	if (e->reads >= READS && (f = found(c, e->first, life)) != NULL) {
		say(f, c,
			"%c on %L returned 0, end of file, %n times in a row (events %n to %n): there will never be "
			"more.",
			(unsigned)e->call, life, (int64_t)e->reads, (int64_t)e->first.seq, (int64_t)e->at.seq);
		say_opened(f, c, life);
	}
	*e = (struct ends){0};
}

static void
on(struct check *c)
{
	struct ends *e;

	if (c->life == NULL || c->ev->ret != 0)
		return;
	if (!is_end_of_file(c->ev, c->life))
		return;
	e = OWN(c, 0, c->life->id, struct ends);
	if (c->lf->eofs == 0)
		*e = (struct ends){0};
	e->at = site_of(c, c->ev);
	e->call = c->ev->call;
	if (e->reads++ == 0)
		e->first = e->at;
}

static void
over(struct check *c)
{
	for (uint32_t id = 1; id < own_room(c, 0) && id <= model_lives(c->model); id++)
		tell(c, model_life(c->model, id), OWN(c, 0, id, struct ends));
}

const struct rule rule_end_of_file_ignored = {
	.id = "end-of-file-ignored",
	.severity = SEVERITY_BUG,
	.title = "end of file is read again and again",
	.why = "0 is not \"nothing yet\", it is \"nothing any more\". A descriptor at its end of file is always "
	       "ready, so every wait returns at once and the loop turns at full speed; and the descriptor is never "
	       "given back.",
	.advice = "When recv or read returns 0, that client is done: take it out of the set and close the "
		  "descriptor.",
	.what = "Four reads or more in a row that returned 0 from one socket or pipe.",
	.example = " 24  select(5, r{3,4})                  = 1  r{4}  after 2 us  server.c:35\n"
		   " 25  recv(4, 64)                        = 0  end of file    server.c:38\n"
		   " 26  select(5, r{3,4})                  = 1  r{4}  after 1 us  server.c:35\n"
		   " 27  recv(4, 64)                        = 0  end of file    server.c:38",
	.mend = "received = recv(client_fd, buffer, sizeof buffer, 0);\n"
		"if (received == 0) {\n"
		"    FD_CLR(client_fd, &watch_set);\n"
		"    close(client_fd);\n"
		"    return;\n"
		"}",
	.not_this = "A client that has shut down its sending side and still gets its answer, as long as it is not "
		    "read from. A file that may grow. A datagram of no bytes.",
	.end = CALLS_IN,
	.on = on,
	.over = over,
};
