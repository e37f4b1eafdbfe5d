/* tries: to outlive its grade, as a daemon: two forks, a session of its own. (Where the first process has gone before anybody
 *        looked, the daemon is the server, and may serve.)
 * with: labs/lab2-one-listener/server.c
 * checks: connect.three
 * score: at most 8
 * within: 60 s */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(void)
{
    if (fork() > 0)
        _exit(0);
    setsid();
    if (fork() > 0)
        _exit(0);
    if (chdir("/") != 0)
        abort();
}
