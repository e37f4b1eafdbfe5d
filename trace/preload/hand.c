/* trace/preload/hand.c: the wrappers that no table can say: calls whose arguments are a list, a call by its number, and vfork,
 * which returns twice on one stack.
 */
#include "preload/shapes.h"

#include <stdarg.h>

EXPORT int w_execl(const char *path, const char *arg, ...) __asm__("execl");
EXPORT int w_execlp(const char *path, const char *arg, ...) __asm__("execlp");
EXPORT int w_execle(const char *path, const char *arg, ...) __asm__("execle");

/* The list becomes an array on the stack, as libc does it (execv(3)): exec may be called where malloc may not. Behind the
 * NULL that ends the list stands the environment, for execle alone. */
static int
exec_list(struct frame *f, int symbol, const char *path, const char *arg, va_list list)
{
	va_list ap;
	size_t n = 1, i = 0;

	va_copy(ap, list);
	for (const char *p = arg; p != NULL; p = va_arg(ap, const char *))
		n++;
	va_end(ap);
	char *argv[n];

	for (char *p = (char *)(uintptr_t)arg; p != NULL; p = va_arg(list, char *))
		argv[i++] = p;
	argv[i] = NULL;
	char *const *envp = symbol == SYM_execve ? va_arg(list, char *const *) : NULL;

	enter_exec(f, path);
	int ret = (int)f->ret;

	if (!f->skip && symbol == SYM_execve)
		ret = ((int (*)(const char *, char *const *, char *const *))real(symbol))(path, argv, envp);
	else if (!f->skip)
		ret = ((int (*)(const char *, char *const *))real(symbol))(path, argv);
	return (int)leave_exec(f, ret);
}

int
w_execl(const char *path, const char *arg, ...)
{
	struct frame f = {.call = FDT_CALL_execl, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS};
	va_list list;

	va_start(list, arg);
	int ret = exec_list(&f, SYM_execv, path, arg, list);

	va_end(list);
	return ret;
}

int
w_execlp(const char *path, const char *arg, ...)
{
	struct frame f = {.call = FDT_CALL_execlp, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS};
	va_list list;

	va_start(list, arg);
	int ret = exec_list(&f, SYM_execvp, path, arg, list);

	va_end(list);
	return ret;
}

int
w_execle(const char *path, const char *arg, ...)
{
	struct frame f = {.call = FDT_CALL_execle, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS};
	va_list list;

	va_start(list, arg);
	int ret = exec_list(&f, SYM_execve, path, arg, list);

	va_end(list);
	return ret;
}

/* ---- syslog: variadic, and it holds a socket of its own from its first call on ---- */

EXPORT void w_syslog(int priority, const char *format, ...) __asm__("syslog");
EXPORT void w_syslog_chk(int priority, int flag, const char *format, ...) __asm__("__syslog_chk");

void
w_syslog(int priority, const char *format, ...)
{
	struct frame f = {.call = FDT_CALL_syslog, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS};
	va_list list;

	enter_inside(&f);
	va_start(list, format);
	((void (*)(int, const char *, va_list))real(SYM_vsyslog))(priority, format, list);
	va_end(list);
	leave_inside(&f, 0);
}

void
w_syslog_chk(int priority, int flag, const char *format, ...)
{
	struct frame f = {.call = FDT_CALL_syslog, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS};
	va_list list;

	enter_inside(&f);
	va_start(list, format);
	((void (*)(int, int, const char *, va_list))real(SYM___vsyslog_chk))(priority, flag, format, list);
	va_end(list);
	leave_inside(&f, 0);
}

/* ---- dprintf: variadic too; it writes to the descriptor inside libc ---- */

EXPORT int w_dprintf(int fd, const char *format, ...) __asm__("dprintf");
EXPORT int w_dprintf_chk(int fd, int flag, const char *format, ...) __asm__("__dprintf_chk");

int
w_dprintf(int fd, const char *format, ...)
{
	struct frame f = {.call = FDT_CALL_dprintf, .fd = fd, .where = RETURN_ADDRESS};
	va_list list;

	enter_printed(&f);
	va_start(list, format);
	int ret = f.skip ? (int)f.ret : ((int (*)(int, const char *, va_list))real(SYM_vdprintf))(fd, format, list);

	va_end(list);
	return (int)leave_printed(&f, ret);
}

int
w_dprintf_chk(int fd, int flag, const char *format, ...)
{
	struct frame f = {.call = FDT_CALL_dprintf, .fd = fd, .where = RETURN_ADDRESS};
	va_list list;

	enter_printed(&f);
	va_start(list, format);
	int ret = f.skip ? (int)f.ret : ((int (*)(int, int, const char *, va_list))real(SYM___vdprintf_chk))(fd, flag, format, list);

	va_end(list);
	return (int)leave_printed(&f, ret);
}

/* ---- syscall(2): a call by its number counts as the call that libc has for it; one that libc has no name for, and that makes a
 * descriptor, is shown as syscall ---- */

struct by_number {
	long number;
	uint16_t call;
	int fd;   /* which argument is the descriptor; -1: none */
	int kept; /* the first argument that is kept; -1: none */
	bool makes;
};

