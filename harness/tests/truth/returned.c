/* harness/tests/truth/returned.c: what a capture of die.c has of each thread, read with the reader's own events.c.
 *
 *     returned CAPTURE     a line a thread: TID CALLS-THAT-RETURNED CALLS-THAT-DID-NOT
 *
 * Exit status 1, with a line that says where, when a thread's calls are not 0, 1, 2 ... each once, or one that has not returned is not
 * its thread's last.
 */
#include "reader/events.h"

#include <stdio.h>
#include <string.h>

enum { THREADS = 64 };

static struct thread_seen {
	uint32_t tid;
	uint64_t done, unfinished;
} seen[THREADS];

int
main(int argc, char **argv)
{
	char error[512];
	struct capture *c = argc == 2 ? capture_open(argv[1], error, sizeof error) : NULL;
	struct event ev;

	if (c == NULL)
		return fprintf(stderr, "returned: %s\n", argc == 2 ? error : "which capture?"), 2;
	while (capture_next(c, &ev) == READ_EVENT) {
		struct thread_seen *t = seen;

		if (strcmp(ev.info->name, "shutdown") != 0 && strcmp(ev.info->name, "read") != 0 && strcmp(ev.info->name, "listen") != 0 &&
		    strcmp(ev.info->name, "send") != 0)
			continue;
		while (t < seen + THREADS - 1 && t->tid != 0 && t->tid != ev.tid)
			t++;
		t->tid = ev.tid;
		if ((uint64_t)ev.args[0] != t->done || t->unfinished > 0)
			return printf("thread %u: call %lld comes as number %llu\n", ev.tid, (long long)ev.args[0], (unsigned long long)t->done), 1;
		if (ev.done)
			t->done++;
		else
			t->unfinished++;
	}
	for (struct thread_seen *t = seen; t < seen + THREADS && t->tid != 0; t++)
		printf("%u %llu %llu\n", t->tid, (unsigned long long)t->done, (unsigned long long)t->unfinished);
	capture_close(c);
	return 0;
}
