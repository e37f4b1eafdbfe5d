/* harness/tests/truth/early.c: a library whose constructor opens and closes descriptors, perhaps before libfdtrace.so's own. */
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor(101))) static void
first(void)
{
	close(open("/dev/zero", O_RDONLY));
	(void)!open("/dev/full", O_RDONLY); /* stays */
}
