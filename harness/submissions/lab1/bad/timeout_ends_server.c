/* must fail: timeout.still_alive
 * The server ends when the timer fires. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
    int fd;
    unsigned short port;
    struct door *next;
};

static struct door *doors;

static void die(const char *what, unsigned short port)
{
    int e = errno;

    fprintf(stderr, "server: %s 127.0.0.1:%hu: %s", what, port, strerror(e));
    if (e == EADDRINUSE)
        fprintf(stderr, " (EADDRINUSE)");
    fprintf(stderr, "\n");
    exit(1);
}

static void open_door(struct door *d)
{
    struct sockaddr_in sa = {0};
    const int one = 1;

    d->fd = socket(PF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (d->fd == -1)
        die("socket", d->port);
    if (setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == -1)
        die("setsockopt", d->port);
    sa.sin_family = AF_INET;
    sa.sin_port = htons(d->port);
    inet_pton(AF_INET, "127.0.0.1", &sa.sin_addr);
    if (bind(d->fd, (struct sockaddr *)&sa, sizeof sa) == -1)
        die("bind", d->port);
    if (listen(d->fd, 5) == -1)
        die("listen", d->port);
    printf("listening on 127.0.0.1:%hu fd %d\n", d->port, d->fd);
}

static bool send_all(int fd, const char *p, size_t left)
{
    while (left > 0) {
        ssize_t n = send(fd, p, left, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            left -= (size_t)n;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static void talk(int fd)
{
    char text[2048];
    ssize_t n;

more:
    n = recv(fd, text, sizeof text, 0);
    if (n > 0) {
        if (send_all(fd, text, (size_t)n))
            goto more;
        printf("client fd %d: send: %s\n", fd, strerror(errno));
    }
    if (n == -1) {
        if (errno == EINTR)
            goto more;
        printf("client fd %d: recv: %s\n", fd, strerror(errno));
    }
}

static void answer(struct door *d)
{
    struct sockaddr_in sa;
    socklen_t salen = sizeof sa;
    int fd = accept(d->fd, (struct sockaddr *)&sa, &salen);

    if (fd == -1) {
        if (errno != EINTR && errno != ECONNABORTED)
            sleep(1);
        return;
    }
    printf("client %s:%d accepted fd %d\n", inet_ntoa(sa.sin_addr), ntohs(sa.sin_port), fd);
    talk(fd);
    close(fd);
    printf("client fd %d closed\n", fd);
}

static bool add_door(const char *text)
{
    struct door **last = &doors, *d;
    char *end;
    long port = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || port < 1 || port > 65535)
        return false;
    d = calloc(1, sizeof *d);
    if (d == NULL)
        die("calloc", (unsigned short)port);
    d->port = (unsigned short)port;
    while (*last != NULL)
        last = &(*last)->next;
    *last = d;
    return true;
}

int main(int argc, char *argv[])
{
    double t = -1;
    char *end;

    if (argc >= 3) {
        t = strtod(argv[1], &end);
        if (end == argv[1] || *end != '\0' || t > 1e7)
            t = -1;
    }
    for (int i = 2; i < argc; i++)
        if (!add_door(argv[i]))
            t = -1;
    if (!(t >= 0)) {
        fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argv[0]);
        exit(2);
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    for (struct door *d = doors; d != NULL; d = d->next)
        open_door(d);
    for (;;) {
        fd_set set;
        struct timeval tv = {.tv_sec = (time_t)t, .tv_usec = (suseconds_t)((t - (double)(time_t)t) * 1e6)};
        int max = 0;
        int n;

        FD_ZERO(&set);
        for (struct door *d = doors; d != NULL; d = d->next) {
            FD_SET(d->fd, &set);
            if (d->fd > max)
                max = d->fd;
        }
        n = select(max + 1, &set, NULL, NULL, t > 0 ? &tv : NULL);
        if (n == -1 && errno != EINTR)
            die("select", doors->port);
        if (n == 0) {
            puts("time out!");
            exit(0);
        }
        for (struct door *d = doors; d != NULL && n > 0; d = d->next)
            if (FD_ISSET(d->fd, &set))
                answer(d);
    }
}
