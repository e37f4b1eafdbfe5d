/* trace/rules/sigpipe.c: a program that was killed by writing to somebody who had gone. */
#include "rules/engine.h"

#include <signal.h>
#include <sys/wait.h>

static void
tell(struct check *c, const struct thread_facts *t)
{
	const struct life *life = model_life(c->model, t->inside.life);
	struct finding *f = found(c, t->inside.at, life);

	if (f == NULL)
		return;
	say(f, c, "%c on %L killed the program with SIGPIPE: nobody reads at the other end any more.",
		(unsigned)t->inside.call, life);
	say_opened(f, c, life);
}

static void
on(struct check *c)
{
	int status = (int)c->ev->args[0];

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE)
		return;
	for (uint32_t i = 1; i <= timeline_threads(model_timeline(c->model)); i++) {
		const struct thread *thread = timeline_thread(model_timeline(c->model), i);
		const struct thread_facts *t = facts_of_thread(c, i);

		if (thread->pid == c->ev->pid && t->inside.at.seq != 0 &&
			class_of(t->inside.call) & (CALLS_OUT | CALLS_MOVE))
			tell(c, t);
	}
}

const struct rule rule_sigpipe = {
	.id = "sigpipe",
	.severity = SEVERITY_BUG,
	.title = "SIGPIPE killed the program: it wrote to somebody who had gone",
	.why = "The first write to a connection that the peer has closed is answered with a reset; the next one "
	       "raises SIGPIPE, which ends the program without a word. One client that leaves at the wrong moment "
	       "stops the server for all.",
	.advice = "Send with MSG_NOSIGNAL, or ignore SIGPIPE (signal(SIGPIPE, SIG_IGN)), and treat EPIPE as the end "
		  "of that client.",
	.what = "A run that ended with SIGPIPE, with the write that raised it.",
	.example = " 22  write(4, \"news\\x0a\", 5)            ... never returned  server.c:28\n"
		   " 23  ended                              killed by SIGPIPE",
	.mend = "sent = send(client_fd, data, size, MSG_NOSIGNAL);\n"
		"if (sent == -1)\n"
		"    drop(client);       /* EPIPE: it has gone */",
	.not_this = "EPIPE that is returned as an error and looked at. Another signal.",
	.end = CALLS_ENDED,
	.on = on,
};
