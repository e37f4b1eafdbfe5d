/* must fail: emfile.no_spin
 * finding: spin
 * What accept() returns is not checked: -1 is taken for a client and fills the table. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_CLIENTS 1000
#define BUF_SIZE 1024

static int clients[MAX_CLIENTS];
static int nclients = 0;
static int paused = 0; /* no descriptor was left for accept */

static void fail(const char *call, int port)
{
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", call, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(1);
}

static int make_listener(int port)
{
    struct sockaddr_in addr;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        fail("socket", port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        fail("setsockopt", port);
    memset(&addr, 0, sizeof(addr));
    addr.sin_family = AF_INET;
    addr.sin_port = htons((unsigned short)port);
    addr.sin_addr.s_addr = inet_addr("127.0.0.1");
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        fail("bind", port);
    if (listen(fd, 128) < 0)
        fail("listen", port);
    printf("listening on 127.0.0.1:%d fd %d\n", port, fd);
    return fd;
}

static void new_client(int listen_fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd = accept(listen_fd, (struct sockaddr *)&peer, &len);

    if (fd >= FD_SETSIZE || nclients == MAX_CLIENTS) {
        printf("client fd %d: no room\n", fd);
        close(fd);
        return;
    }
    printf("client %s:%d accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port), fd);
    clients[nclients] = fd;
    nclients++;
}

/* 0: the client goes on, -1: it is finished */
static int echo(int fd)
{
    char buf[BUF_SIZE];
    ssize_t n, done = 0, k;

    n = recv(fd, buf, sizeof(buf), 0);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        printf("client fd %d: recv: %s\n", fd, strerror(errno));
    if (n <= 0)
        return -1;
    while (done < n) {
        k = send(fd, buf + done, (size_t)(n - done), MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0) {
            printf("client fd %d: send: %s\n", fd, strerror(errno));
            return -1;
        }
        done += k;
    }
    return 0;
}

static void serve_clients(fd_set *set)
{
    int i = 0;

    while (i < nclients) {
        int fd = clients[i];

        if (FD_ISSET(fd, set) && echo(fd) < 0) {
            close(fd);
            printf("client fd %d closed\n", fd);
            nclients--;
            memmove(&clients[i], &clients[i + 1], (size_t)(nclients - i) * sizeof(clients[0]));
            paused = 0;
        } else {
            i++;
        }
    }
}

int main(int argc, char **argv)
{
    char *end1, *end2;
    double timeout;
    long port;
    int listen_fd;

    if (argc != 3) {
        fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
        return 2;
    }
    timeout = strtod(argv[1], &end1);
    port = strtol(argv[2], &end2, 10);
    if (end1 == argv[1] || *end1 || !(timeout >= 0 && timeout < 1e6) || end2 == argv[2] || *end2 || port < 1 ||
        port > 65535) {
        fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    listen_fd = make_listener((int)port);

    while (1) {
        fd_set set;
        struct timeval tv;
        int max = -1;
        int i, n;

        FD_ZERO(&set);
        if (!paused) {
            FD_SET(listen_fd, &set);
            max = listen_fd;
        }
        for (i = 0; i < nclients; i++) {
            FD_SET(clients[i], &set);
            if (clients[i] > max)
                max = clients[i];
        }
        tv.tv_sec = (time_t)timeout;
        tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1000000);
        if (timeout == 0 && paused)
            tv.tv_sec = 1;
        n = select(max + 1, &set, NULL, NULL, timeout > 0 || paused ? &tv : NULL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            fail("select", (int)port);
        }
        if (n == 0) {
            if (timeout > 0)
                printf("time out!\n");
            paused = 0;
            continue;
        }
        serve_clients(&set);
        if (FD_ISSET(listen_fd, &set))
            new_client(listen_fd);
    }
}
