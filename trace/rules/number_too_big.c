/* trace/rules/number_too_big.c: a descriptor that does not fit into an fd_set. */
#include "rules/engine.h"

#include <sys/select.h>

static void
tell(struct check *c, int64_t number, bool aborts)
{
	const struct life *life = last_life(c, c->ev->pid, (int)number);
	struct finding *f = found_here(c, life);

	if (f == NULL)
		return;
	say(f, c,
		aborts ? "FD_SET or its kin was given %n, and an fd_set ends at %n: the program is aborted by its "
			 "own check."
		       : "select was asked about descriptor %n, and an fd_set ends at %n: FD_SET wrote beside it.",
		number, (int64_t)FD_SETSIZE - 1);
	say_opened(f, c, life);
}

static void
on(struct check *c)
{
	struct select_sets sets;

	if (c->class == CALLS_FDELT) {
		tell(c, c->ev->args[0], true);
		return;
	}
	if (!event_sets(c->ev, &sets) || sets.nfds <= FD_SETSIZE)
		return;
	for (int fd = FD_SETSIZE; fd < sets.nfds; fd++)
		if ((set_has(sets.in[0], fd) || set_has(sets.in[1], fd) || set_has(sets.in[2], fd)) &&
			model_at(c->model, c->ev->pid, fd) != NULL) {
			tell(c, fd, false);
			return;
		}
}

/* Where nfds ends before it, what FD_SET did is not seen. But a client with such a number of a program that selects,
 * which no wait ever had and no call ever named, was not merely forgotten.
 */
static void
over(struct check *c)
{
	for (uint32_t id = 1; id <= model_lives(c->model); id++) {
		const struct life *life = model_life(c->model, id);
		const struct life_facts *facts = facts_of(c, id);
		struct finding *f;

		if (life->number < FD_SETSIZE || !life->accepted || life->origin != BORN_MADE || !life->open ||
			facts->last.seq != 0 || facts->watched != 0 || facts->epoll != 0 ||
			!facts_of_process(c, life->process)->selects)
			continue;
		f = found(c, facts->born, life);
		if (f == NULL)
			continue;
		say(f, c,
			"%L was accepted by a program that waits in select, whose sets end at %n; no wait ever had "
			"it, and it was never closed.",
			life, (int64_t)FD_SETSIZE - 1);
	}
}

const struct rule rule_number_too_big = {
	.id = "number-too-big",
	.severity = SEVERITY_BUG,
	.title = "a descriptor at or above FD_SETSIZE was put into an fd_set",
	.why = "An fd_set has room for the numbers 0 to 1023. FD_SET with a larger one overwrites what lies beside "
	       "the set, or, built with _FORTIFY_SOURCE, ends the program. The usual limit of 1024 open files "
	       "hides it until somebody raises the limit.",
	.advice = "Compare each new descriptor with FD_SETSIZE and turn the client away if it is not smaller; or "
		  "use poll, which takes any number.",
	.what = "A select that was asked about such a number; a program that its own FD_SET aborted; and a client "
		"with such a number, in a program that selects, that was accepted and never looked at. A set that "
		"was allocated larger than an fd_set is told too: POSIX does not know it.",
	.example = "1031  accept(3)                         = 1024              server.c:61\n"
		   "1032  __fdelt_chk(1024)                 ... never returned  server.c:63",
	.mend = "if (client_fd >= FD_SETSIZE) {\n"
		"    close(client_fd);\n"
		"    return;\n"
		"}",
	.not_this = "An nfds far above any descriptor: that is legal. Large numbers in poll or epoll.",
	.begin = CALLS_WAIT | CALLS_FDELT,
	.on = on,
	.over = over,
};
