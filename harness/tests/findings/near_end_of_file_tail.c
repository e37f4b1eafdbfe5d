/* harness/tests/findings/near_end_of_file_tail.c: a file that may grow is read again and again at its end, as tail -f
 * does.
 *
 * Looks like: end-of-file-ignored
 */
#include "prove.h"

int
main(void)
{
	char name[] = "/tmp/fdlab-tail.XXXXXX", buffer[64];
	int file_fd = mkstemp(name);

	unlink(name);
	for (int n = 0; n < 20; n++) {
		(void)!read(file_fd, buffer, sizeof buffer);
		nap(1);
	}
	close(file_fd);
	return 0;
}
