/* must fail: ports.printed
 * A port is put into a short: from 32768 on it is printed as a negative number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>

static fd_set keep;
static int server_fd, max_fd;

static void set_up(int port)
{
  struct sockaddr_in a;
  int t = 1;

  server_fd = socket(AF_INET, SOCK_STREAM, 0);
  if (server_fd == -1) {
    perror("server: socket");
    exit(1);
  }
  setsockopt(server_fd, SOL_SOCKET, SO_REUSEADDR, &t, sizeof(t));
  memset(&a, 0, sizeof(a));
  a.sin_family = AF_INET;
  a.sin_port = htons((unsigned short)port);
  a.sin_addr.s_addr = inet_addr("127.0.0.1");
  if (bind(server_fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
    fprintf(stderr, "server: bind 127.0.0.1:%d: %s", port, strerror(errno));
    fprintf(stderr, errno == EADDRINUSE ? " (EADDRINUSE)\n" : "\n");
    exit(1);
  }
  if (listen(server_fd, 128) == -1) {
    perror("server: listen");
    exit(1);
  }
  printf("listening on 127.0.0.1:%d fd %d\n", port, server_fd);
  max_fd = server_fd;
}

static void client_gone(int client_fd)
{
  close(client_fd);
  FD_CLR(client_fd, &keep);
  FD_SET(server_fd, &keep);
  printf("client fd %d closed\n", client_fd);
}

static void client_in(void)
{
  struct sockaddr_in a;
  socklen_t l = sizeof(a);
  short from;
  int client_fd = accept(server_fd, (struct sockaddr *)&a, &l);

  if (client_fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
    FD_CLR(server_fd, &keep);
  if (client_fd == -1)
    return;
  if (client_fd >= FD_SETSIZE) {
    printf("no place for client fd %d\n", client_fd);
    close(client_fd);
    return;
  }
  from = (short)ntohs(a.sin_port);
  printf("client %s:%d accepted fd %d\n", inet_ntoa(a.sin_addr), from, client_fd);
  FD_SET(client_fd, &keep);
  max_fd = client_fd > max_fd ? client_fd : max_fd;
}

static void client_says(int client_fd)
{
  char s[600];
  ssize_t n, m, k;

  n = recv(client_fd, s, 600, 0);
  if (n == -1 && errno == EINTR)
    return;
  if (n == -1)
    printf("client fd %d: recv: %s\n", client_fd, strerror(errno));
  for (m = 0; m < n; m += k) {
    k = send(client_fd, s + m, (size_t)(n - m), MSG_NOSIGNAL);
    if (k == -1 && errno == EINTR) {
      k = 0;
    } else if (k == -1) {
      printf("client fd %d: send: %s\n", client_fd, strerror(errno));
      n = -1;
    }
  }
  if (n <= 0)
    client_gone(client_fd);
}

static void key_pressed(void)
{
  char c[80];
  ssize_t n = read(0, c, sizeof(c));

  if (n > 0 && c[0] == 'q')
    exit(0);
  if (n == 0 || (n == -1 && errno != EINTR))
    FD_CLR(0, &keep);
}

int main(int argc, char **argv)
{
  double timeout = 0;
  long port = 0;
  char *p = "", *q = "";

  if (argc == 3) {
    timeout = strtod(argv[1], &p);
    port = strtol(argv[2], &q, 10);
  }
  if (argc != 3 || p == argv[1] || *p || *q || !(timeout >= 0 && timeout < 1e6) || port < 1 || port > 65535) {
    fprintf(stderr, "usage: %s TIMEOUT PORT\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  set_up((int)port);
  FD_ZERO(&keep);
  FD_SET(0, &keep);
  FD_SET(server_fd, &keep);
  while (1) {
    fd_set now = keep;
    struct timeval tv;
    int listening = FD_ISSET(server_fd, &keep) != 0;
    int fd, n;

    tv.tv_sec = (time_t)timeout;
    tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1e6);
    if (timeout == 0 && !listening)
      tv.tv_sec = 1;
    n = select(max_fd + 1, &now, NULL, NULL, timeout == 0 && listening ? NULL : &tv);
    if (n == -1 && errno == EINTR)
      continue;
    if (n == -1) {
      perror("server: select");
      return 1;
    }
    if (n == 0) {
      if (timeout > 0)
        printf("time out!\n");
      FD_SET(server_fd, &keep);
      continue;
    }
    for (fd = 0; fd <= max_fd; fd++) {
      if (!FD_ISSET(fd, &now))
        continue;
      if (fd == 0)
        key_pressed();
      else if (fd == server_fd)
        client_in();
      else
        client_says(fd);
    }
  }
}
