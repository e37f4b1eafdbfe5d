/* harness/tests/programs/faults.c: writes a line in a loop that copes with short writes and EINTR, reads it back the same way,
 * and prints what each call gave.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(void)
{
	static const char line[] = "thirty bytes, neither more nor";
	char back[sizeof line] = "";
	int pair[2];

	if (pipe(pair) < 0)
		return 1;
	for (size_t done = 0; done < sizeof line - 1;) {
		ssize_t n = write(pair[1], line + done, sizeof line - 1 - done);

		printf("write %zd %s\n", n, n < 0 && errno == EINTR ? "EINTR" : "");
		done += n > 0 ? (size_t)n : 0;
	}
	for (size_t done = 0; done < sizeof line - 1;) {
		ssize_t n = read(pair[0], back + done, sizeof line - 1 - done);

		printf("read %zd %s\n", n, n < 0 && errno == EINTR ? "EINTR" : "");
		done += n > 0 ? (size_t)n : 0;
	}
	return strcmp(line, back) != 0;
}
