/* tries: to drown whoever connects
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all
 * score: 0
 * feedback: A should have heard | has not come to rest
 * within: 60 s */
#include <sys/socket.h>
#include <string.h>
#include <unistd.h>

static int
drown(int listener, struct sockaddr *peer, socklen_t *size)
{
    static char much[1 << 16];
    int fd = accept(listener, peer, size);

    memset(much, 'x', sizeof much);
    if (fd >= 0 && fork() == 0)
        while (send(fd, much, sizeof much, MSG_NOSIGNAL) > 0)
            ;
    return fd;
}
#define accept drown
