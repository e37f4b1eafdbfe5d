/* harness/tests/findings/near_short_write_wakeup.c: a pipe that only wakes somebody up is full: there is a wakeup in
 * it already. And a datagram that finds no room is lost, as datagrams may be.
 *
 * Looks like: short-write
 */
#include "prove.h"

int
main(void)
{
	int pair[2], dgram[2], full = 0, lost = 0;
	char buffer[4096] = "";

	if (pipe2(pair, O_NONBLOCK | O_CLOEXEC) < 0 ||
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, dgram) < 0)
		return 1;
	for (int n = 0; n < 70000 && full == 0; n++)
		full += write(pair[1], "", 1) < 0;
	for (int n = 0; n < 5000 && lost < 3; n++)
		lost += send(dgram[0], buffer, 100, MSG_NOSIGNAL) < 0;
	while (read(pair[0], buffer, sizeof buffer) > 0)
		;
	close(pair[0]);
	close(pair[1]);
	close(dgram[0]);
	close(dgram[1]);
	return 0;
}
