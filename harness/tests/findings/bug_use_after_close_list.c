/* harness/tests/findings/bug_use_after_close_list.c: a client has left and is closed, but it is still in the list of
 * those who get the news.
 *
 * Shows: use-after-close
 */
#include "prove.h"

struct client {
	int fd;
	struct client *next;
};

static void
clients(void)
{
	int a = dial(), b = dial();

	hang_up(a);
	say(b, "news");
	hear(b, 4);
	hang_up(b);
}

static void
tell_all(const struct client *list, const char *text, size_t size)
{
	for (; list != NULL; list = list->next)
		send(list->fd, text, size, MSG_NOSIGNAL); /* HERE use-after-close */
}

int
main(void)
{
	int listen_fd = listen_local();
	pid_t child = play(listen_fd, clients);
	struct client first = {accept(listen_fd, NULL, NULL), NULL};
	struct client second = {accept(listen_fd, NULL, NULL), &first};
	char buffer[64];
	ssize_t got;

	if (recv(first.fd, buffer, sizeof buffer, 0) == 0)
		close(first.fd);
	while ((got = recv(second.fd, buffer, sizeof buffer, 0)) > 0)
		tell_all(&second, buffer, (size_t)got);
	close(second.fd);
	close(listen_fd);
	over(child);
	return 0;
}
