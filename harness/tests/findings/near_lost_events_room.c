/* harness/tests/findings/near_lost_events_room.c: as many events, and room for all of them.
 *
 * Looks like: lost-events
 */
#include "prove.h"

int
main(void)
{
	for (int n = 0; n < 50000; n++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return 0;
}
