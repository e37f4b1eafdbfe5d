/* harness/tests/findings/near_interrupted_stop.c: the signal asks the server to stop: it closes what it has and ends
 * well.
 *
 * Looks like: interrupted
 */
#include "prove.h"

static volatile sig_atomic_t stop;

static void
on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void
clients(void)
{
	int fd = dial(), signal;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	say(fd, "hi");
	hear(fd, 2);
	kill(getppid(), SIGTERM);
	sigwait(&set, &signal);
	nap(30); /* the server is in its recv by now */
	kill(getppid(), SIGTERM);
	hear_end(fd);
	hang_up(fd);
}

int
main(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	int listen_fd = listen_local();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL); /* the child waits for it */
	sigaction(SIGTERM, &act, NULL);

	pid_t child = play(listen_fd, clients);
	int client_fd = accept(listen_fd, NULL, NULL);
	struct pollfd client = {client_fd, POLLIN, 0};
	char buffer[64];

	recv(client_fd, buffer, 2, 0);
	echo(client_fd, buffer, 2);
	while (!stop) /* in poll, and then in recv */
		if (poll(&client, 1, 5000) < 0 && errno != EINTR)
			return 1;
	stop = 0;
	kill(child, SIGUSR1);
	while (!stop && recv(client_fd, buffer, sizeof buffer, 0) > 0)
		;
	close(client_fd);
	close(listen_fd);
	over(child);
	return 0;
}
