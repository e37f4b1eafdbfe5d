/* must fail: connect.three
 * finding: starved
 * There is only one set: select() throws out of it whoever was not ready, and nobody puts them back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/select.h>
#include <netinet/in.h>
#include <arpa/inet.h>

int main(int argc, char *argv[])
{
    fd_set master;
    int highest;

    int lsock;
    int cfd;
    struct sockaddr_in saddr, caddr;
    socklen_t clen;

    char buf[256];
    int n, sent, k;
    int on = 1;
    int i, rv;
    int no_accept = 0;

    double timeout;
    int port;
    char *rest;
    struct timeval tv;

    if (argc != 3) {
        fprintf(stderr, "usage: server TIMEOUT PORT\n");
        exit(2);
    }
    timeout = strtod(argv[1], &rest);
    if (rest == argv[1] || *rest != 0 || !(timeout >= 0.0) || timeout > 1000000.0) {
        fprintf(stderr, "usage: server TIMEOUT PORT\n");
        exit(2);
    }
    port = (int)strtol(argv[2], &rest, 10);
    if (rest == argv[2] || *rest != 0 || port < 1 || port > 65535 || strlen(argv[2]) > 5) {
        fprintf(stderr, "usage: server TIMEOUT PORT\n");
        exit(2);
    }

    /* a client that left must not kill us */
    signal(SIGPIPE, SIG_IGN);

    if ((lsock = socket(AF_INET, SOCK_STREAM, 0)) == -1) {
        perror("server: socket");
        exit(1);
    }

    /* so that I can start it again at once */
    if (setsockopt(lsock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(int)) == -1) {
        perror("server: setsockopt");
        exit(1);
    }
    memset(&saddr, 0, sizeof(saddr));
    saddr.sin_family = AF_INET;
    saddr.sin_addr.s_addr = inet_addr("127.0.0.1");
    saddr.sin_port = htons((unsigned short)port);
    if (bind(lsock, (struct sockaddr *)&saddr, sizeof(saddr)) == -1) {
        fprintf(stderr, "server: bind 127.0.0.1:%d: %s%s\n", port, strerror(errno),
                errno == EADDRINUSE ? " (EADDRINUSE)" : "");
        exit(1);
    }
    if (listen(lsock, 10) == -1) {
        perror("server: listen");
        exit(1);
    }
    printf("listening on 127.0.0.1:%d fd %d\n", port, lsock);
    fflush(stdout);

    FD_ZERO(&master);
    FD_SET(lsock, &master);
    highest = lsock;

    for (;;) {
        /* select changes its timer: a new one each time */
        if (no_accept) /* no descriptors left */
            FD_CLR(lsock, &master);
        else
            FD_SET(lsock, &master);
        tv.tv_sec = (long)timeout;
        tv.tv_usec = (long)((timeout - (double)(long)timeout) * 1000000.0);
        if (no_accept && timeout == 0.0)
            tv.tv_sec = 1;
        rv = select(highest + 1, &master, NULL, NULL, timeout > 0.0 || no_accept ? &tv : NULL);
        if (rv == -1) {
            if (errno == EINTR)
                continue;
            perror("server: select");
            exit(1);
        }
        if (rv == 0) {
            no_accept = 0;
            if (timeout > 0.0) {
                printf("time out!\n");
                fflush(stdout);
            }
            continue;
        }

        for (i = 0; i <= highest; i++) {
            if (FD_ISSET(i, &master)) {
                if (i == lsock) {
                    clen = sizeof(caddr);
                    cfd = accept(lsock, (struct sockaddr *)&caddr, &clen);
                    if (cfd == -1) {
                        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                            no_accept = 1;
                    } else if (cfd >= FD_SETSIZE) {
                        printf("select server: descriptor %d is too big\n", cfd);
                        fflush(stdout);
                        close(cfd);
                    } else {
                        FD_SET(cfd, &master);
                        if (cfd > highest) {
                            highest = cfd;
                        }
                        printf("client %s:%d accepted fd %d\n", inet_ntoa(caddr.sin_addr),
                               ntohs(caddr.sin_port), cfd);
                        fflush(stdout);
                    }
                } else {
                    if ((n = (int)recv(i, buf, sizeof(buf), 0)) <= 0) {
                        if (n == -1 && errno == EINTR)
                            continue;
                        if (n == -1)
                            printf("client fd %d: recv: %s\n", i, strerror(errno));
                        close(i);
                        FD_CLR(i, &master);
                        printf("client fd %d closed\n", i);
                        fflush(stdout);
                        no_accept = 0;
                    } else {
                        for (sent = 0; sent < n; sent += k) {
                            k = (int)send(i, buf + sent, (size_t)(n - sent), 0);
                            if (k == -1 && errno == EINTR)
                                k = 0;
                            if (k == -1)
                                break;
                        }
                        if (sent < n) {
                            printf("client fd %d: send: %s\n", i, strerror(errno));
                            close(i);
                            FD_CLR(i, &master);
                            printf("client fd %d closed\n", i);
                            fflush(stdout);
                            no_accept = 0;
                        }
                    }
                }
            }
        }
    }
}
