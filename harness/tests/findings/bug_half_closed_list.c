/* harness/tests/findings/bug_half_closed_list.c: the write set says that there is an answer to send; in the same
 * round comes end of file, and the client is dropped before its turn to be written to.
 *
 * Shows: half-closed-dropped
 */
#include "prove.h"

struct client {
	int fd;
	bool answer; /* there is one to be sent */
	struct client *next;
};

static void
clients(void)
{
	int fd = dial(), go;

	say(fd, "question");
	shutdown(fd, SHUT_WR);
	go = dial(); /* by now the other has said all */
	hear_end(fd);
	hang_up(fd);
	hang_up(go);
}

static void
read_from(struct client *client)
{
	char buffer[64];
	ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);

	if (got > 0) {
		client->answer = true;
		return;
	}
	close(client->fd); /* HERE half-closed-dropped */
	client->fd = -1;
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct client only = {accept(listen_fd, NULL, NULL), false, NULL};
	int go_fd = accept(listen_fd, NULL, NULL);

	while (only.fd >= 0) {
		fd_set read_set, write_set;

		FD_ZERO(&read_set);
		FD_ZERO(&write_set);
		for (struct client *c = &only; c != NULL; c = c->next) {
			FD_SET(c->fd, &read_set);
			if (c->answer)
				FD_SET(c->fd, &write_set);
		}
		select(FD_SETSIZE, &read_set, &write_set, NULL, NULL);
		if (FD_ISSET(only.fd, &read_set))
			read_from(&only);
		if (only.fd >= 0 && FD_ISSET(only.fd, &write_set)) {
			send(only.fd, "answer", 6, MSG_NOSIGNAL);
			only.answer = false;
		}
	}
	close(go_fd);
	close(listen_fd);
	over(child);
	return 0;
}
