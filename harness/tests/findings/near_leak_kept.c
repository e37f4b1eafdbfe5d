/* harness/tests/findings/near_leak_kept.c: a lock file that is held, a log that is written to, a client that has only
 * shut down its sending side: all open for long, none forgotten.
 *
 * Looks like: leak
 */
#include "prove.h"

static void
clients(void)
{
	int reader = dial(), other = dial();

	shutdown(reader, SHUT_WR); /* it only listens from now on */
	say(other, "news");
	hear(reader, 4);
	say(other, "more");
	hear(reader, 4);
	hang_up(other);
	hear_end(reader);
	hang_up(reader);
}

int
main(void)
{
	char lock_name[] = "/tmp/fdlab-lock.XXXXXX", buffer[64];
	int lock_fd = mkstemp(lock_name), log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC), listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int reader_fd = accept(listen_fd, NULL, NULL), other_fd = accept(listen_fd, NULL, NULL);
	ssize_t got = recv(reader_fd, buffer, sizeof buffer, 0); /* its end of file */

	lockf(lock_fd, F_LOCK, 0);
	while (got >= 0 && (got = recv(other_fd, buffer, sizeof buffer, 0)) > 0) {
		dprintf(log_fd, "%zd bytes\n", got);
		(void)!write(log_fd, buffer, (size_t)got);
		echo(reader_fd, buffer, got);
	}
	close(other_fd);
	close(reader_fd);
	close(listen_fd);
	unlink(lock_name);
	over(child);
	return 0;
}
