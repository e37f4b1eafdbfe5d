/* trace/views/check.h: the forms in which findings are printed: for people, for editors, for programs, for
 * code-scanning pages.
 */
#ifndef FDT_CHECK_H
#define FDT_CHECK_H

#include "rules/rules.h"
#include "views/screen.h"
#include "views/show.h"

struct report {
	struct view v;
	struct check *check;
	enum severity fail_on;
	bool *wanted; /* for each rule: is it to be shown? */
	bool all_open;
	const char *form;    /* text, gcc, json, sarif */
	const char *problem; /* what is not whole, or "" */
	struct screen screen;
};

/* The i-th finding that is to be shown, or NULL. */
const struct finding *shown_finding(const struct report *r, int i);
int rule_index(const struct rule *rule);

void report_text(struct report *r);
void report_gcc(struct report *r);
void report_json(struct report *r);
void report_sarif(struct report *r);

/* "labs/server.c:61": from this folder, or from the root; "" when it is not known. Good until the next call. */
const char *path_of(struct report *r, const struct site *s);
/* "server.c:61" in two; false: there is no line in it. */
bool split_line(const char *line, char *file, size_t size, long *number);
/* Text for people, broken at spaces to fit the screen, each line behind `indent` spaces. */
void out_wrapped(struct out *o, const struct screen *s, int indent, const char *text);
/* The same text with its places as source lines, as a string that must be freed. */
char *plain_text(struct report *r, const char *text);

#endif
