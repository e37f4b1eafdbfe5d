/* tries: nothing bad: it calls the kernel without the C library, so the tracer does not see it; else it is a right server
 * with: labs/lab2-one-listener/server.c
 * checks: echo.all order.fair timeout.fires emfile.no_spin eintr.survives
 * score: 8
 * not judged: order.fair timeout.fires emfile.no_spin eintr.survives
 * feedback: its trace does not show all that the server did
 * suspicion: the trace
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static long
raw(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
#define accept(fd, peer, size) (int)raw(SYS_accept, fd, (long)(peer), (long)(size), 0, 0, 0)
#define recv(fd, data, size, flags) raw(SYS_recvfrom, fd, (long)(data), (long)(size), flags, 0, 0)
#define send(fd, data, size, flags) raw(SYS_sendto, fd, (long)(data), (long)(size), flags, 0, 0)
#define select(n, r, w, x, left) (int)raw(SYS_select, n, (long)(r), (long)(w), (long)(x), (long)(left), 0)
#define close(fd) (int)raw(SYS_close, fd, 0, 0, 0, 0, 0)
