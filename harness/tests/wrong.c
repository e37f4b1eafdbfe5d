/* harness/tests/wrong.c: an echo server that goes wrong in one way, chosen by -D, and right in none: for tests of the harness.
 *
 * Try: cc -DCRASH harness/tests/wrong.c -o wrong && ./wrong 2 50000
 *
 * CRASH     touches address 0 at the first message      EXIT      ends with status 3 at the first message
 * HANG      waits for ever at the first message         DEAF      never answers
 * SPIN      sets its timer once: select() returns at once, again and again, after the first time-out
 * STUBBORN  ignores SIGTERM, and leaves a child in a session of its own that does the same
 * SLOW      computes for 5 ms and sleeps for 5 ms before it answers
 * GARBLED   answers in capitals                         NEVER     does not listen
 * THREADS   a thread for each client                    CHATTY    prints 100,000 lines at the first message
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifdef CRASH
static int *volatile nowhere;
#endif

static void
answer(char *data, ssize_t size, int client_fd)
{
#if defined CRASH
	printf("about to crash: %d\n", *nowhere);
#elif defined EXIT
	fprintf(stderr, "server: I give up\n");
	exit(3);
#elif defined HANG
	for (;;)
		pause();
#elif defined DEAF
	return;
#elif defined SLOW
	struct timespec start, now, nap = {0, 5000000};

	clock_gettime(CLOCK_MONOTONIC, &start);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000000000L + now.tv_nsec - start.tv_nsec < 5000000);
	nanosleep(&nap, NULL);
#elif defined GARBLED
	for (ssize_t n = 0; n < size; n++)
		data[n] = (char)toupper((unsigned char)data[n]);
#elif defined CHATTY
	for (int n = 0; n < 100000; n++)
		printf("line %d of a server that talks too much\n", n);
#endif
	send(client_fd, data, (size_t)size, MSG_NOSIGNAL);
}

#ifdef THREADS
static void *
serve(void *argument)
{
	int client_fd = (int)(long)argument;
	char buffer[4096];
	ssize_t size;

	while ((size = recv(client_fd, buffer, sizeof buffer, 0)) > 0)
		answer(buffer, size, client_fd);
	close(client_fd);
	return NULL;
}
#endif

static void
run(int listen_fd, double timeout)
{
	fd_set watch_set, ready_set;
	char buffer[4096];
	struct timeval left = {(time_t)timeout, (suseconds_t)((timeout - (double)(time_t)timeout) * 1e6)};

	FD_ZERO(&watch_set);
	FD_SET(listen_fd, &watch_set);
	for (;;) {
#ifndef SPIN
		left = (struct timeval){(time_t)timeout, (suseconds_t)((timeout - (double)(time_t)timeout) * 1e6)};
#endif
		ready_set = watch_set;
		if (select(FD_SETSIZE, &ready_set, NULL, NULL, &left) == 0)
			puts("time out!");
		for (int fd = 0; fd < FD_SETSIZE; fd++) {
			if (!FD_ISSET(fd, &ready_set))
				continue;
			if (fd == listen_fd) {
				int client_fd = accept(fd, NULL, NULL);
#ifdef THREADS
				pthread_t thread;

				pthread_create(&thread, NULL, serve, (void *)(long)client_fd);
				pthread_detach(thread);
#else
				FD_SET(client_fd, &watch_set);
#endif
				continue;
			}
			ssize_t size = recv(fd, buffer, sizeof buffer, 0);
			if (size > 0) {
				answer(buffer, size, fd);
				continue;
			}
			FD_CLR(fd, &watch_set);
			close(fd);
		}
	}
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int yes = 1, listen_fd = socket(AF_INET, SOCK_STREAM, 0);

	if (argc < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
#ifdef STUBBORN
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (fork() == 0) {
		setsid();
		printf("left behind: %d\n", (int)getpid());
		close(listen_fd);
		for (;;)
			pause();
	}
#endif
#ifndef NEVER
	address.sin_port = htons((in_port_t)atoi(argv[2]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(listen_fd, (struct sockaddr *)&address, sizeof address) == -1 || listen(listen_fd, 128) == -1) {
		perror("server");
		return 1;
	}
	printf("listening on 127.0.0.1:%s fd %d\n", argv[2], listen_fd);
#else
	(void)address;
	(void)yes;
	for (;;)
		pause();
#endif
	run(listen_fd, atof(argv[1]));
}
