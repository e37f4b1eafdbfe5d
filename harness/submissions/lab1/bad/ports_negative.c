/* must fail: ports.printed
 * A port is printed as a short: from 32768 on it is a negative number. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SOCK 10

static int serv_sock[MAX_SOCK];
static int sock_num;

static void error_exit(const char *msg, int port)
{
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", msg, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(1);
}

static void open_server(int port)
{
    struct sockaddr_in serv_addr;
    int option = 1;
    int sock = socket(PF_INET, SOCK_STREAM, 0);

    if (sock == -1)
        error_exit("socket", port);
    setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &option, sizeof(option));
    memset(&serv_addr, 0, sizeof(serv_addr));
    serv_addr.sin_family = AF_INET;
    serv_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    serv_addr.sin_port = htons((unsigned short)port);
    if (bind(sock, (struct sockaddr *)&serv_addr, sizeof(serv_addr)) == -1)
        error_exit("bind", port);
    if (listen(sock, 20) == -1)
        error_exit("listen", port);
    printf("listening on 127.0.0.1:%hd fd %d\n", (short)port, sock);
    fflush(stdout);
    serv_sock[sock_num++] = sock;
}

static int one_byte(int sock)
{
    char c;
    ssize_t len = recv(sock, &c, 1, 0);

    if (len == -1 && errno == EINTR)
        return 1;
    if (len == -1)
        printf("client fd %d: recv: %s\n", sock, strerror(errno));
    if (len <= 0)
        return 0;
    do
        len = send(sock, &c, 1, MSG_NOSIGNAL);
    while (len == -1 && errno == EINTR);
    if (len == -1)
        printf("client fd %d: send: %s\n", sock, strerror(errno));
    return len == 1;
}

static void echo_service(int listening)
{
    struct sockaddr_in clnt_addr;
    socklen_t clnt_size = sizeof(clnt_addr);
    int sock = accept(listening, (struct sockaddr *)&clnt_addr, &clnt_size);

    if (sock == -1) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            sleep(1);
        return;
    }
    printf("client %s:%d accepted fd %d\n", inet_ntoa(clnt_addr.sin_addr), ntohs(clnt_addr.sin_port), sock);
    fflush(stdout);
    while (one_byte(sock))
        ;
    close(sock);
    printf("client fd %d closed\n", sock);
    fflush(stdout);
}

int main(int argc, char *argv[])
{
    double sec = -1;
    int i;
    char *p;

    if (argc >= 3 && argc <= 2 + MAX_SOCK) {
        sec = strtod(argv[1], &p);
        if (*p || p == argv[1])
            sec = -1;
        for (i = 2; i < argc; i++) {
            long port = strtol(argv[i], &p, 10);

            if (*p || port < 1 || port > 65535)
                sec = -1;
        }
    }
    if (!(sec >= 0 && sec < 1e6)) {
        fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argv[0]);
        exit(2);
    }
    for (i = 2; i < argc; i++)
        open_server(atoi(argv[i]));

    while (1) {
        fd_set reads;
        struct timeval timeout;
        int fd_num, fd_max = 0;

        FD_ZERO(&reads);
        for (i = 0; i < sock_num; i++) {
            FD_SET(serv_sock[i], &reads);
            if (serv_sock[i] > fd_max)
                fd_max = serv_sock[i];
        }
        timeout.tv_sec = (time_t)sec;
        timeout.tv_usec = (suseconds_t)((sec - (double)timeout.tv_sec) * 1000000);
        fd_num = select(fd_max + 1, &reads, 0, 0, sec > 0 ? &timeout : NULL);
        if (fd_num == -1) {
            if (errno == EINTR)
                continue;
            error_exit("select", 0);
        }
        if (fd_num == 0) {
            puts("time out!");
            fflush(stdout);
            continue;
        }
        for (i = 0; i < sock_num; i++)
            if (FD_ISSET(serv_sock[i], &reads))
                echo_service(serv_sock[i]);
    }
    return 0;
}
