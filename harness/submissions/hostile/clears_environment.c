/* tries: to get rid of the tracer: it starts itself again with an empty environment; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all order.fair timeout.fires emfile.no_spin eintr.survives
 * score: 8
 * not judged: order.fair timeout.fires emfile.no_spin eintr.survives
 * suspicion: the trace
 * within: 60 s */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(int argc, char **argv)
{
    static char *const nothing[] = {NULL};

    (void)argc;
    if (getenv("LD_PRELOAD") != NULL)
        execve("/proc/self/exe", argv, nothing);
}
