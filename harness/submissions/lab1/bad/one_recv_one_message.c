/* must fail: big_message.whole
 * One recv() is taken for one message: one that fills the buffer is "too long" and dropped. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void setup(struct pollfd *p, int port)
{
    struct sockaddr_in a;
    int on = 1;
    const char *step = "socket";

    p->events = POLLIN;
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (p->fd >= 0) {
        memset(&a, 0, sizeof(a));
        a.sin_family = AF_INET;
        a.sin_port = htons((in_port_t)port);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        step = "bind";
        if (bind(p->fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
            step = "listen";
            if (listen(p->fd, 64) == 0) {
                printf("listening on 127.0.0.1:%d fd %d\n", port, p->fd);
                return;
            }
        }
    }
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", step, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(1);
}

static int echo_once(int fd)
{
    char buf[4000];
    ssize_t got, off, n;

    got = recv(fd, buf, sizeof(buf), 0);
    if (got < 0) {
        if (errno == EINTR)
            return 1;
        printf("client fd %d: recv: %s\n", fd, strerror(errno));
        return 0;
    }
    if (got == (ssize_t)sizeof(buf)) {
        printf("client fd %d: message too long\n", fd);
        return 1;
    }
    for (off = 0; off < got; off += n) {
        n = send(fd, buf + off, (size_t)(got - off), MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EINTR) {
                printf("client fd %d: send: %s\n", fd, strerror(errno));
                return 0;
            }
            n = 0;
        }
    }
    return got > 0;
}

static void serve_next(int listen_fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd;

    do
        fd = accept(listen_fd, (struct sockaddr *)&peer, &len);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        if (errno != ECONNABORTED)
            poll(NULL, 0, 500); /* give the system time to find a descriptor */
        return;
    }
    printf("client %s:%hu accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port), fd);
    while (echo_once(fd))
        continue;
    close(fd);
    printf("client fd %d closed\n", fd);
}

int main(int argc, char **argv)
{
    struct pollfd *pfds;
    nfds_t count = argc > 2 ? (nfds_t)argc - 2 : 0;
    nfds_t i;
    char *e;
    double t = argc > 2 ? strtod(argv[1], &e) : -1;

    if (argc < 3 || e == argv[1] || *e || !(t >= 0 && t < 2e6)) {
        fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argc > 0 ? argv[0] : "server");
        return 2;
    }
    for (i = 0; i < count; i++) {
        long port = strtol(argv[i + 2], &e, 10);

        if (e == argv[i + 2] || *e || port < 1 || port > 65535) {
            fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argv[0]);
            return 2;
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    pfds = calloc(count, sizeof(*pfds));
    if (!pfds) {
        perror("server: calloc");
        return 1;
    }
    for (i = 0; i < count; i++)
        setup(&pfds[i], atoi(argv[i + 2]));
    for (;;) {
        int n = poll(pfds, count, t > 0 ? (int)(t * 1000 + 0.5) : -1);

        if (n < 0) {
            if (errno == EINTR)
                continue;
            perror("server: poll");
            return 1;
        }
        if (n == 0)
            printf("time out!\n");
        for (i = 0; i < count; i++)
            if (pfds[i].revents)
                serve_next(pfds[i].fd);
    }
}
