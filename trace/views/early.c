/* trace/views/early.c: see early.h. */
#include "views/early.h"

#include "reader/map.h"
#include "views/check.h"

#include <stdlib.h>

enum { INDENT = 4 };

struct early {
	struct model *model;
	struct check *check;
	struct where *where;
	uint32_t modules; /* that `where` knows */
	struct screen screen;
};

struct early *
early_open(struct model *m, const struct live_options *options)
{
	struct early *e = more(NULL, 1, sizeof *e);

	*e = (struct early){.model = m,
		.check = check_open(m, &(struct check_options){.live = true}),
		.where = where_open(model_capture(m), options->no_where),
		.screen = screen_of(options)};
	return e;
}

void
early_step(struct early *e, enum step step, struct event *ev, const struct effects *effects)
{
	check_step(e->check, step, ev, effects);
}

static void
show(struct early *e, struct out *o, const struct finding *f)
{
	const char *line = site_line(e->where, &f->at);
	struct out text;

	out_open(&text, -1);
	finding_text(&text, e->where, f->message);
	out_char(&text, '\0');
	out_hue(o, &e->screen, HUE_LOUD);
	out_text(o, "!!  ");
	out_text(o, f->rule->id);
	out_hue(o, &e->screen, HUE_NONE);
	out_text(o, line[0] != '\0' ? "  " : "");
	out_text(o, line);
	out_line(o);
	out_wrapped(o, &e->screen, INDENT, text.start);
	out_close(&text);
}

void
early_show(struct early *e, struct out *o, int64_t now)
{
	const struct finding *f;

	while ((f = check_early(e->check, now)) != NULL) {
		check_modules(e->model, e->where, &e->modules);
		show(e, o, f);
	}
}

void
early_close(struct early *e)
{
	if (e == NULL)
		return;
	check_close(e->check);
	where_close(e->where);
	free(e);
}
