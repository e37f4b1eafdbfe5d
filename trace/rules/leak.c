/* trace/rules/leak.c: open at exit, and long forgotten. */
#include "rules/engine.h"

#include <sys/socket.h>

enum {
	WENT_ON = 2,    /* waits, connections and transfers after the last use: the process did something else */
	FORGOTTEN = 32, /* the same, where only silence speaks */
	GROWS = 3,      /* as many from one line */
};

/* Is a thread inside a call on it, to this moment? */
static bool
in_use(struct check *c, const struct life *life)
{
	for (uint32_t i = 1; i <= timeline_threads(model_timeline(c->model)); i++) {
		const struct thread_facts *t = facts_of_thread(c, i);

		if (t->inside.at.seq != 0 && t->inside.life == life->id)
			return true;
	}
	return false;
}

static bool
copied_to_child(const struct check *c, const struct life *life)
{
	for (uint32_t id = life->id + 1; id <= model_lives(c->model); id++) {
		const struct life *copy = model_life(c->model, id);

		if (copy->of == life->id && copy->process != life->process)
			return true;
	}
	return false;
}

/* Its end was seen, and then the process turned to other things. */
static void
after_its_end(struct check *c, const struct life *life, const struct life_facts *f)
{
	struct site end = f->eof.seq != 0 ? f->eof : f->gone;
	struct finding *found_one = found(c, end, life);

	if (found_one == NULL)
		return;
	if (!life->accepted)
		found_one->severity = SEVERITY_RISK;
	say(found_one, c, f->eof.seq != 0 ? "%L reached its end of file at %p" : "%L was found to be broken at %p",
		life, &end);
	say(found_one, c, ", and was never closed");
	if (f->last.seq != end.seq)
		say(found_one, c, "; the last call that named it is at %p", &f->last);
	say(found_one, c, ".");
	say_opened(found_one, c, life);
}

/* Own table 1, by life: shutdown(SHUT_RDWR) was called on it. There is nothing more that it could be kept for. */
struct shut {
	bool both;
};

/* It was closed in the end, but others had come and gone before that: its number was missing meanwhile. */
static void
late(struct check *c, const struct life *life)
{
	const struct life_facts *f = facts_of(c, life->id);
	struct finding *found_one;

	if (!life->accepted || life->origin != BORN_MADE || f->eof.seq == 0 || f->used > f->eof.seq ||
		f->watched > f->eof.seq || f->epoll != 0 || c->pf->accepts == f->eof_accepts || c->life != life ||
		!OWN(c, 1, life->id, struct shut)->both)
		return;
	found_one = found(c, f->eof, life);
	if (found_one == NULL)
		return;
	found_one->severity = SEVERITY_RISK;
	say(found_one, c,
		"%L reached its end of file at %p and was closed only at event %n, after others had come: %n new "
		"connections got higher numbers, or none.",
		life, &f->eof, (int64_t)c->ev->seq, (int64_t)(c->pf->accepts - f->eof_accepts));
	say_opened(found_one, c, life);
}

static void
on(struct check *c)
{
	if (c->class == CALLS_SHUTDOWN && c->life != NULL && c->ev->args[0] == SHUT_RDWR)
		OWN(c, 1, c->life->id, struct shut)->both = true;
	for (uint32_t i = 0; i < c->effects->nclosed; i++)
		late(c, model_life(c->model, c->effects->closed[i]));
}

static void
never_used(struct check *c, const struct life *life, const struct life_facts *f)
{
	const struct process *p = model_process(c->model, life->process);
	struct finding *found_one = found(c, f->born, life);

	if (found_one == NULL)
		return;
	if (copied_to_child(c, life)) {
		say(found_one, c,
			"%L was accepted, a child process got a copy of it, and this process never closed its own",
			life);
		say(found_one, c, ": the client does not see the end of the connection before both are closed.");
		advise(found_one, c,
			"Close the connection in the parent right after fork(): the child has its own copy.");
		return;
	}
	if (p->threaded)
		found_one->severity = SEVERITY_RISK; /* it may lie in a queue between threads */
	say(found_one, c,
		"%L was accepted, and then neither watched, nor read, nor written, nor closed: its client waits for "
		"ever.",
		life);
}

static void
forgotten(struct check *c, const struct life *life, const struct life_facts *f)
{
	struct finding *found_one = found(c, f->last, life);

	if (found_one == NULL)
		return;
	found_one->severity = SEVERITY_RISK;
	say(found_one, c,
		"%L was named last by the call at %p; it is still open at the end, and no wait asks about it.", life,
		&f->last);
	say_opened(found_one, c, life);
}

/* Own table 0: by the hash of a line and a process: how many lives of that line are open and idle. */
struct line {
	uint64_t where;
	uint32_t pid, count;
};