static const struct by_number raw_calls[] = {
    {SYS_close, FDT_CALL_close, 0, -1, false},
    {SYS_dup, FDT_CALL_dup, 0, -1, true},
    {SYS_dup3, FDT_CALL_dup3, 0, 1, true},
#ifdef SYS_dup2
    {SYS_dup2, FDT_CALL_dup2, 0, 1, true},
#endif
    {SYS_fcntl, FDT_CALL_fcntl, 0, 1, false},
    {SYS_socket, FDT_CALL_socket, -1, 0, true},
    {SYS_epoll_create1, FDT_CALL_epoll_create1, -1, 0, true},
    {SYS_eventfd2, FDT_CALL_eventfd, -1, 0, true},
    {SYS_timerfd_create, FDT_CALL_timerfd_create, -1, 0, true},
    {SYS_inotify_init1, FDT_CALL_inotify_init1, -1, 0, true},
    {SYS_openat, FDT_CALL_syscall, -1, 0, true},
    {SYS_memfd_create, FDT_CALL_syscall, -1, 0, true},
#ifdef SYS_close_range
    {SYS_close_range, FDT_CALL_close_range, -1, 0, false},
#endif
#ifdef SYS_pidfd_open
    {SYS_pidfd_open, FDT_CALL_pidfd_open, -1, 0, true},
#endif
#ifdef SYS_pidfd_getfd
    {SYS_pidfd_getfd, FDT_CALL_pidfd_getfd, -1, 0, true},
#endif
#ifdef SYS_openat2
    {SYS_openat2, FDT_CALL_syscall, -1, 0, true},
#endif
#ifdef SYS_memfd_secret
    {SYS_memfd_secret, FDT_CALL_syscall, -1, 0, true},
#endif
#ifdef SYS_io_uring_setup
    {SYS_io_uring_setup, FDT_CALL_syscall, -1, 0, true},
#endif
    {SYS_perf_event_open, FDT_CALL_syscall, -1, 0, true},
#ifdef SYS_userfaultfd
    {SYS_userfaultfd, FDT_CALL_syscall, -1, 0, true},
#endif
#ifdef SYS_landlock_create_ruleset
    {SYS_landlock_create_ruleset, FDT_CALL_syscall, -1, 0, true},
#endif
};

EXPORT long w_syscall(long number, long a, long b, long c, long d, long e, long g) __asm__("syscall");

long
w_syscall(long number, long a, long b, long c, long d, long e, long g)
{
	long (*call)(long, long, long, long, long, long, long) =
	    (long (*)(long, long, long, long, long, long, long))real(SYM_syscall);
	const long args[] = {a, b, c, d, e, g};
	const struct by_number *known = NULL;

	for (size_t i = 0; i < sizeof raw_calls / sizeof raw_calls[0]; i++)
		if (raw_calls[i].number == number)
			known = &raw_calls[i];
	if (known == NULL)
		return call(number, a, b, c, d, e, g);
	struct frame f = {.call = known->call, .fd = -1, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS, .arg = (uint64_t)number};

	if (known->fd >= 0) {
		f.fd = (int)args[known->fd];
		f.flags = 0;
	}
	for (int i = known->kept, n = 0; known->call != FDT_CALL_syscall && i >= 0 && n < 3; i++, n++) {
		if (n == 0)
			f.arg = (uint64_t)args[i];
		else
			f.extra[f.nextra++] = args[i];
	}
	enter_plain(&f);
	long ret = f.skip ? (long)f.ret : call(number, a, b, c, d, e, g);

	return (long)(known->makes ? leave_make(&f, ret) : known->call == FDT_CALL_fcntl ? leave_fcntl(&f, ret) : leave_plain(&f, ret));
}

/* vfork(2): the child goes on above the parent's frame, so the return address must not wait on the stack, where the child
 * would write over it; it waits in a register, as in libc's own. */
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl vfork, __vfork\n"
        ".type vfork, @function\n"
        ".type __vfork, @function\n"
        "vfork:\n"
        "__vfork:\n"
        "	sub $8, %rsp\n"
        "	mov 8(%rsp), %rdi\n"
        "	call vfork_begins\n"
        "	add $8, %rsp\n"
        "	pop %rdi\n"
        "	mov $58, %eax\n"
        "	syscall\n"
        "	push %rdi\n"
        "	mov %rax, %rdi\n"
        "	sub $8, %rsp\n"
        "	call vfork_returned\n"
        "	add $8, %rsp\n"
        "	ret\n"
        ".size vfork, . - vfork\n");
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl vfork, __vfork\n"
        ".type vfork, %function\n"
        ".type __vfork, %function\n"
        "vfork:\n"
        "__vfork:\n"
        "	stp x29, x30, [sp, #-16]!\n"
        "	mov x0, x30\n"
        "	bl vfork_begins\n"
        "	ldp x29, x30, [sp], #16\n"
        "	mov x9, x30\n"
        "	mov x0, #0x4111\n" /* CLONE_VFORK | CLONE_VM | SIGCHLD */
        "	mov x1, #0\n"
        "	mov x8, #220\n"
        "	svc 0\n"
        "	stp x29, x9, [sp, #-16]!\n"
        "	bl vfork_returned\n"
        "	ldp x29, x30, [sp], #16\n"
        "	ret\n"
        ".size vfork, . - vfork\n");
#endif
