/* trace/rules/fatal.c: three rules about one mistake: what concerns one call, or one client, ends the whole program.
 *
 * interrupted: EINTR. accept-fatal: one accept failed. peer-reset-fatal: one client reset its connection. All three
 * look at what a thread does right after the call failed: if it says so and exits, the call was taken as the end of
 * the world.
 */
#include "rules/engine.h"

#include <errno.h>

/* Own table 0, by thread: the call that failed, as long as nothing else was done since but to say so, or to close. */
struct failed {
	struct site at; /* at.seq 0: none */
	uint16_t call, error;
	uint32_t life;
	bool closed;       /* something was closed since */
	bool thrown;       /* ... and that was the client of the call */
	uint16_t survived; /* an error with which the thread has gone on before */
};

/* Calls in which a report is made: output to the terminal or a log. */
static bool
only_reports(const struct check *c)
{
	return c->class & (CALLS_OUT | CALLS_OTHER | CALLS_TABLE) &&
	       (c->life == NULL || c->life->number <= 2 || c->life->kind == KIND_FILE || c->life->kind == KIND_TTY);
}

/* What the thread does next. True: it exits because of the failure; *status says with what. */
static bool
goes_on(struct check *c, struct failed *f, int *status)
{
	if (f->at.seq == 0)
		return false;
	if (c->class == CALLS_EXIT) {
		*status = (int)(c->ev->args[0] & 0xff);
		return true;
	}
	if (c->class & (CALLS_CLOSE | CALLS_CLOSE_MANY | CALLS_SHUTDOWN))
		f->closed = true;
	else if (!only_reports(c)) {
		f->at.seq = 0;
		f->survived = f->error;
	}
	return false;
}

static void
failed_now(struct check *c, struct failed *f)
{
	*f = (struct failed){.at = site_of(c, c->ev),
		.call = c->ev->call,
		.error = c->ev->error,
		.life = c->ev->life,
		.survived = f->survived};
}

static struct finding *
tell(struct check *c, struct failed *failed, int status)
{
	const struct life *life = model_life(c->model, failed->life);
	struct finding *f = found(c, failed->at, life);

	failed->at.seq = 0;
	if (f == NULL)
		return NULL;
	say(f, c, "%c", (unsigned)failed->call);
	if (life != NULL)
		say(f, c, " on %L", life);
	say(f, c, " failed with %e, and the next thing that the program did was to exit with status %n",
		(int)failed->error, (int64_t)status);
	return f;
}

/* ---- interrupted ---- */

static void
thrown_out(struct check *c, struct failed *f)
{
	const struct life *life = model_life(c->model, f->life);
	struct finding *found_one = found(c, f->at, life);

	f->at.seq = 0;
	if (found_one == NULL)
		return;
	say(found_one, c,
		"%c on %L was interrupted by a signal (EINTR), and the client was closed for it; the program went on "
		"with others.",
		(unsigned)f->call, life);
	say_opened(found_one, c, life);
}

/* The wait was interrupted, its sets are what they were before, and the next call takes them for its answer. */
static bool
taken_for_answer(struct check *c, struct failed *f)
{
	const struct watched *w;
	struct finding *found_one;

	if (f->at.seq == 0 || f->at.seq != c->tf->wait.at.seq || !(c->class & (CALLS_IN | CALLS_ACCEPT)) ||
		c->life == NULL || (f->call != FDT_CALL_select && f->call != FDT_CALL_pselect))
		return false;
	w = told_of(&c->tf->wait, c->life->id);
	if (w == NULL || !(w->wanted & WATCH_READ) || !(c->life->listens || c->life->accepted) ||
		!may_block(c, c->life))
		return false;
	found_one = found(c, f->at, NULL);
	f->at.seq = 0;
	if (found_one == NULL)
		return true;
	say(found_one, c,
		"%c was interrupted by a signal (EINTR), its sets are as they were before, and the program took them "
		"for the answer: %c on %L waits for what nobody "
		"has reported.",
		(unsigned)c->tf->wait.call, (unsigned)c->ev->call, c->life);
	return true;
}

static void
on_interrupted(struct check *c)
{
	struct failed *f = OWN(c, 0, c->ev->thread, struct failed);
	const struct life *life = model_life(c->model, f->life);
	struct finding *found_one;
	int status;

	if (c->step == STEP_END) {
		if (c->ev->error == EINTR &&
			c->class & (CALLS_WAIT | CALLS_IN | CALLS_OUT | CALLS_ACCEPT | CALLS_CONNECT))
			failed_now(c, f);
		return;
	}
	if (taken_for_answer(c, f))
		return;
	if (f->at.seq != 0 && c->class & CALLS_CLOSE && life != NULL && c->ev->life == f->life && life->accepted &&
		c->lf->eof.seq == 0)
		f->thrown = true;
	else if (f->at.seq != 0 && f->thrown && c->class & (CALLS_WAIT | CALLS_ACCEPT | CALLS_IN | CALLS_OUT) &&
		 !only_reports(c)) {
		thrown_out(c, f); /* it goes on with others: it was not about to end */
		return;
	}
	if (!goes_on(c, f, &status) || status == 0 || f->closed)
		return;
	found_one = tell(c, f, status);
	if (found_one != NULL)
		say(found_one, c, ". A signal had arrived, nothing was wrong.");
}

