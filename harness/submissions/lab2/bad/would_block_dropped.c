/* must fail: short_send.completed
 * finding: short-write
 * The sockets are non-blocking, and what send() does not take (EAGAIN) is thrown away. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
    int fd;
    bool dead;
    struct client *next;
};

static struct client *head;
static int listenfd;
static bool full;

static void die(const char *what, const char *port)
{
    int e = errno;

    fprintf(stderr, "server: %s 127.0.0.1:%s: %s", what, port, strerror(e));
    if (e == EADDRINUSE)
        fprintf(stderr, " (EADDRINUSE)");
    fprintf(stderr, "\n");
    exit(1);
}

static void open_listener(const char *port)
{
    struct sockaddr_in sa = {0};
    const int one = 1;

    listenfd = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (listenfd == -1)
        die("socket", port);
    if (setsockopt(listenfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1)
        die("setsockopt", port);
    sa.sin_family = AF_INET;
    sa.sin_port = htons((uint16_t)atoi(port));
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    if (bind(listenfd, (struct sockaddr *)&sa, sizeof sa) == -1)
        die("bind", port);
    if (listen(listenfd, 5) == -1)
        die("listen", port);
    printf("listening on 127.0.0.1:%s fd %d\n", port, listenfd);
}

static void add_client(void)
{
    struct sockaddr_in sa;
    socklen_t salen = sizeof sa;
    struct client *c;
    int fd, little = 16384; /* there may be many clients */

    fd = accept(listenfd, (struct sockaddr *)&sa, &salen);
    if (fd == -1) {
        if (errno != EINTR && errno != ECONNABORTED)
            full = true;
        return;
    }
    c = fd < FD_SETSIZE ? malloc(sizeof *c) : NULL;
    if (c == NULL) {
        printf("client fd %d refused\n", fd);
        close(fd);
        return;
    }
    printf("client %s:%d accepted fd %d\n", inet_ntoa(sa.sin_addr), ntohs(sa.sin_port), fd);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
    c->fd = fd;
    c->dead = false;
    c->next = head;
    head = c;
}

static bool send_all(int fd, const char *p, size_t left)
{
    while (left > 0) {
        ssize_t n = send(fd, p, left, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            left -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return true; /* the client is slow */
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void talk(struct client *c)
{
    char text[2048];
    ssize_t n;

    do
        n = recv(c->fd, text, sizeof text, 0);
    while (n == -1 && errno == EINTR);
    if (n == -1) {
        printf("client fd %d: recv: %s\n", c->fd, strerror(errno));
        c->dead = true;
    } else if (n == 0) {
        c->dead = true;
    } else if (!send_all(c->fd, text, (size_t)n)) {
        printf("client fd %d: send: %s\n", c->fd, strerror(errno));
        c->dead = true;
    }
}

static void bury(void)
{
    struct client **pp = &head;

    while (*pp != NULL) {
        struct client *c = *pp;

        if (c->dead) {
            *pp = c->next;
            close(c->fd);
            printf("client fd %d closed\n", c->fd);
            free(c);
            full = false;
        } else {
            pp = &c->next;
        }
    }
}

static int build(fd_set *set)
{
    int max = 0;

    FD_ZERO(set);
    if (!full) {
        FD_SET(listenfd, set);
        max = listenfd;
    }
    for (struct client *c = head; c != NULL; c = c->next) {
        FD_SET(c->fd, set);
        if (c->fd > max)
            max = c->fd;
    }
    return max;
}

int main(int argc, char *argv[])
{
    double t;
    char *e1, *e2;
    long p;

    if (argc == 3) {
        t = strtod(argv[1], &e1);
        p = strtol(argv[2], &e2, 10);
    }
    if (argc != 3 || *argv[1] == '\0' || *e1 != '\0' || !(t >= 0) || t > 1e7 || *argv[2] == '\0' || *e2 != '\0' || p < 1 ||
        p > 65535) {
        fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
        exit(2);
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    open_listener(argv[2]);
    for (;;) {
        fd_set set;
        struct timeval tv = {.tv_sec = (time_t)t, .tv_usec = (suseconds_t)((t - (double)(time_t)t) * 1e6)};
        int max = build(&set);
        int n;

        if (full && t == 0)
            tv.tv_sec = 1;
        n = select(max + 1, &set, NULL, NULL, t > 0 || full ? &tv : NULL);
        if (n == -1 && errno != EINTR)
            die("select", argv[2]);
        if (n == 0) {
            full = false;
            if (t > 0)
                puts("time out!");
        }
        if (n <= 0)
            continue;
        for (struct client *c = head; c != NULL; c = c->next)
            if (FD_ISSET(c->fd, &set))
                talk(c);
        bury();
        if (FD_ISSET(listenfd, &set))
            add_client();
    }
}
