/* tries: to reach somebody outside: the internet, and the ports of this machine that have names
 * checks: connect.three
 * score: 0
 * feedback: exit status 1: it has reached 0 others
 * within: 60 s */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int
reach(const char *host, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &to.sin_addr);
    int reached = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;

    close(fd);
    return reached;
}

int main(void)
{
    int others = reach("192.0.2.1", 80) + reach("8.8.8.8", 53) + reach("10.0.0.1", 22) + reach("169.254.169.254", 80);

    for (int port = 1; port < 2048; port++)
        others += reach("127.0.0.1", port);
    fprintf(stderr, "it has reached %d others\n", others);
    return 1;
}
