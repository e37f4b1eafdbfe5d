/* tries: to be still there when it is asked to end; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all restart.reuseaddr
 * score: 11
 * within: 60 s */
#include <signal.h>

__attribute__((constructor)) static void
trick(void)
{
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
}
