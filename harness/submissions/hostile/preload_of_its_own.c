/* tries: to put its own library in the place of the tracer's, for a second start of itself; there is none, so the loader only
 *        warns, and it runs without a tracer; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all order.fair timeout.fires emfile.no_spin eintr.survives
 * score: 8
 * not judged: order.fair timeout.fires emfile.no_spin eintr.survives
 * suspicion: the trace
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(int argc, char **argv)
{
    static char own[] = "LD_PRELOAD=/tmp/own.so", *const environment[] = {own, NULL};
    const char *before = getenv("LD_PRELOAD");

    (void)argc;
    if (before != NULL && strcmp(before, own + 11) != 0)
        syscall(SYS_execve, "/proc/self/exe", argv, environment);
}
