/* must fail: sigpipe.survives
 * finding: sigpipe
 * send() without MSG_NOSIGNAL, and SIGPIPE is not ignored. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    char name[32];
    unsigned long bytes;
} client_t;

typedef struct {
    int sock;
    int fdlimit; /* all clients are below it */
    int stalled;
    client_t *client[FD_SETSIZE];
} server_t;

static void fatal(const char *op, int port)
{
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", op, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(EXIT_FAILURE);
}

static void server_open(server_t *s, int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int enable = 1;

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((s->sock = socket(AF_INET, SOCK_STREAM, 0)) < 0)
        fatal("socket", port);
    if (setsockopt(s->sock, SOL_SOCKET, SO_REUSEADDR, &enable, sizeof enable) < 0)
        fatal("setsockopt", port);
    if (bind(s->sock, (struct sockaddr *)&addr, sizeof addr) < 0)
        fatal("bind", port);
    if (listen(s->sock, SOMAXCONN) < 0)
        fatal("listen", port);
    if (fcntl(s->sock, F_SETFL, O_NONBLOCK) < 0)
        fatal("fcntl", port);
    s->fdlimit = s->sock + 1;
    printf("listening on 127.0.0.1:%d fd %d\n", port, s->sock);
    fflush(stdout);
}

static void server_drop(server_t *s, int fd)
{
    free(s->client[fd]);
    s->client[fd] = NULL;
    s->stalled = 0;
    close(fd);
    printf("client fd %d closed\n", fd);
    fflush(stdout);
}

static void server_accept(server_t *s)
{
    for (;;) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        client_t *c;
        int fd = accept(s->sock, (struct sockaddr *)&peer, &len);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0) {
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                s->stalled = 1;
            return;
        }
        c = fd < FD_SETSIZE ? calloc(1, sizeof *c) : NULL;
        if (c == NULL) {
            close(fd);
            continue;
        }
        snprintf(c->name, sizeof c->name, "%s:%d", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        s->client[fd] = c;
        if (fd >= s->fdlimit)
            s->fdlimit = fd + 1;
        printf("client %s accepted fd %d\n", c->name, fd);
        fflush(stdout);
    }
}

static void server_echo(server_t *s, int fd)
{
    char data[1500];
    ssize_t n = recv(fd, data, sizeof data, 0);
    ssize_t pos = 0;

    if (n < 0 && errno == EINTR)
        return;
    if (n < 0)
        printf("client fd %d: recv: %s\n", fd, strerror(errno));
    if (n <= 0) {
        server_drop(s, fd);
        return;
    }
    s->client[fd]->bytes += (unsigned long)n;
    while (pos < n) {
        ssize_t put = send(fd, data + pos, (size_t)(n - pos), 0);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            printf("client fd %d: send: %s\n", fd, strerror(errno));
            server_drop(s, fd);
            return;
        }
        pos += put;
    }
}

static int server_wait(server_t *s, double secs, fd_set *rfds)
{
    struct timeval tv;

    FD_ZERO(rfds);
    if (!s->stalled)
        FD_SET(s->sock, rfds);
    for (int fd = 0; fd < s->fdlimit; fd++)
        if (s->client[fd] != NULL)
            FD_SET(fd, rfds);
    tv.tv_sec = (time_t)secs;
    tv.tv_usec = (suseconds_t)((secs - (double)tv.tv_sec) * 1e6);
    if (s->stalled && secs == 0)
        tv.tv_sec = 1;
    return select(s->fdlimit, rfds, NULL, NULL, secs > 0 || s->stalled ? &tv : NULL);
}

int main(int argc, char *argv[])
{
    static server_t s;
    char *end = NULL;
    double secs = argc == 3 ? strtod(argv[1], &end) : -1;
    int bad = end == NULL || end == argv[1] || *end != '\0' || !(secs >= 0 && secs < 1e6);
    long port = bad ? 0 : strtol(argv[2], &end, 10);

    if (bad || *end != '\0' || port < 1 || port > 65535) {
        fputs("usage: server TIMEOUT PORT\n", stderr);
        return 2;
    }
    server_open(&s, (int)port);
    for (;;) {
        fd_set rfds;
        int n = server_wait(&s, secs, &rfds);

        if (n < 0 && errno != EINTR)
            fatal("select", (int)port);
        if (n < 0)
            continue;
        if (n == 0) {
            s.stalled = 0;
            if (secs > 0)
                printf("time out!\n");
            fflush(stdout);
            continue;
        }
        for (int fd = 0; fd < s.fdlimit; fd++)
            if (fd != s.sock && FD_ISSET(fd, &rfds))
                server_echo(&s, fd);
        if (FD_ISSET(s.sock, &rfds))
            server_accept(&s);
    }
}
