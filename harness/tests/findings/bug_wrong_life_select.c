/* harness/tests/findings/bug_wrong_life_select.c: one client has another one thrown out, the next in the queue gets
 * its number, and the ready set of this round still names it.
 *
 * Shows: wrong-life
 */
#include "prove.h"

static int clients_fd[3], nclients;

static void
clients(void)
{
	int a = dial(), b = dial(), go = dial(), next;

	say(a, "kick");
	say(b, "old words");
	next = dial();
	say(next, "new words");
	say(go, "!");
	hear_end(b);
	hear_end(next);
	for (int fd = a; fd <= next; fd++)
		hang_up(fd);
}

/* The second client leaves at once, and the one who waits in the queue comes in. */
static void
kick(int listen_fd)
{
	close(clients_fd[1]);
	clients_fd[1] = accept(listen_fd, NULL, NULL);
}

static void
serve(int listen_fd, int client_fd)
{
	char buffer[64];
	ssize_t got = recv(client_fd, buffer, sizeof buffer, 0); /* HERE wrong-life */

	if (got > 0 && buffer[0] == 'k')
		kick(listen_fd);
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	fd_set ready_set;
	char go;

	while (nclients < 3)
		clients_fd[nclients++] = accept(listen_fd, NULL, NULL);
	recv(clients_fd[2], &go, 1, 0); /* by now all the others have spoken */
	FD_ZERO(&ready_set);
	FD_SET(clients_fd[0], &ready_set);
	FD_SET(clients_fd[1], &ready_set);
	select(clients_fd[1] + 1, &ready_set, NULL, NULL, NULL);
	for (int fd = 0; fd <= clients_fd[1]; fd++)
		if (FD_ISSET(fd, &ready_set))
			serve(listen_fd, fd);
	for (int n = 0; n < nclients; n++)
		close(clients_fd[n]);
	close(listen_fd);
	over(child);
	return 0;
}
