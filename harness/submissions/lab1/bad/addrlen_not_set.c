/* must fail: lines.accepted
 * The length that accept() reads is not set before the call: it is 0 the first time, and no address comes back. */
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
    int serv[30];
    int count, i;
    int cfd, highest = 0;
    struct sockaddr_in saddr, caddr;
    socklen_t clen = 0;
    char buf[256];
    int n, sent, k;
    int on = 1, rv;
    double timeout;
    char *rest;
    fd_set set;
    struct timeval tv;

    count = argc - 2;
    if (count < 1 || count > 30) {
        fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
        exit(2);
    }
    timeout = strtod(argv[1], &rest);
    if (rest == argv[1] || *rest != 0 || !(timeout >= 0.0) || timeout > 1000000.0) {
        fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
        exit(2);
    }
    for (i = 0; i < count; i++) {
        long port = strtol(argv[i + 2], &rest, 10);
        if (rest == argv[i + 2] || *rest != 0 || port < 1 || port > 65535) {
            fprintf(stderr, "usage: server TIMEOUT PORT [PORT ...]\n");
            exit(2);
        }
    }

    /* a client that left must not kill us */
    signal(SIGPIPE, SIG_IGN);

    for (i = 0; i < count; i++) {
        if ((serv[i] = socket(AF_INET, SOCK_STREAM, 0)) == -1) {
            perror("server: socket");
            exit(1);
        }
        /* so that I can start it again at once */
        if (setsockopt(serv[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(int)) == -1) {
            perror("server: setsockopt");
            exit(1);
        }
        memset(&saddr, 0, sizeof(saddr));
        saddr.sin_family = AF_INET;
        saddr.sin_addr.s_addr = inet_addr("127.0.0.1");
        saddr.sin_port = htons((unsigned short)atoi(argv[i + 2]));
        if (bind(serv[i], (struct sockaddr *)&saddr, sizeof(saddr)) == -1) {
            fprintf(stderr, "server: bind 127.0.0.1:%s: %s%s\n", argv[i + 2], strerror(errno),
                    errno == EADDRINUSE ? " (EADDRINUSE)" : "");
            exit(1);
        }
        if (listen(serv[i], 10) == -1) {
            perror("server: listen");
            exit(1);
        }
        printf("listening on 127.0.0.1:%s fd %d\n", argv[i + 2], serv[i]);
        fflush(stdout);
        if (serv[i] > highest)
            highest = serv[i];
    }

    for (;;) {
        /* select changes its set and its timer: new ones each time */
        FD_ZERO(&set);
        for (i = 0; i < count; i++)
            FD_SET(serv[i], &set);
        tv.tv_sec = (long)timeout;
        tv.tv_usec = (long)((timeout - (double)(long)timeout) * 1000000.0);
        rv = select(highest + 1, &set, NULL, NULL, timeout > 0.0 ? &tv : NULL);
        if (rv == -1) {
            if (errno == EINTR)
                continue;
            perror("server: select");
            exit(1);
        }
        if (rv == 0) {
            printf("time out!\n");
            fflush(stdout);
            continue;
        }
        for (i = 0; i < count; i++) {
            if (!FD_ISSET(serv[i], &set))
                continue;
            cfd = accept(serv[i], (struct sockaddr *)&caddr, &clen);
            if (cfd == -1) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                    sleep(1);
                continue;
            }
            printf("client %s:%d accepted fd %d\n", inet_ntoa(caddr.sin_addr), ntohs(caddr.sin_port), cfd);
            fflush(stdout);
            for (;;) {
                n = (int)recv(cfd, buf, sizeof(buf), 0);
                if (n == -1 && errno == EINTR)
                    continue;
                if (n == -1)
                    printf("client fd %d: recv: %s\n", cfd, strerror(errno));
                if (n <= 0)
                    break;
                for (sent = 0; sent < n; sent += k) {
                    k = (int)send(cfd, buf + sent, (size_t)(n - sent), 0);
                    if (k == -1 && errno == EINTR)
                        k = 0;
                    if (k == -1)
                        break;
                }
                if (sent < n) {
                    printf("client fd %d: send: %s\n", cfd, strerror(errno));
                    break;
                }
            }
            close(cfd);
            printf("client fd %d closed\n", cfd);
            fflush(stdout);
        }
    }
}
