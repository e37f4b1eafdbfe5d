/* labs/lab2-one-listener/server.c: select() over one listening socket and all its clients, who are served in any order.
 *
 * Try: make lab2, or: cc -Icommon labs/lab2-one-listener/server.c common/lab.c -o server
 *                     ./server 10 50000
 *
 * What to look for: the listener is descriptor 3 and only takes connections; the clients are 4, 5, 6. When they have
 * left, the next ones are 4, 5, 6 again: a new descriptor is always the lowest number that is not in use.
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

struct server {
	int listen_fd;
	int max_fd;       /* the largest number that was ever watched */
	fd_set watch_set; /* the listener and every client: to be in it is all that makes a number a client */
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
		/* A client that does not read makes this wait, and everybody with it: lab 4 mends that. */
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

static void
accept_client(struct server *server)
{
	struct sockaddr_in peer = {0};
	socklen_t peer_size;
	char host[INET_ADDRSTRLEN] = "?";
	int client_fd;

	do {
		peer_size = sizeof peer; /* accept() reads it, then overwrites it */
		client_fd = accept(server->listen_fd, (struct sockaddr *)&peer, &peer_size);
	} while (client_fd == -1 && errno == EINTR);
	if (client_fd == -1) {
		/* Out of descriptors or memory: the connection stays in the queue, and select() would report it at once,
		 * again and again. So the listener is not watched until a client leaves or some time has passed. */
		if (errno != ECONNABORTED)
			FD_CLR(server->listen_fd, &server->watch_set);
		printf("accept: %s\n", error_text(errno));
		return;
	}
	inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host);
	if (client_fd >= FD_SETSIZE) {
		/* FD_SET() would write beyond the set. */
		printf("client %s:%d refused: fd %d is too large\n", host, ntohs(peer.sin_port), client_fd);
		close(client_fd);
		return;
	}
	printf("client %s:%d accepted fd %d\n", host, ntohs(peer.sin_port), client_fd);
	/* From the next turn on this client is to be watched: put it in watch_set, and raise max_fd where it is larger. */
	/* BEGIN SOLUTION */
	FD_SET(client_fd, &server->watch_set);
	if (client_fd > server->max_fd)
		server->max_fd = client_fd;
	/* END SOLUTION */
}

static void
close_client(struct server *server, int client_fd)
{
	/* Take the number out of watch_set: select() fails with EBADF when it is given a closed one. */
	/* BEGIN SOLUTION */
	FD_CLR(client_fd, &server->watch_set);
	/* END SOLUTION */
	close(client_fd);
	printf("client fd %d closed\n", client_fd);
	FD_SET(server->listen_fd, &server->watch_set); /* if it had to rest: there is a free number again */
}

/* select() said that this client has something for us: bytes, its end of file, or an error. */
static void
serve_client(struct server *server, int client_fd)
{
	ssize_t received = 0;

	/* Receive once and echo what came: a second recv() could wait. The number that recv() returned counts, not
	 * strlen(): the bytes may be of any kind; 0 is end of file. EINTR is no error; any other error is the end of this
	 * client only: print "client fd N: recv: ..." (or send) with error_text(errno), and leave `received` below 1. */
	/* BEGIN SOLUTION */
	char buffer[4096];

	do {
		received = recv(client_fd, buffer, sizeof buffer, 0);
	} while (received == -1 && errno == EINTR);
	if (received == -1)
		printf("client fd %d: recv: %s\n", client_fd, error_text(errno));
	if (received > 0 && !send_all(client_fd, buffer, (size_t)received)) {
		printf("client fd %d: send: %s\n", client_fd, error_text(errno));
		received = -1;
	}
	/* END SOLUTION */
	if (received < 1)
		close_client(server, client_fd);
}

/* One turn of the loop: one wait, and all that is done because of it. */
static void
run_turn(struct server *server)
{
	fd_set ready_set = server->watch_set;
	int ready_count = -1;

	errno = ENOSYS; /* what die() says below for as long as select() is not called */
	/* Call select() for reading on ready_set, which is a copy because select() leaves only the ready ones in it. It may
	 * change the timeval too: give it a fresh copy of server->timeout, or NULL without has_timer (but one second while
	 * the listener is not in watch_set). Its first argument is the largest descriptor plus one. */
	/* BEGIN SOLUTION */
	struct timeval left = server->timeout;
	bool resting = !FD_ISSET(server->listen_fd, &server->watch_set);

	if (resting && !server->has_timer)
		left.tv_sec = 1;
	ready_count = select(server->max_fd + 1, &ready_set, NULL, NULL, server->has_timer || resting ? &left : NULL);
	/* END SOLUTION */
	if (ready_count == -1 && errno == EINTR)
		return;
	if (ready_count == -1)
		die("server: select");
	if (ready_count == 0 && server->has_timer)
		puts("time out!");
	if (ready_count == 0)
		FD_SET(server->listen_fd, &server->watch_set); /* it has rested enough */
	/* Clients first: one who is accepted in this turn was not asked about, and its number may be one just closed. */
	for (int client_fd = 0; client_fd <= server->max_fd; client_fd++)
		if (client_fd != server->listen_fd && FD_ISSET(client_fd, &ready_set))
			serve_client(server, client_fd);
	if (FD_ISSET(server->listen_fd, &ready_set))
		accept_client(server);
}

int
main(int argc, char *argv[])
{
	struct server server = {0};
	in_port_t port;

	if (argc != 3 || !parse_seconds(argv[1], &server.timeout) || !parse_port(argv[2], &port)) {
		fprintf(stderr, "usage: server TIMEOUT PORT    (TIMEOUT in seconds, 0: no timer)\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* each line goes out at once, into a file or a pipe too */
	server.has_timer = server.timeout.tv_sec > 0 || server.timeout.tv_usec > 0;
	server.listen_fd = open_listener(port);
	server.max_fd = server.listen_fd;
	FD_ZERO(&server.watch_set);
	FD_SET(server.listen_fd, &server.watch_set);
	for (;;)
		run_turn(&server);
}
