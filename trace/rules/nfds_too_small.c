/* trace/rules/nfds_too_small.c: a descriptor is in the set, and nfds ends before it. */
#include "rules/engine.h"

static void
on(struct check *c)
{
	struct select_sets sets;

	if (!event_sets(c->ev, &sets) || sets.passed < 0)
		return;
	for (int set = 0; set < 3; set++) {
		for (int fd = sets.passed; fd < (int)sets.in[set].size * 8; fd++) {
			const struct life *life = set_has(sets.in[set], fd) ? model_at(c->model, c->ev->pid, fd) : NULL;
			struct finding *f = life != NULL ? found_here(c, life) : NULL;

			if (f == NULL)
				continue;
			say(f, c,
				"%L is in the set, but nfds is %n: select looks at the numbers below that, and never "
				"at %n.",
				life, (int64_t)sets.passed, (int64_t)fd);
			say_opened(f, c, life);
		}
	}
}

const struct rule rule_nfds_too_small = {
	.id = "nfds-too-small",
	.severity = SEVERITY_BUG,
	.title = "a descriptor is in the set, and select()'s nfds ends before it",
	.why = "nfds is how many numbers select looks at, so it must be the largest descriptor plus one. What lies "
	       "at or above it is not watched at all, without an error: that client is never heard.",
	.advice = "Keep the largest descriptor up to date after each accept and pass max_fd + 1; or pass "
		  "FD_SETSIZE.",
	.what = "A select that was given a set with the bit of an open descriptor that is not below nfds.",
	.example = " 20  accept(3)                          = 5  127.0.0.1:53126  server.c:27\n"
		   " 21  select(5, r{3,4})                  = 1  r{4}           server.c:37\n"
		   "     5 is in the set, and not below 5",
	.mend = "if (client_fd > max_fd)\n"
		"    max_fd = client_fd;\n"
		"...\n"
		"select(max_fd + 1, &ready_set, NULL, NULL, NULL);",
	.not_this = "nfds = FD_SETSIZE, and an nfds that never shrinks: more than is needed does no harm. "
		    "Descriptors that are not in the set.",
	.begin = CALLS_WAIT,
	.on = on,
};
