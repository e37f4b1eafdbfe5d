/* trace/rules/double_close.c: close() of a number whose life has ended. A loop that closes every number there may be
 * is none.
 */
#include "rules/engine.h"

#include <errno.h>

enum {
	SWEEP = 4,       /* so many numbers in a row, from one line, some of which never were open: a loop over all */
	LONG_SWEEP = 16, /* or so many, whatever they were */
	FAILED_KEPT = 8,
};

/* Own table 0, by thread: closes of neighbouring numbers from one line, and those of them that failed. */
struct row {
	uint64_t where;
	int32_t number;
	uint32_t length, failed;
	bool unknown;
	struct {
		struct site at;
		uint32_t life;
		uint16_t call;
	} list[FAILED_KEPT];
};

static void
tell(struct check *c, const struct site *at, const struct life *life, unsigned call)
{
	struct finding *f = found(c, *at, life);
	struct site ended = {life->ended_seq, life->ended_where, at->pid, at->image};

	if (f == NULL)
		return;
	say(f, c, "%c(%n) failed with EBADF: %L had been closed before, at %p.", call, (int64_t)life->number, life,
		&ended);
	say_opened(f, c, life);
}

static void
end_row(struct check *c, struct row *r)
{
	bool sweep = (r->length >= SWEEP && r->unknown) || r->length >= LONG_SWEEP;

	for (uint32_t i = 0; i < r->failed && !sweep; i++)
		tell(c, &r->list[i].at, model_life(c->model, r->list[i].life), r->list[i].call);
	*r = (struct row){0};
}

static void
on(struct check *c)
{
	const struct event *ev = c->ev;
	struct row *r = OWN(c, 0, ev->thread, struct row);
	const struct life *before = last_life(c, ev->pid, ev->fd);

	if (ev->fd < 0)
		return;
	if (r->where != ev->where || (r->number + 1 != ev->fd && r->number - 1 != ev->fd))
		end_row(c, r);
	r->where = ev->where;
	r->number = ev->fd;
	r->length++;
	r->unknown |= before == NULL;
	if (ev->error != EBADF || ev->life != 0 || before == NULL || r->failed == FAILED_KEPT)
		return;
	r->list[r->failed].at = site_of(c, ev);
	r->list[r->failed].life = before->id;
	r->list[r->failed].call = ev->call;
	r->failed++;
}

static void
over(struct check *c)
{
	for (uint32_t i = 0; i < own_room(c, 0); i++)
		end_row(c, OWN(c, 0, i, struct row));
}

const struct rule rule_double_close = {
	.id = "double-close",
	.severity = SEVERITY_BUG,
	.title = "a descriptor is closed a second time",
	.why = "Today the second close fails with EBADF and nothing happens. On the day when the number has been "
	       "given out again in between, it closes somebody else's connection, and nobody finds out why.",
	.advice = "Let one place own the descriptor and close it; set the variable to -1 there, so that a second "
		  "close cannot be made.",
	.what = "close() and its kin that fail with EBADF, on a number that this process had open before: where it "
		"was closed first, and by which call. fclose() and closedir() close the descriptor of their stream "
		"too.",
	.example = " 25  close(4)                           = 0  lived 0.002 s  server.c:28\n"
		   " 26  close(4)                           = -1 EBADF          server.c:39",
	.mend = "static void\n"
		"drop(struct client *client)\n"
		"{\n"
		"    if (client->fd == -1)\n"
		"        return;\n"
		"    close(client->fd);\n"
		"    client->fd = -1;\n"
		"}",
	.not_this = "A daemon that closes all numbers in a row, whether they are open or not. The same number "
		    "closed twice, when it was given out again in between and each close met its own life (4, then "
		    "4#2).",
	.end = CALLS_CLOSE,
	.on = on,
	.over = over,
};
