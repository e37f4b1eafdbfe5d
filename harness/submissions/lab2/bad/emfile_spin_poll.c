/* must fail: emfile.no_spin
 * finding: spin
 * After EMFILE the listener stays in the array, so poll() reports it at once, and the message floods the output. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct pollfd *pfds; /* pfds[0] is the listener */
static nfds_t count, room;

static int push(int fd)
{
    if (count == room) {
        nfds_t more = room ? room * 2 : 8;
        struct pollfd *p = realloc(pfds, more * sizeof(*p));

        if (!p)
            return -1;
        pfds = p;
        room = more;
    }
    pfds[count].fd = fd;
    pfds[count].events = POLLIN;
    pfds[count].revents = 0;
    count++;
    return 0;
}

static int setup(int port)
{
    struct sockaddr_in a;
    int fd, on = 1;
    const char *step = "socket";

    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0) {
        memset(&a, 0, sizeof(a));
        a.sin_family = AF_INET;
        a.sin_port = htons((in_port_t)port);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        step = "bind";
        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
            step = "listen";
            if (listen(fd, 64) == 0) {
                printf("listening on 127.0.0.1:%d fd %d\n", port, fd);
                return fd;
            }
        }
    }
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", step, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(1);
}

static void do_accept(void)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd = accept(pfds[0].fd, (struct sockaddr *)&peer, &len);

    if (fd < 0) {
        if (errno != EINTR && errno != ECONNABORTED)
            printf("accept: %s\n", strerror(errno));
        return;
    }
    if (push(fd) < 0) {
        printf("no memory for client fd %d\n", fd);
        close(fd);
        return;
    }
    printf("client %s:%hu accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port), fd);
}

static int do_echo(int fd)
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

int main(int argc, char **argv)
{
    char *e, *f;
    double t = argc == 3 ? strtod(argv[1], &e) : -1;
    long port = argc == 3 ? strtol(argv[2], &f, 10) : -1;
    nfds_t i;
    int n, ms;

    if (argc != 3 || e == argv[1] || *e || f == argv[2] || *f || !(t >= 0 && t < 2e6) || port < 1 || port > 65535) {
        fprintf(stderr, "usage: %s TIMEOUT PORT\n", argc > 0 ? argv[0] : "server");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    push(setup((int)port));
    for (;;) {
        ms = t > 0 ? (int)(t * 1000 + 0.5) : -1;
        n = poll(pfds, count, ms);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            perror("server: poll");
            return 1;
        }
        if (n == 0) {
            printf("time out!\n");
            continue;
        }
        for (i = count - 1; i > 0; i--) {
            if (pfds[i].revents == 0 || do_echo(pfds[i].fd))
                continue;
            close(pfds[i].fd);
            printf("client fd %d closed\n", pfds[i].fd);
            pfds[i] = pfds[--count];
        }
        if (pfds[0].revents)
            do_accept();
    }
}