const struct rule rule_interrupted = {
	.id = "interrupted",
	.severity = SEVERITY_BUG,
	.title = "a call was interrupted by a signal, and that was taken for the end",
	.why = "EINTR is no failure of the call: a signal arrived while it waited, and it can be made again. A "
	       "child that ends, a timer, a window that changes its size are enough. SA_RESTART helps recv and "
	       "accept, but never select, poll or epoll_wait.",
	.advice = "When a call fails with EINTR, make it again (after a wait: go round the loop once more).",
	.what = "A wait, read, write, accept or connect that failed with EINTR, after which the thread at once "
		"exits with a status other than 0, closes the client that it was reading from and goes on, or goes "
		"on as if select() had reported everybody.",
	.example = " 12  select(4, r{3})                    = -1 EINTR          server.c:17\n"
		   " 13  exit(1)                                                server.c:19",
	.mend = "ready = select(max_fd + 1, &ready_set, NULL, NULL, NULL);\n"
		"if (ready == -1 && errno == EINTR)\n"
		"    continue;",
	.not_this = "A signal that asks the program to stop: it closes what it has and exits. A call that is made "
		    "again.",
	.begin = CALLS_ALL,
	.end = CALLS_WAIT | CALLS_IN | CALLS_OUT | CALLS_ACCEPT | CALLS_CONNECT,
	.on = on_interrupted,
};

/* ---- accept-fatal ---- */

static bool
concerns_one(int error)
{
	return error != 0 && error != EINTR && error != EBADF && error != EINVAL && error != ENOTSOCK &&
	       error != EOPNOTSUPP && error != EFAULT;
}

static void
on_accept(struct check *c)
{
	struct failed *f = OWN(c, 0, c->ev->thread, struct failed);
	struct finding *found_one;
	int status;

	if (c->step == STEP_END) {
		if (c->class == CALLS_ACCEPT && c->ev->ret < 0 && concerns_one(c->ev->error))
			failed_now(c, f);
		return;
	}
	if (!goes_on(c, f, &status))
		return;
	if (status == 0 && (f->error == EAGAIN || f->error == f->survived))
		return;
	found_one = tell(c, f, status);
	if (found_one != NULL)
		say(found_one, c, ".");
}

const struct rule rule_accept_fatal = {
	.id = "accept-fatal",
	.severity = SEVERITY_BUG,
	.title = "one accept failed, and the server ended for all",
	.why = "accept fails for reasons that pass: the client went away before it was taken (ECONNABORTED), "
	       "another process took it (EAGAIN), there is no free descriptor at the moment (EMFILE). Each of them "
	       "is about one connection.",
	.advice = "Say what accept said, and go back to the wait. With EMFILE, do not ask about the listener again "
		  "before a client has left.",
	.what = "An accept that failed with an error about one connection, after which the thread does nothing but "
		"report, close, and exit.",
	.example = " 40  accept(3)                          = -1 EMFILE         server.c:34\n"
		   " 41  exit(1)                                                server.c:37",
	.mend = "if (client_fd == -1) {\n"
		"    perror(\"accept\");\n"
		"    return;\n"
		"}",
	.not_this = "A failure in the set-up, before anybody is served: socket, bind, listen. A server that goes on "
		    "and ends later for another reason.",
	.begin = CALLS_ALL,
	.end = CALLS_ACCEPT,
	.on = on_accept,
};

/* ---- peer-reset-fatal ---- */

/* Does the process still listen, for others? */
static bool
listens(struct check *c)
{
	const struct process *p = model_process(c->model, c->tf->process);

	for (uint32_t id = p != NULL ? p->open : 0; id != 0; id = model_life(c->model, id)->next_open)
		if (model_life(c->model, id)->listens)
			return true;
	return false;
}

static void
on_reset(struct check *c)
{
	struct failed *f = OWN(c, 0, c->ev->thread, struct failed);
	struct finding *found_one;
	int status;

	if (c->step == STEP_END) {
		if ((c->ev->error == ECONNRESET || c->ev->error == EPIPE || c->ev->error == ETIMEDOUT) &&
			c->life != NULL && c->life->accepted && c->life->origin == BORN_MADE && listens(c))
			failed_now(c, f);
		return;
	}
	if (!goes_on(c, f, &status) || status == 0)
		return;
	found_one = tell(c, f, status);
	if (found_one == NULL)
		return;
	say(found_one, c, ": one client's broken connection ended the server for all.");
	say_opened(found_one, c, model_life(c->model, f->life));
}

const struct rule rule_peer_reset_fatal = {
	.id = "peer-reset-fatal",
	.severity = SEVERITY_BUG,
	.title = "one client's broken connection ended the server",
	.why = "Clients crash, lose their network, or reset on purpose. ECONNRESET and EPIPE say that this one is "
	       "gone; no other is concerned.",
	.advice = "Close that client and go on with the others. In a thread, end the thread, not the process: "
		  "exit() ends all.",
	.what = "A read or write on an accepted connection that failed with ECONNRESET, EPIPE or ETIMEDOUT, after "
		"which the thread at once exits the process with a status other than 0, while the process has a "
		"listener open.",
	.example = " 27  recv(5, 64)                        = -1 ECONNRESET     server.c:42\n"
		   " 28  exit(1)                                                server.c:24",
	.mend = "if (received == -1) {\n"
		"    printf(\"client fd %d: recv: %s\\n\", client_fd, strerror(errno));\n"
		"    drop(client);\n"
		"    return;\n"
		"}",
	.not_this = "A process that serves this one client and no other. A client whose server has gone.",
	.begin = CALLS_ALL,
	.end = CALLS_IN | CALLS_OUT | CALLS_MOVE,
	.on = on_reset,
};
