/* trace/rules/inherited.c: a descriptor goes along into another program that does not use it. */
#include "rules/engine.h"

/* Own table 0, by life: the program that it came into. */
struct carried {
	struct site at; /* the call that started it; at.seq 0: it was not carried */
	uint64_t since; /* the new program's start */
	uint32_t image;
	uint16_t call;
};

enum { SPAWNS = 8 };

/* Own table 2, by process: the last calls that started a program. posix_spawn may return before its child says
 * anything.
 */
struct spawns {
	struct one {
		struct site at;
		int32_t pid; /* of the child; popen does not say: -1 */
		uint16_t call;
	} list[SPAWNS];
	uint32_t count;
};

static void
spawned(struct check *c)
{
	struct spawns *s = OWN(c, 2, c->tf->process, struct spawns);

	if (c->ev->ret >= 0)
		s->list[s->count++ % SPAWNS] =
			(struct one){site_of(c, c->ev), c->ev->call == FDT_CALL_popen ? -1 : c->ev->ret, c->ev->call};
}

/* The call of the parent in which this child was started: it is still inside (system), or has returned. */
static struct one
spawner(struct check *c, const struct process *p)
{
	const struct process *parent = model_pid(c->model, p->parent);
	const struct spawns *s;

	for (uint32_t i = 1; parent != NULL && i <= timeline_threads(model_timeline(c->model)); i++) {
		const struct thread *thread = timeline_thread(model_timeline(c->model), i);
		const struct thread_facts *t = facts_of_thread(c, i);

		if (thread->pid == p->parent && t->inside.at.seq != 0 && class_of(t->inside.call) == CALLS_SPAWN)
			return (struct one){.at = t->inside.at, .call = t->inside.call};
	}
	s = parent != NULL ? OWN(c, 2, parent->index, struct spawns) : NULL;
	for (int i = 0; s != NULL && i < SPAWNS; i++)
		if (s->list[i].at.seq != 0 && (s->list[i].pid == (int32_t)p->pid || s->list[i].pid == -1))
			return s->list[i];
	return (struct one){.call = 0};
}

/* Own table 1, by process: what starts it, as long as it is being told what is open. */
struct start {
	struct carried how;
};

static void
starts(struct check *c, const struct process *p)
{
	struct start *s = OWN(c, 1, p->index, struct start);
	struct one by;

	*s = (struct start){0};
	if (c->pf->exec.seq != 0) {
		s->how.at = c->pf->exec;
		s->how.call = FDT_CALL_execve;
	} else {
		by = spawner(c, p);
		s->how.at = by.at;
		s->how.call = by.call;
	}
	s->how.since = c->ev->seq;
	s->how.image = p->image;
	for (uint32_t id = p->open; id != 0 && s->how.at.seq != 0; id = model_life(c->model, id)->next_open)
		if (model_life(c->model, id)->number > 2)
			*OWN(c, 0, id, struct carried) = s->how;
}

static void
on(struct check *c)
{
	const struct process *p = model_pid(c->model, c->ev->pid);

	if (p == NULL)
		return;
	if (c->class == CALLS_START)
		starts(c, p);
	else if (c->class == CALLS_SPAWN)
		spawned(c);
	if (c->class == CALLS_START)
		return;
	for (uint32_t i = 0; i < c->effects->nopened && p->starting;
		i++) { /* a spawned child: it is found open in a new process */
		const struct life *life = model_life(c->model, c->effects->opened[i]);
		const struct start *s = OWN(c, 1, p->index, struct start);

		if (life->origin == BORN_INHERITED && life->number > 2 && s->how.at.seq != 0)
			*OWN(c, 0, life->id, struct carried) = s->how;
	}
}

static void
over(struct check *c)
{
	for (uint32_t id = 1; id < own_room(c, 0) && id <= model_lives(c->model); id++) {
		const struct carried *k = OWN(c, 0, id, struct carried);
		const struct life *life = model_life(c->model, id);
		const struct life_facts *facts = facts_of(c, id);
		const struct process *p = model_process(c->model, life->process);
		struct finding *f;

		if (k->at.seq == 0 || facts->last.seq > k->since || facts->watched > k->since ||
			(!life->open && life->ending != ENDS_NOT))
			continue;
		f = found(c, k->at, life);
		if (f == NULL)
			continue;
		say(f, c, "%L went along into the program that %c started here", life, (unsigned)k->call);
		if (p->argv != NULL && p->image == k->image)
			say(f, c, " (%s)", p->argv);
		say(f, c, ", which never used it; it stays open for as long as that one runs.");
		say_opened(f, c, life);
	}
}

const struct rule rule_inherited = {
	.id = "inherited",
	.severity = SEVERITY_RISK,
	.title = "a descriptor went along into another program that does not use it",
	.why = "Descriptors survive exec unless they are close-on-exec. A listener in a helper holds the port when "
	       "the server is started again; a connection in a helper stays open after the server has closed it, "
	       "and its client waits for the end; and the helper may read what was not meant for it.",
	.advice = "Open everything with O_CLOEXEC, SOCK_CLOEXEC (accept4, pipe2, ...), and take that off only from "
		  "what is passed on purpose.",
	.what = "After an exec, or in a program that was started by posix_spawn, system or popen: each descriptor "
		"above 2 that came along, and that the new program neither named nor watched nor closed.",
	.example = " 18  accept(3)                          = 4  127.0.0.1:37486  server.c:28\n"
		   " 19  posix_spawn(\"/usr/bin/date\")       = 9081              server.c:29\n"
		   " 24  found 4                            tcp 127.0.0.1:50000",
	.mend = "client_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);",
	.not_this = "0, 1 and 2. A descriptor that is handed over and used there, or closed there. A child that "
		    "goes on in the same program.",
	.end = CALLS_START | CALLS_SPAWN | CALLS_BIRTH,
	.on = on,
	.over = over,
};