static struct line *
line_of(struct check *c, const struct life_facts *f)
{
	uint64_t parts[2] = {f->born.where, f->born.pid};
	struct line *line = OWN(c, 0, (uint32_t)hash_bytes(parts, sizeof parts) & 1023, struct line);

	if (line->where != f->born.where || line->pid != f->born.pid)
		*line = (struct line){f->born.where, f->born.pid, 0};
	return line;
}

static bool
counts(const struct check *c, const struct life *life, const struct life_facts *f)
{
	(void)c;
	return life->open && life->ending == ENDS_NOT && life->number > 2 && f->born.seq != 0 && f->born.where != 0 &&
	       (life->origin == BORN_MADE || life->origin == BORN_RECEIVED || life->origin == BORN_DUP);
}

static uint64_t
idle(struct check *c, const struct life *life, const struct life_facts *f)
{
	return facts_of_process(c, life->process)->work - f->idle;
}

static void
grows(struct check *c, const struct life *life, const struct life_facts *f, const struct line *line)
{
	struct finding *found_one = found(c, f->born, life);

	if (found_one == NULL)
		return;
	found_one->severity = line->count >= 3 * GROWS ? SEVERITY_BUG : SEVERITY_RISK;
	say(found_one, c,
		"%n descriptors that were opened at %p are open at the end and were not used any more, %L first.",
		(int64_t)line->count, &f->born, life);
}

static void
judge(struct check *c, const struct life *life)
{
	const struct life_facts *f = facts_of(c, life->id);
	uint64_t since = idle(c, life, f);
	const struct line *line = line_of(c, f);

	if (in_use(c, life))
		return;
	if ((f->eof.seq != 0 || f->gone.seq != 0) && is_stream(life) &&
		f->watched <= (f->eof.seq != 0 ? f->eof : f->gone).seq && since >= WENT_ON)
		after_its_end(c, life, f);
	else if (life->accepted && f->last.seq == 0 && f->watched == 0 && f->epoll == 0 && since >= WENT_ON)
		never_used(c, life, f);
	else if (life->accepted && f->epoll == 0 && f->told == f->watched && since >= FORGOTTEN &&
		 !model_process(c->model, life->process)->threaded)
		forgotten(c, life, f);
	else if (line->count >= GROWS && f->born_work > 0 && f->epoll == 0 && f->watched == 0 && since >= WENT_ON)
		grows(c, life, f, line);
}

static void
list_open(struct check *c, const struct life *life)
{
	const struct life_facts *f = facts_of(c, life->id);
	struct finding *found_one;

	c->key = life->id; /* each by itself */
	found_one = found(c, f->born, life);
	c->key = 0;
	if (found_one == NULL)
		return;
	found_one->severity = SEVERITY_NOTE;
	say(found_one, c, "%L is open at the end.", life);
}

static void
over(struct check *c)
{
	for (uint32_t id = 1; id <= model_lives(c->model); id++) {
		const struct life *life = model_life(c->model, id);
		const struct life_facts *f = facts_of(c, id);

		if (counts(c, life, f) && f->born_work > 0 && f->watched == 0 && idle(c, life, f) >= WENT_ON)
			line_of(c, f)->count++;
	}
	for (uint32_t id = 1; id <= model_lives(c->model); id++) {
		const struct life *life = model_life(c->model, id);

		if (!counts(c, life, facts_of(c, id)))
			continue;
		judge(c, life);
		if (c->o.all_open)
			list_open(c, life);
	}
}

const struct rule rule_leak = {
	.id = "leak",
	.severity = SEVERITY_BUG,
	.title = "a descriptor is open at the end, and was forgotten long before",
	.why = "An open descriptor keeps its connection, its port and its number. A server that leaks one for each "
	       "client runs into EMFILE, and a client whose connection is never closed waits for an end that does "
	       "not come.",
	.advice = "Close it where the program is done with it: at end of file, after an error, and where a client "
		  "is refused.",
	.what = "At the end of the run, each descriptor that its process itself had opened and that is still open. "
		"It is a leak when the process had stopped using it: its end of file was read, or its connection "
		"was found to be broken, and then the program went on with others; it was accepted and never looked "
		"at; or nothing named it any more while much else was done. Several that were opened by one line "
		"and lie idle are told as one. A client that was shut down, and closed only after others had come, "
		"is a risk.",
	.example = " 31  recv(4, 64)                        = 0  end of file    server.c:33\n"
		   " 32  select(6, r{3,5})                  = 1  r{3}           server.c:57\n"
		   " 33  accept(3)                          = 6  127.0.0.1:53126  server.c:63\n"
		   "     4 is never closed: the next client got 6, not 4",
	.mend = "if (received <= 0) {\n"
		"    FD_CLR(client_fd, &watch_set);\n"
		"    close(client_fd);\n"
		"}",
	.not_this = "A server that is stopped while clients are connected: it watched them to the last. A log, a "
		    "lock, a listener: they are in use for as long as the program runs. A client that has only shut "
		    "down its sending side and still gets answers. What the program inherited.",
	.end = CALLS_CLOSE | CALLS_SHUTDOWN,
	.on = on,
	.over = over,
};
