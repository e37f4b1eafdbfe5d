/* tries: to outlive its grade, as a daemon: two forks, a session of its own
 * with: labs/lab2-one-listener/server.c
 * checks: connect.three
 * score: 0
 * feedback: its first process has ended, and has left others behind
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
