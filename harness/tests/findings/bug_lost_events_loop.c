/* harness/tests/findings/bug_lost_events_loop.c: the capture has room for fewer events than there are.
 *
 * Shows: lost-events
 * Run: --max-events=1000
 */
#include "prove.h"

int
main(void)
{
	for (int n = 0; n < 50000; n++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return 0;
}
