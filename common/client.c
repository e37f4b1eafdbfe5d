/* common/client.c: the interactive client: sends what is typed, prints what comes back.
 *
 * Try: make client, or: cc -Icommon common/client.c common/lab.c -o client
 *                       ./client 50000
 *
 * It watches the keyboard and the connection at once, and never waits in a send: a server that is late, or busy sending
 * to us, must not be able to stop us.
 */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int server_fd;
	bool input_ended;
	bool server_ended;
	unsigned long long sent, received;
	size_t unsent_from, unsent_to; /* the part of `unsent` that is still to be sent */
	char unsent[65536];
};

static bool
would_wait(int error)
{
	return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

static int
connect_to(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *each;
	int server_fd = -1, error;

	error = getaddrinfo(host, port, &hints, &found);
	if (error != 0) {
		fprintf(stderr, "client: %s: %s\n", host, gai_strerror(error));
		exit(1);
	}
	for (each = found; each != NULL; each = each->ai_next) {
		server_fd = socket(each->ai_family, each->ai_socktype, each->ai_protocol);
		if (server_fd == -1)
			die("client: socket");
		if (connect(server_fd, each->ai_addr, each->ai_addrlen) == 0)
			break;
		error = errno;
		close(server_fd);
	}
	freeaddrinfo(found);
	if (each == NULL) {
		fprintf(stderr, "client: connect %s:%s: %s%s\n", host, port, error_text(error),
			error == ECONNREFUSED ? ": is the server running? (try: make serve LAB=lab2)" : "");
		exit(1);
	}
	return server_fd;
}

static void
say_hello(int server_fd, const char *host, const char *port)
{
	struct sockaddr_storage own;
	socklen_t own_size = sizeof own;
	char own_port[16];

	if (getsockname(server_fd, (struct sockaddr *)&own, &own_size) == -1)
		die("client: getsockname");
	if (getnameinfo((struct sockaddr *)&own, own_size, NULL, 0, own_port, sizeof own_port, NI_NUMERICSERV) != 0)
		strcpy(own_port, "?");
	fprintf(stderr, "client: connected to %s:%s from port %s; Ctrl+D leaves\n", host, port, own_port);
}

static void
print_all(const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(STDOUT_FILENO, data, size);

		if (written == -1 && errno == EINTR)
			continue;
		if (written == -1)
			die("client: write");
		data += written;
		size -= (size_t)written;
	}
}

static void
read_input(struct client *client)
{
	ssize_t got = read(STDIN_FILENO, client->unsent, sizeof client->unsent);

	if (got == -1 && would_wait(errno))
		return;
	if (got == -1)
		die("client: read");
	client->unsent_from = 0;
	client->unsent_to = (size_t)got;
	if (got > 0)
		return;
	/* End of input. Only our direction ends here: a server that has read everything sends the rest of the echo and then
	 * closes. To close both directions now would throw away what is still on its way. */
	client->input_ended = true;
	shutdown(client->server_fd, SHUT_WR); /* fails only if the server is gone, and recv() will say so */
	if (client->received < client->sent && isatty(STDIN_FILENO))
		fprintf(stderr, "client: waiting for the rest of the echo; Ctrl+C leaves at once\n");
}

static void
read_echo(struct client *client)
{
	char buffer[65536];
	ssize_t got = recv(client->server_fd, buffer, sizeof buffer, 0);

	if (got == -1 && would_wait(errno))
		return;
	if (got == -1)
		die("client: recv");
	client->server_ended = got == 0;
	client->received += (unsigned long long)got;
	print_all(buffer, (size_t)got);
}

static void
send_unsent(struct client *client)
{
	size_t size = client->unsent_to - client->unsent_from;
	ssize_t taken = send(client->server_fd, client->unsent + client->unsent_from, size, MSG_NOSIGNAL);

	if (taken == -1 && would_wait(errno))
		return;
	if (taken == -1)
		die("client: send");
	client->sent += (unsigned long long)taken;
	client->unsent_from += (size_t)taken;
}

/* One wait, and all that is done because of it. */
static void
run_turn(struct client *client)
{
	bool to_send = client->unsent_from < client->unsent_to;
	struct pollfd watched[2] = {
		/* New input is read when the old is sent; a negative number is not watched. */
		{.fd = to_send || client->input_ended ? -1 : STDIN_FILENO, .events = POLLIN},
		{.fd = client->server_fd, .events = to_send ? POLLIN | POLLOUT : POLLIN},
	};

	if (poll(watched, 2, -1) == -1) {
		if (errno == EINTR)
			return;
		die("client: poll");
	}
	/* The server first: what it said last is printed before a send tells us that it is gone. */
	if (watched[1].revents & ~POLLOUT)
		read_echo(client);
	if (watched[1].revents & POLLOUT && !client->server_ended)
		send_unsent(client);
	if (watched[0].revents != 0 && !client->server_ended)
		read_input(client);
}

int
main(int argc, char *argv[])
{
	static struct client client;
	const char *host = argc == 3 ? argv[1] : "127.0.0.1";
	in_port_t port;

	if ((argc != 2 && argc != 3) || !parse_port(argv[argc - 1], &port)) {
		fprintf(stderr, "usage: client [HOST] PORT\n");
		return 2;
	}
	client.server_fd = connect_to(host, argv[argc - 1]);
	if (fcntl(client.server_fd, F_SETFL, O_NONBLOCK) == -1)
		die("client: fcntl");
	say_hello(client.server_fd, host, argv[argc - 1]);
	/* It ends when the input has ended and all of it came back, or when the server ends. */
	while (!client.server_ended && !(client.input_ended && client.received >= client.sent))
		run_turn(&client);
	if (client.received < client.sent)
		fprintf(stderr, "client: the server closed the connection; bytes not echoed: %llu\n",
			client.sent - client.received);
	else if (!client.input_ended)
		fprintf(stderr, "client: the server closed the connection\n");
	return client.received < client.sent || !client.input_ended;
}
