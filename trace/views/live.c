/* trace/views/live.c: see live.h. */
#include "views/live.h"

#include "views/early.h"
#include "views/rows.h"

#include "reader/map.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct live {
	struct capture *capture;
	struct timeline *timeline;
	struct model *model;
	struct rows *rows;
	struct early *early;
	struct out out;
	bool over;
};

struct live *
live_open(const char *capture_path, const struct live_options *options, char *error, size_t size)
{
	struct capture *c = capture_open(capture_path, error, size);
	struct live *l;

	if (c == NULL)
		return NULL;
	l = more(NULL, 1, sizeof *l);
	memset(l, 0, sizeof *l);
	l->capture = c;
	l->timeline = timeline_open(c, true);
	l->model = model_open(l->timeline);
	out_open(&l->out, options->fd);
	l->rows = rows_open(l->model, &l->out, options, false);
	l->early = early_open(l->model, options);
	return l;
}

/* ns since the run began, now. */
static int64_t
time_of_run(const struct live *l)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec -
			 capture_header(l->capture)->start_ns);
}

static void
flush(struct live *l)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	sigaction(SIGPIPE, &ignore, &before);
	out_flush(&l->out);
	sigaction(SIGPIPE, &before, NULL);
}

int
live_step(struct live *l)
{
	struct effects e;
	struct event *ev;
	enum step step;
	bool running = capture_poll(l->capture);

	while ((step = timeline_next(l->timeline, &ev)) == STEP_BEGIN || step == STEP_END) {
		model_step(l->model, step, ev, &e);
		rows_step(l->rows, step, ev, &e);
		early_step(l->early, step, ev, &e);
	}
	if (running)
		rows_time(
			l->rows, time_of_run(l) - 1000000); /* a slot that was taken just now may not be written yet */
	early_show(l->early, &l->out, time_of_run(l));
	flush(l);
	if (l->out.error != 0)
		return -1;
	return step == STEP_IDLE || running;
}

void
live_close(struct live *l)
{
	if (l == NULL)
		return;
	live_step(l);
	rows_close(l->rows);
	early_close(l->early);
	flush(l);
	out_close(&l->out);
	model_close(l->model);
	timeline_close(l->timeline);
	capture_close(l->capture);
	free(l);
}
