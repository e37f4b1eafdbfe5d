/* harness/tests/findings/bug_sigpipe_pipe.c: a worker is killed by writing into a pipe whose reader has gone, and
 * nobody wonders.
 *
 * Shows: sigpipe
 */
#include "prove.h"

int
main(void)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return 1;
	close(pair[0]);
	(void)!write(pair[1], "result", 6); /* HERE sigpipe */
	close(pair[1]);
	return 0;
}
