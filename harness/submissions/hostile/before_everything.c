/* tries: to run before the tracer's library does, and to take its environment away; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all eintr.survives
 * score: 10
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <string.h>

static void
trick(int argc, char **argv, char **environment)
{
    (void)argc, (void)argv;
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, "FDTRACE", 7) == 0)
            (*environment)[0] = 'X';
}
__attribute__((section(".preinit_array"), used)) static void (*const first)(int, char **, char **) = trick;
