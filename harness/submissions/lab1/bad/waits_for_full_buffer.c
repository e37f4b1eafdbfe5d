/* must fail: connect.first
 * MSG_WAITALL: nothing is echoed until the whole buffer is full. */
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

#define MAX_PORTS 16
#define BUF_SIZE 1024

static int listeners[MAX_PORTS];
static int nlisteners;

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

static int send_all(int fd, const char *buf, size_t len)
{
    while (len > 0) {
        ssize_t k = send(fd, buf, len, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -1;
        buf += k;
        len -= (size_t)k;
    }
    return 0;
}

static void handle_client(int fd)
{
    char buf[BUF_SIZE];
    ssize_t n;

    while (1) {
        n = recv(fd, buf, sizeof(buf), MSG_WAITALL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            printf("client fd %d: recv: %s\n", fd, strerror(errno));
        if (n <= 0)
            break;
        if (send_all(fd, buf, (size_t)n) < 0) {
            printf("client fd %d: send: %s\n", fd, strerror(errno));
            break;
        }
    }
    close(fd);
    printf("client fd %d closed\n", fd);
}

static void new_client(int listen_fd)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof(peer);
    int fd = accept(listen_fd, (struct sockaddr *)&peer, &len);

    if (fd < 0) {
        if (errno == EINTR || errno == ECONNABORTED)
            return;
        fprintf(stderr, "accept: %s\n", strerror(errno));
        sleep(1);
        return;
    }
    printf("client %s:%d accepted fd %d\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port), fd);
    handle_client(fd);
}

int main(int argc, char **argv)
{
    char *end;
    double timeout;
    int i, ports[MAX_PORTS];

    if (argc < 3 || argc > 2 + MAX_PORTS)
        goto usage;
    timeout = strtod(argv[1], &end);
    if (end == argv[1] || *end || !(timeout >= 0 && timeout < 1e6))
        goto usage;
    for (i = 0; i < argc - 2; i++) {
        long port = strtol(argv[i + 2], &end, 10);

        if (end == argv[i + 2] || *end || port < 1 || port > 65535)
            goto usage;
        ports[i] = (int)port;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (i = 0; i < argc - 2; i++)
        listeners[nlisteners++] = make_listener(ports[i]);

    while (1) {
        fd_set set;
        struct timeval tv;
        int max = -1;
        int n;

        FD_ZERO(&set);
        for (i = 0; i < nlisteners; i++) {
            FD_SET(listeners[i], &set);
            if (listeners[i] > max)
                max = listeners[i];
        }
        tv.tv_sec = (time_t)timeout;
        tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1000000);
        n = select(max + 1, &set, NULL, NULL, timeout > 0 ? &tv : NULL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            fail("select", ports[0]);
        }
        if (n == 0) {
            printf("time out!\n");
            continue;
        }
        for (i = 0; i < nlisteners; i++)
            if (FD_ISSET(listeners[i], &set))
                new_client(listeners[i]);
    }
usage:
    fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argv[0]);
    return 2;
}
