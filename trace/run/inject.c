/* trace/run/inject.c: --inject=SPEC and --only=LIST.
 *
 *     SPEC = CALL[,CALL...]:FAULT[:FAULT...]      accept4:error=EMFILE:when=3+
 *     CALL = a name from calls.tab, or %family    recv, %network
 *     FAULT = error=NAME | retval=N | signal=NAME | delay_enter=TIME | delay_exit=TIME | short=N | when=first[..last][+[step]]
 *
 * The words and the counting are strace(1)'s (option inject); short=N is ours: the byte count is lowered and the real call is
 * made. TIME is in microseconds, or with a unit: 50ms, 1s, 20us.
 */
#include "run.h"
#include "reader/calls.h"
#include "reader/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>

static char trouble[256];

static bool
matches(const struct call_info *call, const char *word)
{
	if (word[0] == '%')
		return strcmp(family_names[call->family], word + 1) == 0;
	return strcmp(call->name, word) == 0;
}

/* Sets the bits of each call in a comma list; `list` is cut up. */
static const char *
call_bits(uint64_t *bits, char *list)
{
	char *rest = NULL;
	bool any = false;

	for (char *word = strtok_r(list, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
		bool found = false;

		for (unsigned i = 1; i < FDT_CALLS; i++) {
			if (call_infos[i].shape == SHAPE_event || !matches(&call_infos[i], word))
				continue;
			bits[i / 64] |= (uint64_t)1 << (i % 64);
			found = any = true;
		}
		if (!found) {
			snprintf(trouble, sizeof trouble, "'%s' is no call that fdtrace covers, and no %%family", word);
			return trouble;
		}
	}
	return any ? NULL : "it names no call";
}

/* The number that a name of errno(3) or signal(7) stands for; 0: none. */
static int
number_named(const char *(*name_of)(int), const char *name)
{
	for (int n = 1; n < 134; n++) { /* past EHWPOISON, the last one of Linux */
		const char *known = name_of(n);

		if (known != NULL && strcmp(known, name) == 0)
			return n;
	}
	return 0;
}

static int
number_in(const char *text, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 0);
	return errno == 0 && end != text && *end == '\0';
}

static int
time_in(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {{"", 1e3}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"ns", 1}};
	char *end;
	double value = strtod(text, &end);

	if (end == text || !(value >= 0) || value > 1e9)
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ns = (uint64_t)(value * units[i].ns);
			return 1;
		}
	return 0;
}

/* first[..last][+[step]] */
static int
when_in(const char *text, struct fdt_fault *f)
{
	char *end;
	unsigned long first = strtoul(text, &end, 10), last, step = 0;

	if (end == text || first < 1 || first > 65535)
		return 0;
	last = first;
	if (strncmp(end, "..", 2) == 0) {
		char *from = end + 2;

		last = strtoul(from, &end, 10);
		if (end == from || last < first || last > 65535)
			return 0;
		step = 1;
	}
	if (*end == '+') {
		char *from = end + 1;

		if (last == first && step == 0)
			last = UINT32_MAX;
		step = *from != '\0' ? strtoul(from, &end, 10) : 1;
		if (*from == '\0')
			end = from;
		if (step < 1 || step > 65535)
			return 0;
	}
	f->first = (uint32_t)first;
	f->last = (uint32_t)last;
	f->step = (uint32_t)step;
	return *end == '\0';
}

/* One FAULT of a spec. */
static int
part_in(const char *key, const char *value, struct fdt_fault *f)
{
	long long n;

	if (strcmp(key, "error") == 0) {
		f->what |= FDT_FAULT_ERROR;
		f->error = number_named(error_name, value);
		return f->error > 0;
	}
	if (strcmp(key, "retval") == 0) {
		f->what |= FDT_FAULT_RETVAL;
		return number_in(value, &n) && n >= 0 && n <= INT32_MAX && ((f->retval = n), 1);
	}
	if (strcmp(key, "signal") == 0) {
		f->what |= FDT_FAULT_SIGNAL;
		f->signal = number_named(signal_name, value);
		return f->signal > 0;
	}
	if (strcmp(key, "short") == 0) {
		f->what |= FDT_FAULT_SHORT;
		return number_in(value, &n) && n >= 1 && ((f->short_to = (uint64_t)n), 1);
	}
	if (strcmp(key, "delay_enter") == 0) {
		f->what |= FDT_FAULT_DELAY_ENTER;
		return time_in(value, &f->delay_enter_ns);
	}
	if (strcmp(key, "delay_exit") == 0) {
		f->what |= FDT_FAULT_DELAY_EXIT;
		return time_in(value, &f->delay_exit_ns);
	}
	return strcmp(key, "when") == 0 && when_in(value, f);
}

static const char *
parse_fault(char *text, struct fdt_fault *f)
{
	char *rest = NULL, *calls = strtok_r(text, ":", &rest);
	const char *wrong = calls == NULL ? "it names no call" : call_bits(f->calls, calls);

	if (wrong != NULL)
		return wrong;
	f->first = 1;
	f->last = UINT32_MAX;
	f->step = 1;
	for (char *part = strtok_r(NULL, ":", &rest); part != NULL; part = strtok_r(NULL, ":", &rest)) {
		char *value = strchr(part, '=');

		if (value != NULL)
			*value++ = '\0';
		if (value == NULL || !part_in(part, value, f)) {
			snprintf(trouble, sizeof trouble, "'%s%s%s' is none of error=ERRNO retval=N signal=NAME short=N "
			         "delay_enter=TIME delay_exit=TIME when=first[..last][+step]", part, value ? "=" : "", value ? value : "");
			return trouble;
		}
	}
	if (f->what == 0)
		return "it says no fault (error=, retval=, signal=, short=, delay_enter=, delay_exit=)";
	if ((f->what & FDT_FAULT_ERROR) && (f->what & FDT_FAULT_RETVAL))
		return "error= and retval= exclude each other";
	return NULL;
}

const char *
add_fault(struct fdt_header *h, const char *spec)
{
	struct fdt_fault f = {0};
	char *text = strdup(spec);
	const char *wrong;

	if (h->nfaults == FDT_FAULTS) {
		free(text);
		return "that is one too many: 16 at most";
	}
	wrong = text != NULL ? parse_fault(text, &f) : "out of memory";
	free(text);
	if (wrong == NULL)
		h->faults[h->nfaults++] = f;
	return wrong;
}

const char *
only_calls(struct fdt_header *h, const char *list)
{
	uint64_t bits[FDT_CALL_BITS / 64] = {0};
	char *text = strdup(list);
	const char *wrong = text != NULL ? call_bits(bits, text) : "out of memory";

	free(text);
	if (wrong != NULL)
		return wrong;
	for (unsigned i = 1; i < FDT_CALLS; i++) /* what befalls a program is always told */
		if (call_infos[i].shape == SHAPE_event || call_infos[i].shape == SHAPE_fork || call_infos[i].shape == SHAPE_exec)
			bits[i / 64] |= (uint64_t)1 << (i % 64);
	memcpy(h->only, bits, sizeof bits);
	return NULL;
}
