/* tries: to spoil its trace: overwrites all slots of the capture before each wait; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all order.fair timeout.fires emfile.no_spin eintr.survives
 * score: 8
 * not judged: order.fair timeout.fires emfile.no_spin eintr.survives
 * suspicion: trace
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/select.h>

static int
spoil(int count, fd_set *r, fd_set *w, fd_set *x, struct timeval *left)
{
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");

    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long from, to;

        if (strstr(line, ".fdt") != NULL && strstr(line, "rw-s") != NULL && sscanf(line, "%lx-%lx", &from, &to) == 2)
            memset((char *)from + 16384, 0x5a, 4096); /* its first slots: there is space behind them */
    }
    if (maps != NULL)
        fclose(maps);
    return select(count, r, w, x, left);
}
#define select spoil
