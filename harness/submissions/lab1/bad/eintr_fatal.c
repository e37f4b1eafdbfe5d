/* must fail: eintr.survives
 * finding: interrupted
 * A signal during select() (EINTR) ends the server. */
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
static int first_fd, last_fd;

static int set_up(int port)
{
  struct sockaddr_in a;
  int t = 1, server_fd;

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
  return server_fd;
}

static int client_says(int client_fd)
{
  char s[600];
  ssize_t n, m, k;

  n = recv(client_fd, s, 600, 0);
  if (n == -1 && errno == EINTR)
    return 1;
  if (n == -1)
    printf("client fd %d: recv: %s\n", client_fd, strerror(errno));
  for (m = 0; m < n; m += k) {
    k = send(client_fd, s + m, (size_t)(n - m), MSG_NOSIGNAL);
    if (k == -1 && errno == EINTR) {
      k = 0;
    } else if (k == -1) {
      printf("client fd %d: send: %s\n", client_fd, strerror(errno));
      return 0;
    }
  }
  return n > 0;
}

static void client_in(int server_fd)
{
  struct sockaddr_in a;
  socklen_t l = sizeof(a);
  int client_fd = accept(server_fd, (struct sockaddr *)&a, &l);

  if (client_fd == -1 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
    sleep(1);
  if (client_fd == -1)
    return;
  printf("client %s:%d accepted fd %d\n", inet_ntoa(a.sin_addr), ntohs(a.sin_port), client_fd);
  while (client_says(client_fd))
    ;
  close(client_fd);
  printf("client fd %d closed\n", client_fd);
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
  double timeout = -1;
  char *p = NULL;
  int i, fd, next;

  if (argc > 2) {
    timeout = strtod(argv[1], &p);
    if (p == argv[1] || *p)
      timeout = -1;
  }
  for (i = 2; i < argc; i++) {
    long port = strtol(argv[i], &p, 10);
    if (p == argv[i] || *p || port < 1 || port > 65535)
      timeout = -1;
  }
  if (!(timeout >= 0 && timeout < 1e6)) {
    fprintf(stderr, "usage: %s TIMEOUT PORT [PORT ...]\n", argv[0]);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  FD_ZERO(&keep);
  FD_SET(0, &keep);
  for (i = 2; i < argc; i++) {
    last_fd = set_up(atoi(argv[i]));
    if (i == 2)
      first_fd = last_fd;
    FD_SET(last_fd, &keep);
  }
  next = first_fd;
  while (1) {
    fd_set now = keep;
    struct timeval tv;
    int n;

    tv.tv_sec = (time_t)timeout;
    tv.tv_usec = (suseconds_t)((timeout - (double)tv.tv_sec) * 1e6);
    n = select(last_fd + 1, &now, NULL, NULL, timeout > 0 ? &tv : NULL);
    if (n == -1) {
      perror("server: select");
      return 1;
    }
    if (n == 0) {
      printf("time out!\n");
      continue;
    }
    if (FD_ISSET(0, &now))
      key_pressed();
    for (i = first_fd; i <= last_fd; i++) {
      fd = next;
      next = next == last_fd ? first_fd : next + 1;
      if (FD_ISSET(fd, &now)) {
        client_in(fd);
        break;
      }
    }
  }
}
