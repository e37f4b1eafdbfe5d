/* harness/tests/programs/hold.c: opens a pipe, says so, and waits in select() for ever; `hold N` first makes N more calls. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	int pair[2];
	fd_set set;

	if (pipe(pair) < 0)
		return 1;
	for (int i = argc > 1 ? atoi(argv[1]) : 0; i > 0; i--)
		close(-1);
	FD_ZERO(&set);
	FD_SET(pair[0], &set);
	puts("waiting");
	fflush(stdout);
	return select(pair[0] + 1, &set, NULL, NULL, NULL) < 0;
}
