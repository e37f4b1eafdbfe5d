/* harness/tests/programs/million.c: so many events for the player's tests: a server's loop over socket pairs, or a loop that spins.
 *
 *     million echo 1000000 40      select, recv, send ... with 40 descriptors
 *     million spin 1000000 1       select comes back at once, again and again
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { PAIRS_MOST = 400 };

static int near[PAIRS_MOST], far[PAIRS_MOST];

/* One turn: some have something to say, select, and each that is ready gets its echo. Every 16th turn one leaves and another comes. */
static long
turn(int pairs, int max_fd, unsigned *seed)
{
	struct timeval timeout = {2, 0};
	char text[64], buffer[512];
	fd_set set;
	long events = 1;

	FD_ZERO(&set);
	for (int i = 0; i < pairs; i++)
		FD_SET(near[i], &set);
	for (int i = 0; i < 3; i++) {
		int n = snprintf(text, sizeof text, "message %u", *seed = *seed * 1103515245 + 12345);

		events += write(far[*seed / 65536 % (unsigned)pairs], text, (size_t)n) > 0;
	}
	if (select(max_fd + 1, &set, NULL, NULL, &timeout) < 0)
		exit(1);
	for (int i = 0; i < pairs; i++) {
		if (!FD_ISSET(near[i], &set))
			continue;
		ssize_t n = recv(near[i], buffer, sizeof buffer, 0);

		events += 2;
		if (n <= 0 || send(near[i], buffer, (size_t)n, 0) != n)
			exit(1);
		events += recv(far[i], buffer, sizeof buffer, 0) > 0;
	}
	return events;
}

static void
replace(int i)
{
	int pair[2];

	close(near[i]);
	close(far[i]);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		exit(1);
	near[i] = pair[0];
	far[i] = pair[1];
}

int
main(int argc, char *argv[])
{
	long wanted = argc == 4 ? atol(argv[2]) : 0, events = 0;
	int pairs = argc == 4 ? atoi(argv[3]) : 1;
	unsigned seed = 1;

	if (wanted < 1 || pairs < 1 || pairs > PAIRS_MOST)
		return 2;
	for (int i = 0; i < pairs; i++) {
		near[i] = far[i] = -1;
		replace(i);
	}
	while (events < wanted && strcmp(argv[1], "echo") == 0) {
		events += turn(pairs, 2 * pairs + 3, &seed);
		if (events % 16 == 0) {
			replace((int)(seed / 65536 % (unsigned)pairs));
			events += 3;
		}
	}
	while (events < wanted) {
		struct timeval none = {0, 0};

		if (select(1, NULL, NULL, NULL, &none) < 0)
			return 1;
		events++;
	}
	return 0;
}
