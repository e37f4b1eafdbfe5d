/* harness/tests/findings/near_lost_events_killed.c: a program that is killed: what it did until then is all there.
 *
 * Looks like: lost-events
 */
#include "prove.h"

int
main(void)
{
	int listen_fd = listen_local();

	kill(getpid(), SIGKILL);
	close(listen_fd);
	return 0;
}
