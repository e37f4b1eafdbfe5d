/* tries: to be taken for a server that minds EINTR: it calls the kernel past the tracer, so that no fault is injected, and writes
 *        the events that the tracer would have written into the capture itself; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all eintr.survives
 * score: 8
 * not judged: eintr.survives
 * suspicion: should have been made to fail (EINTR), and the trace has it otherwise
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct slot { /* as trace/capture.h has it */
    _Atomic uint64_t commit;
    uint64_t begin, spent, where;
    int32_t ret, fd;
    uint32_t pid, tid;
    uint16_t call, error, tail;
    uint8_t flags, fault;
    uint64_t arg;
};

static char *capture;
static struct slot model; /* a recv() that the tracer itself wrote */
static char line_of_nothing[1];

static struct slot *
slots(void)
{
    return (struct slot *)(void *)(capture + 16384);
}

static _Atomic uint64_t *
cursor(void) /* the one word of the header that is the number of the slot which is taken next: found by using it */
{
    static size_t where;

    for (size_t at = 64; where == 0 && at < 16384; at += 64) {
        _Atomic uint64_t *word = (_Atomic uint64_t *)(void *)(capture + at);
        uint64_t before = *word;

        recv(-1, line_of_nothing, 0, 0);
        if (before > 4 && *word > before && *word - before < 8 && slots()[before].commit >> 2 == before + 1) {
            where = at;
            model = slots()[before];
        }
    }
    return (_Atomic uint64_t *)(void *)(capture + where);
}

static void
find_capture(void)
{
    char line[512];
    unsigned long from;
    FILE *maps = fopen("/proc/self/maps", "r");

    while (capture == NULL && maps != NULL && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, ".fdt") != NULL && sscanf(line, "%lx", &from) == 1)
            capture = (char *)from;
    if (maps != NULL)
        fclose(maps);
}

static ssize_t
quietly(int fd, void *data, size_t size, int flags)
{
    register long r10 __asm__("r10") = flags, r8 __asm__("r8") = 0, r9 __asm__("r9") = 0;
    long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_recvfrom), "D"(fd), "S"(data), "d"(size), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (capture == NULL)
        find_capture();
    if (capture != NULL) {
        uint64_t mine = atomic_fetch_add(cursor(), 1);
        struct slot *slot = slots() + mine;

        memcpy((char *)slot + 8, (char *)&model + 8, sizeof *slot - 8);
        slot->fd = fd;
        slot->ret = (int32_t)result;
        slot->error = 0;
        slot->tail = 0;
        slot->fault = 0;
        atomic_store(&slot->commit, (mine + 1) << 2 | 2);
    }
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#define recv quietly
