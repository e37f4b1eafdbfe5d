/* must fail: many_clients
 * finding: leak
 * select(16, ...): enough for the first dozen of clients. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static int table[FD_SETSIZE]; /* table[fd] is 1 when fd is a client */
static int serv_sock;
static int wait_for_free_fd;

static void error_exit(const char *msg, int port)
{
    fprintf(stderr, "server: %s 127.0.0.1:%d: %s%s\n", msg, port, strerror(errno),
            errno == EADDRINUSE ? " (EADDRINUSE)" : "");
    exit(1);
}

static void bye(int sock)
{
    table[sock] = 0;
    close(sock);
    wait_for_free_fd = 0;
    printf("client fd %d closed\n", sock);
    fflush(stdout);
}

static void hello(void)
{
    struct sockaddr_in clnt_addr;
    socklen_t clnt_size = sizeof(clnt_addr);
    int sock = accept(serv_sock, (struct sockaddr *)&clnt_addr, &clnt_size);

    if (sock == -1) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            wait_for_free_fd = 1;
        return;
    }
    if (sock >= FD_SETSIZE) {
        close(sock);
        printf("sorry, descriptor %d is more than select can do\n", sock);
        fflush(stdout);
        return;
    }
    table[sock] = 1;
    printf("client %s:%d accepted fd %d\n", inet_ntoa(clnt_addr.sin_addr), ntohs(clnt_addr.sin_port), sock);
    fflush(stdout);
}

static void one_byte(int sock)
{
    char c;
    ssize_t len = recv(sock, &c, 1, 0);

    if (len == -1 && errno == EINTR)
        return;
    if (len == -1) {
        printf("client fd %d: recv: %s\n", sock, strerror(errno));
        bye(sock);
        return;
    }
    if (len == 0) {
        bye(sock);
        return;
    }
    do
        len = send(sock, &c, 1, MSG_NOSIGNAL);
    while (len == -1 && errno == EINTR);
    if (len == -1) {
        printf("client fd %d: send: %s\n", sock, strerror(errno));
        bye(sock);
    }
}

int main(int argc, char *argv[])
{
    struct sockaddr_in serv_addr;
    double sec = -1;
    long port = 0;
    int option = 1, i;
    char *p;

    if (argc == 3) {
        sec = strtod(argv[1], &p);
        if (*p || p == argv[1])
            sec = -1;
        port = strtol(argv[2], &p, 10);
        if (*p)
            port = 0;
    }
    if (!(sec >= 0 && sec < 1e6) || port < 1 || port > 65535) {
        fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
        exit(2);
    }

    serv_sock = socket(PF_INET, SOCK_STREAM, 0);
    if (serv_sock == -1)
        error_exit("socket", (int)port);
    setsockopt(serv_sock, SOL_SOCKET, SO_REUSEADDR, &option, sizeof(option));
    memset(&serv_addr, 0, sizeof(serv_addr));
    serv_addr.sin_family = AF_INET;
    serv_addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    serv_addr.sin_port = htons((unsigned short)port);
    if (bind(serv_sock, (struct sockaddr *)&serv_addr, sizeof(serv_addr)) == -1)
        error_exit("bind", (int)port);
    if (listen(serv_sock, 20) == -1)
        error_exit("listen", (int)port);
    printf("listening on 127.0.0.1:%ld fd %d\n", port, serv_sock);
    fflush(stdout);

    while (1) {
        fd_set reads;
        struct timeval timeout;
        int fd_num, fd_max = serv_sock;

        FD_ZERO(&reads);
        if (!wait_for_free_fd)
            FD_SET(serv_sock, &reads);
        for (i = 0; i < FD_SETSIZE; i++) {
            if (table[i]) {
                FD_SET(i, &reads);
                if (i > fd_max)
                    fd_max = i;
            }
        }
        timeout.tv_sec = (time_t)sec;
        timeout.tv_usec = (suseconds_t)((sec - (double)timeout.tv_sec) * 1000000);
        if (sec == 0 && wait_for_free_fd)
            timeout.tv_sec = 1;
        fd_num = select(16, &reads, 0, 0, sec > 0 || wait_for_free_fd ? &timeout : NULL);
        if (fd_num == -1) {
            if (errno == EINTR)
                continue;
            error_exit("select", (int)port);
        }
        if (fd_num == 0) {
            if (sec > 0)
                puts("time out!");
            fflush(stdout);
            wait_for_free_fd = 0;
            continue;
        }
        for (i = 0; i <= fd_max; i++)
            if (i != serv_sock && FD_ISSET(i, &reads))
                one_byte(i);
        if (FD_ISSET(serv_sock, &reads))
            hello();
    }
    return 0;
}
