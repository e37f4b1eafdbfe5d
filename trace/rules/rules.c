/* trace/rules/rules.c: the table of rules, and who speaks where two of them see one cause. */
#include "rules/engine.h"

#include <string.h>

#define RULES(X) \
	X(leak) \
	X(double_close) \
	X(use_after_close) \
	X(wrong_life) \
	X(spin) \
	X(timer) \
	X(set_not_rebuilt) \
	X(starved) \
	X(ready_ignored) \
	X(watching_closed) \
	X(short_write) X(end_of_file_ignored) X(error_as_descriptor) X(number_too_big) X(nfds_too_small) X(sigpipe) \
		X(interrupted) X(accept_fatal) X(peer_reset_fatal) X(inherited) X(no_reuseaddr) X(blocking_accept) \
			X(lost_events) X(held_by_libc) X(half_closed_dropped) X(wide_open)

#define DECLARE(name) extern const struct rule rule_##name;
RULES(DECLARE)

#define ROW(name) &rule_##name,
const struct rule *const rules[] = {RULES(ROW)};
const int rule_count = sizeof rules / sizeof rules[0];

/* The deeper one, the one that is silent then, and what tells that it is one cause. */
const struct precedence precedences[] = {
	{"wrong-life", "double-close", SAME_LIFE},
	{"wrong-life", "use-after-close", SAME_LIFE},
	{"wrong-life", "watching-closed", SAME_LIFE},
	{"number-too-big", "nfds-too-small", SAME_LIFE},
	{"number-too-big", "leak", SAME_LIFE},
	{"nfds-too-small", "set-not-rebuilt", SAME_LIFE | SAME_LINE},
	{"nfds-too-small", "leak", SAME_LIFE},
	{"set-not-rebuilt", "timer-not-rearmed", SAME_EVENT},
	{"set-not-rebuilt", "leak", SAME_LIFE},
	{"end-of-file-ignored", "ready-ignored", SAME_LIFE},
	{"end-of-file-ignored", "leak", SAME_LIFE},
	{"end-of-file-ignored", "spin", SAME_LIFE},
	{"ready-ignored", "leak", SAME_LIFE},
	{"watching-closed", "spin", SAME_LINE},
	{"timer-not-rearmed", "spin", SAME_LINE},
	{"ready-ignored", "spin", SAME_LIFE | SAME_LINE},
	{"half-closed-dropped", "short-write", SAME_LIFE},
	{"sigpipe", "short-write", SAME_LIFE},
	{"peer-reset-fatal", "interrupted", SAME_EVENT},
	{NULL, NULL, 0},
};

const struct rule *
rule_named(const char *id)
{
	for (int i = 0; i < rule_count; i++)
		if (strcmp(rules[i]->id, id) == 0)
			return rules[i];
	return NULL;
}
