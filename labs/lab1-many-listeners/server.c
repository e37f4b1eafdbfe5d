/* labs/lab1-many-listeners/server.c: select() over several listening sockets, and one client served at a time.
 *
 * Try: make lab1, or: cc -Icommon labs/lab1-many-listeners/server.c common/lab.c -o server
 *                     ./server 10 50000 50001 50002
 *
 * What to look for: the listeners are descriptors 3, 4 and 5, and every client is 6, because nobody else is accepted
 * while a client is served. The others are not refused: the kernel connects them and lets them wait.
 */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_LISTENERS = 64 };

struct server {
	int listen_fds[MAX_LISTENERS];
	int listener_count;
	bool has_timer;
	struct timeval timeout;
};

static int
open_listener(in_port_t port)
{
	struct sockaddr_in address = {0};
	int yes = 1;
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0);

	if (listen_fd == -1)
		die("server: socket");
	/* Before bind(), or it has no effect: lets us have a port of which old connections are still in TIME_WAIT. */
	if (setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == -1)
		die("server: setsockopt SO_REUSEADDR");
	address.sin_family = AF_INET;
	address.sin_port = htons(port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) == -1)
		die("server: bind 127.0.0.1:%d", port);
	if (listen(listen_fd, SOMAXCONN) == -1)
		die("server: listen 127.0.0.1:%d", port);
	printf("listening on 127.0.0.1:%d fd %d\n", port, listen_fd);
	return listen_fd;
}

/* Write send_all() here: it sends all `size` bytes. send() may take only some of them, then the rest is still to be sent;
 * it may be interrupted (EINTR), then nothing was sent. MSG_NOSIGNAL: to send to a client that has gone is an error of
 * that call, not the end of this program. False, with errno, when the client cannot be reached any more. */
/* BEGIN SOLUTION */
static bool
send_all(int client_fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(client_fd, data, size, MSG_NOSIGNAL);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			return false;
		data += sent;
		size -= (size_t)sent;
	}
	return true;
}
/* END SOLUTION */

/* The handler: it stays with its client to the end, and that is what lab 2 mends. */
static void
serve_client(int client_fd)
{
	/* Receive and echo, again and again, until recv() returns 0: that is the client's end of file. The bytes may be
	 * of any kind, so the number that recv() returned counts, not strlen(). EINTR is no error. Any other error is
	 * the end of this client only: print "client fd N: recv: ..." (or send) with error_text(errno), and leave. */
	/* BEGIN SOLUTION */
	char buffer[4096];
	ssize_t received;

	while ((received = recv(client_fd, buffer, sizeof buffer, 0)) != 0) {
		if (received == -1 && errno == EINTR)
			continue;
		if (received == -1) {
			printf("client fd %d: recv: %s\n", client_fd, error_text(errno));
			break;
		}
		if (!send_all(client_fd, buffer, (size_t)received)) {
			printf("client fd %d: send: %s\n", client_fd, error_text(errno));
			break;
		}
	}
	/* END SOLUTION */
	close(client_fd);
	printf("client fd %d closed\n", client_fd);
}

static void
accept_and_serve(int listen_fd)
{
	struct sockaddr_in peer = {0};
	socklen_t peer_size;
	char host[INET_ADDRSTRLEN] = "?";
	int client_fd;

	do {
		peer_size = sizeof peer; /* accept() reads it, then overwrites it */
		client_fd = accept(listen_fd, (struct sockaddr *)&peer, &peer_size);
	} while (client_fd == -1 && errno == EINTR);
	if (client_fd == -1) {
		bool only_this_client = errno == ECONNABORTED;

		printf("accept: %s\n", error_text(errno));
		/* Out of descriptors or memory, and no client here who could give some back: take a rest, or select()
		 * would report the same connection at once, again and again. */
		if (!only_this_client)
			select(0, NULL, NULL, NULL, &(struct timeval){.tv_sec = 1});
		return;
	}
	inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
	printf("client %s:%d accepted fd %d\n", host, ntohs(peer.sin_port), client_fd);
	serve_client(client_fd);
}

/* One turn of the loop: one wait, and all that is done because of it. */
static void
run_turn(const struct server *server)
{
	fd_set ready_set;
	int ready_count = -1;

	FD_ZERO(&ready_set);
	errno = ENOSYS; /* what die() says below for as long as select() is not called */
	/* Call select() for reading on all listeners. It changes the set: on return only the ready ones are in it, so fill
	 * it anew in each turn. It may change the timeval too: give it a fresh copy of server->timeout, or NULL without
	 * has_timer. Its first argument is the largest descriptor plus one. */
	/* BEGIN SOLUTION */
	struct timeval left = server->timeout;
	int max_fd = -1;

	for (int n = 0; n < server->listener_count; n++) {
		FD_SET(server->listen_fds[n], &ready_set);
		if (server->listen_fds[n] > max_fd)
			max_fd = server->listen_fds[n];
	}
	ready_count = select(max_fd + 1, &ready_set, NULL, NULL, server->has_timer ? &left : NULL);
	/* END SOLUTION */
	if (ready_count == -1 && errno == EINTR)
		return;
	if (ready_count == -1)
		die("server: select");
	if (ready_count == 0)
		puts("time out!");
	for (int n = 0; n < server->listener_count; n++)
		if (FD_ISSET(server->listen_fds[n], &ready_set))
			accept_and_serve(server->listen_fds[n]);
}

int
main(int argc, char *argv[])
{
	struct server server = {0};
	in_port_t ports[MAX_LISTENERS];
	int port_count = argc - 2;
	bool good = port_count >= 1 && port_count <= MAX_LISTENERS && parse_seconds(argv[1], &server.timeout);

	for (int n = 0; good && n < port_count; n++)
		good = parse_port(argv[n + 2], &ports[n]);
	if (!good) {
		fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]    (TIMEOUT in seconds, 0: no timer)\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line goes out at once, into a file or a pipe too */
	server.has_timer = server.timeout.tv_sec > 0 || server.timeout.tv_usec > 0;
	while (server.listener_count < port_count) {
		server.listen_fds[server.listener_count] = open_listener(ports[server.listener_count]);
		server.listener_count++;
	}
	for (;;)
		run_turn(&server);
}
