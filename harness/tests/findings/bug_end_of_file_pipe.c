/* harness/tests/findings/bug_end_of_file_pipe.c: the writer of a pipe has gone; read returns 0 and the loop goes on
 * as if a byte might come.
 *
 * Shows: end-of-file-ignored
 */
#include "prove.h"

enum { ROUNDS = 200 };

static int pair[2];

static void
clients(void)
{
	close(pair[0]);
	(void)!write(pair[1], "work", 4);
	close(pair[1]);
}

int
main(void)
{
	char buffer[64];
	pid_t child;
	struct pollfd list[1];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return 1;
	child = play(-1, clients);
	close(pair[1]);
	list[0] = (struct pollfd){pair[0], POLLIN, 0};
	for (int n = 0; n < ROUNDS; n++) {
		poll(list, 1, -1);
		(void)!read(pair[0], buffer, sizeof buffer); /* HERE end-of-file-ignored */
	}
	close(pair[0]);
	over(child);
	return 0;
}
