/* harness/tests/findings/bug_double_close_stream.c: fclose() closes the descriptor that the stream was made from;
 * close() comes too late.
 *
 * Shows: double-close
 */
#include "prove.h"

int
main(void)
{
	int pair[2];
	FILE *lines;
	char line[64];

	if (pipe2(pair, O_CLOEXEC) < 0 || write(pair[1], "a line\n", 7) != 7)
		return 1;
	close(pair[1]);
	lines = fdopen(pair[0], "r");
	while (fgets(line, sizeof line, lines) != NULL)
		fputs(line, stdout);
	fclose(lines);
	close(pair[0]); /* HERE double-close */
	return 0;
}
