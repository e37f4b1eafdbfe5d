/* harness/tests/findings/bug_lost_events_threads.c: the same with threads, which find the room used up at different
 * moments.
 *
 * Shows: lost-events
 * Run: --max-events=1000
 */
#include "prove.h"

enum { THREADS = 3 };

static void *
work(void *unused)
{
	(void)unused;
	for (int n = 0; n < 20000; n++)
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return NULL;
}

int
main(void)
{
	pthread_t threads[THREADS];

	for (int n = 0; n < THREADS; n++)
		pthread_create(&threads[n], NULL, work, NULL);
	for (int n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
	return 0;
}
