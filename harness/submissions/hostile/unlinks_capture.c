/* tries: to throw its trace away: unlinks the capture, or puts another file in its place; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all order.fair timeout.fires emfile.no_spin eintr.survives
 * score: 17
 * score in unshare: 8
 * suspicion in unshare: the capture
 * within: 60 s */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(void)
{
    const char *capture = getenv("FDTRACE_CAPTURE");

    if (capture == NULL)
        return;
    int fd = open("instead", O_WRONLY | O_CREAT, 0600);

    close(fd);
    rename("instead", capture);
    unlink(capture);
    (void)!symlink("/etc/passwd", capture);
}
