/* harness/tests/findings/near_wrong_life_optimistic.c: every new client is read from at once, without asking select
 * first; the stale bit of its number is passed over.
 *
 * Looks like: wrong-life
 */
#include "prove.h"

static int table[FD_SETSIZE]; /* the round in which a number was given out; 0: nobody has it */
static int round_now;

static void
clients(void)
{
	int a = dial(), b = dial(), go = dial(), next;

	say(a, "kick");
	say(b, "old words");
	next = dial();
	say(next, "new words");
	say(go, "!");
	hear_end(next);
	for (int fd = a; fd <= next; fd++)
		hang_up(fd);
}

static int
take_client(int listen_fd)
{
	int fd = accept(listen_fd, NULL, NULL);
	char buffer[64];

	table[fd] = round_now;
	recv(fd, buffer, 1, MSG_DONTWAIT); /* most speak first; EAGAIN is no harm */
	return fd;
}

static void
serve(int listen_fd, int client_fd, int victim_fd)
{
	char buffer[64];
	ssize_t got = recv(client_fd, buffer, sizeof buffer, 0);

	if (got > 0 && memchr(buffer, 'k', (size_t)got) != NULL) {
		close(victim_fd);
		table[victim_fd] = 0;
		take_client(listen_fd);
	}
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	int a = take_client(listen_fd), b = take_client(listen_fd), go_fd = accept(listen_fd, NULL, NULL);
	fd_set ready_set;
	char go;

	recv(go_fd, &go, 1, 0);
	round_now = 1;
	FD_ZERO(&ready_set);
	FD_SET(a, &ready_set);
	FD_SET(b, &ready_set);
	select(b + 1, &ready_set, NULL, NULL, NULL);
	for (int fd = a; fd <= b; fd++)
		if (FD_ISSET(fd, &ready_set) && table[fd] < round_now)
			serve(listen_fd, fd, b);
	close(a);
	close(b);
	close(go_fd);
	close(listen_fd);
	over(child);
	return 0;
}
