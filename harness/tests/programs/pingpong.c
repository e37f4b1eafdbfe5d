/* harness/tests/programs/pingpong.c: the client of `make bench`: 16 bytes there and back, again and again.
 *
 *     pingpong PORT TRIPS     prints the seconds that they took; the first 1000 do not count
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void
trips(int fd, long count)
{
	char bytes[16] = "0123456789abcde";

	for (long i = 0; i < count; i++) {
		if (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) != (ssize_t)sizeof bytes || recv(fd, bytes, sizeof bytes, MSG_WAITALL) != (ssize_t)sizeof bytes) {
			perror("pingpong");
			exit(1);
		}
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)(argc > 1 ? atoi(argv[1]) : 0))};
	int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
	struct timespec a, b;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc != 3 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		perror("pingpong");
		return 1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	trips(fd, 1000);
	clock_gettime(CLOCK_MONOTONIC, &a);
	trips(fd, atol(argv[2]));
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%.6f\n", (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	close(fd);
	return 0;
}
