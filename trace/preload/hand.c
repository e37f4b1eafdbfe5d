/* trace/preload/hand.c: the wrappers that no table can say: calls whose arguments are a list, a call by its number, vfork,
 * which returns twice on one stack, and dlopen, which looks at who called it.
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

/* ---- syscall(2): a call by its number counts as the call that libc has for it, and keeps what that one keeps; one that libc has no
 * name for, and that makes a descriptor, is shown as syscall ---- */

struct by_number {
	long number;
	uint16_t call;
	uint8_t shape;
	int8_t fd;   /* which argument is the descriptor; -1: none */
	int8_t kept; /* the first argument that is kept; those after it are kept too; -1: none */
	int8_t path; /* SHAPE_open: which argument is the path */
};

/* clang-format off */
static const struct by_number raw_calls[] = {
	{SYS_read, FDT_CALL_read, SHAPE_in, 0, 2, -1},
	{SYS_write, FDT_CALL_write, SHAPE_out, 0, 2, -1},
	{SYS_pread64, FDT_CALL_pread, SHAPE_in, 0, 2, -1},
	{SYS_pwrite64, FDT_CALL_pwrite, SHAPE_out, 0, 2, -1},
	{SYS_readv, FDT_CALL_readv, SHAPE_inv, 0, 2, -1},
	{SYS_writev, FDT_CALL_writev, SHAPE_outv, 0, 2, -1},
	{SYS_recvfrom, FDT_CALL_recvfrom, SHAPE_recvfrom, 0, 2, -1},
	{SYS_sendto, FDT_CALL_sendto, SHAPE_sendto, 0, 2, -1},
	{SYS_recvmsg, FDT_CALL_recvmsg, SHAPE_recvmsg, 0, 2, -1},
	{SYS_sendmsg, FDT_CALL_sendmsg, SHAPE_sendmsg, 0, 2, -1},
	{SYS_close, FDT_CALL_close, SHAPE_close, 0, -1, -1},
	{SYS_dup, FDT_CALL_dup, SHAPE_dup, 0, -1, -1},
	{SYS_dup3, FDT_CALL_dup3, SHAPE_dup2, 0, 1, -1},
	{SYS_fcntl, FDT_CALL_fcntl, SHAPE_fcntl, 0, 1, -1},
	{SYS_ioctl, FDT_CALL_ioctl, SHAPE_ioctl, 0, 1, -1},
	{SYS_socket, FDT_CALL_socket, SHAPE_socket, -1, 0, -1},
	{SYS_socketpair, FDT_CALL_socketpair, SHAPE_pair, -1, 0, -1},
	{SYS_pipe2, FDT_CALL_pipe2, SHAPE_pair, -1, 1, -1},
	{SYS_bind, FDT_CALL_bind, SHAPE_bind, 0, -1, -1},
	{SYS_connect, FDT_CALL_connect, SHAPE_connect, 0, -1, -1},
	{SYS_listen, FDT_CALL_listen, SHAPE_plain, 0, 1, -1},
	{SYS_shutdown, FDT_CALL_shutdown, SHAPE_plain, 0, 1, -1},
	{SYS_accept, FDT_CALL_accept, SHAPE_accept, 0, -1, -1},
	{SYS_accept4, FDT_CALL_accept4, SHAPE_accept, 0, 3, -1},
	{SYS_openat, FDT_CALL_openat, SHAPE_open, -1, 2, 1},
	{SYS_memfd_create, FDT_CALL_memfd_create, SHAPE_open, -1, 1, 0},
	{SYS_epoll_create1, FDT_CALL_epoll_create1, SHAPE_make, -1, 0, -1},
	{SYS_eventfd2, FDT_CALL_eventfd, SHAPE_make, -1, 0, -1},
	{SYS_timerfd_create, FDT_CALL_timerfd_create, SHAPE_make, -1, 0, -1},
	{SYS_inotify_init1, FDT_CALL_inotify_init1, SHAPE_make, -1, 0, -1},
	{SYS_epoll_ctl, FDT_CALL_epoll_ctl, SHAPE_epoll_ctl, 0, 1, -1},
	{SYS_epoll_pwait, FDT_CALL_epoll_pwait, SHAPE_epoll_wait, 0, 2, -1},
	{SYS_perf_event_open, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#ifdef SYS_open
	{SYS_open, FDT_CALL_open, SHAPE_open, -1, 1, 0},
	{SYS_creat, FDT_CALL_creat, SHAPE_open, -1, 1, 0},
	{SYS_pipe, FDT_CALL_pipe, SHAPE_pair, -1, -1, -1},
	{SYS_dup2, FDT_CALL_dup2, SHAPE_dup2, 0, 1, -1},
	{SYS_poll, FDT_CALL_poll, SHAPE_poll, -1, 1, -1},
	{SYS_epoll_wait, FDT_CALL_epoll_wait, SHAPE_epoll_wait, 0, 2, -1},
	{SYS_eventfd, FDT_CALL_eventfd, SHAPE_make, -1, 0, -1},
#endif
#ifdef SYS_close_range
	{SYS_close_range, FDT_CALL_close_range, SHAPE_range, -1, 0, -1},
#endif
#ifdef SYS_pidfd_open
	{SYS_pidfd_open, FDT_CALL_pidfd_open, SHAPE_make, -1, 0, -1},
#endif
#ifdef SYS_pidfd_getfd
	{SYS_pidfd_getfd, FDT_CALL_pidfd_getfd, SHAPE_make, -1, 0, -1},
#endif
#ifdef SYS_openat2
	{SYS_openat2, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#endif
#ifdef SYS_memfd_secret
	{SYS_memfd_secret, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#endif
#ifdef SYS_io_uring_setup
	{SYS_io_uring_setup, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#endif
#ifdef SYS_userfaultfd
	{SYS_userfaultfd, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#endif
#ifdef SYS_landlock_create_ruleset
	{SYS_landlock_create_ruleset, FDT_CALL_syscall, SHAPE_raw, -1, -1, -1},
#endif
};
/* clang-format on */

static void
enter_by_number(struct frame *f, const struct by_number *known, long *args)
{
	size_t *size = (size_t *)&args[2]; /* a short=N lowers it before the call is made */

	switch (known->shape) {
	case SHAPE_open: enter_open(f, (const char *)args[known->path]); break;
	case SHAPE_pair: enter_pair(f); break;
	case SHAPE_accept: enter_accept(f); break;
	case SHAPE_bind:
	case SHAPE_connect: enter_bind(f, (const struct sockaddr *)args[1], (socklen_t)args[2]); break;
	case SHAPE_in: enter_in(f, size); break;
	case SHAPE_out: enter_out(f, (const void *)args[1], size); break;
	case SHAPE_inv: enter_inv(f, (const struct iovec *)args[1], (int)args[2]); break;
	case SHAPE_outv: enter_outv(f, (const struct iovec *)args[1], (int)args[2]); break;
	case SHAPE_recvfrom: enter_recvfrom(f, size); break;
	case SHAPE_sendto: enter_sendto(f, (const void *)args[1], size, (const struct sockaddr *)args[4], (socklen_t)args[5]); break;
	case SHAPE_recvmsg: enter_recvmsg(f, (const struct msghdr *)args[1]); break;
	case SHAPE_sendmsg: enter_sendmsg(f, (const struct msghdr *)args[1]); break;
	case SHAPE_poll: enter_poll(f, (const struct pollfd *)args[0], (nfds_t)args[1], (int)args[2]); break;
	case SHAPE_epoll_wait: enter_epoll_wait(f, (int)args[2], (int)args[3]); break;
	case SHAPE_epoll_ctl: enter_epoll_ctl(f, (const struct epoll_event *)args[3]); break;
	case SHAPE_ioctl: enter_ioctl(f); break;
	default: enter_plain(f); break;
	}
}

static long
leave_by_number(struct frame *f, const struct by_number *known, const long *args, long ret)
{
	switch (known->shape) {
	case SHAPE_pair: return (long)leave_pair(f, ret, (const int *)args[known->number == SYS_socketpair ? 3 : 0]);
	case SHAPE_accept: return (long)leave_accept(f, ret, (const struct sockaddr *)args[1], (const socklen_t *)args[2]);
	case SHAPE_bind:
	case SHAPE_connect: return (long)leave_bind(f, ret);
	case SHAPE_in: return (long)leave_in(f, ret, (const void *)args[1]);
	case SHAPE_inv: return (long)leave_inv(f, ret, (const struct iovec *)args[1], (int)args[2]);
	case SHAPE_recvfrom:
		return (long)leave_recvfrom(f, ret, (const void *)args[1], (const struct sockaddr *)args[4], (const socklen_t *)args[5]);
	case SHAPE_recvmsg: return (long)leave_recvmsg(f, ret, (const struct msghdr *)args[1]);
	case SHAPE_poll: return (long)leave_poll(f, ret, (const struct pollfd *)args[0], (nfds_t)args[1]);
	case SHAPE_epoll_wait: return (long)leave_epoll_wait(f, ret, (const struct epoll_event *)args[1]);
	case SHAPE_ioctl: return (long)leave_ioctl(f, ret);
	case SHAPE_fcntl: return (long)leave_fcntl(f, ret);
	case SHAPE_open:
	case SHAPE_make:
	case SHAPE_socket:
	case SHAPE_dup:
	case SHAPE_dup2:
	case SHAPE_raw: return (long)leave_make(f, ret);
	default: return (long)leave_plain(f, ret);
	}
}

static const struct by_number *
known_number(long number)
{
	for (size_t i = 0; i < sizeof raw_calls / sizeof raw_calls[0]; i++)
		if (raw_calls[i].number == number)
			return &raw_calls[i];
	return NULL;
}

/* How many arguments of a call are kept: calls.tab's number, as far as it lists them one after another. */
static int
kept_count(uint16_t call)
{
	switch (call) {
	case FDT_CALL_socket:
	case FDT_CALL_socketpair:
	case FDT_CALL_close_range: return 3;
	case FDT_CALL_fcntl:
	case FDT_CALL_ioctl:
	case FDT_CALL_eventfd:
	case FDT_CALL_timerfd_create:
	case FDT_CALL_pread:
	case FDT_CALL_pwrite:
	case FDT_CALL_recvfrom:
	case FDT_CALL_sendto:
	case FDT_CALL_dup3:
	case FDT_CALL_epoll_ctl:
	case FDT_CALL_pidfd_open:
	case FDT_CALL_pidfd_getfd: return 2;
	default: return 1;
	}
}

EXPORT long w_syscall(long number, long a, long b, long c, long d, long e, long g) __asm__("syscall");

long
w_syscall(long number, long a, long b, long c, long d, long e, long g)
{
	long (*call)(long, long, long, long, long, long, long) =
	    (long (*)(long, long, long, long, long, long, long))real(SYM_syscall);
	long args[] = {a, b, c, d, e, g};
	const struct by_number *known = known_number(number);

	if (known == NULL)
		return call(number, a, b, c, d, e, g);
	struct frame f = {.call = known->call, .fd = -1, .flags = FDT_EV_NO_FD, .where = RETURN_ADDRESS, .arg = (uint64_t)number};

	if (known->fd >= 0) {
		f.fd = (int)args[known->fd];
		f.flags = 0;
	}
	for (int n = 0; known->kept >= 0 && n < kept_count(known->call); n++) {
		if (n == 0)
			f.arg = (uint64_t)args[known->kept];
		else
			f.extra[f.nextra++] = args[known->kept + n];
	}
	if (known->kept < 0 && known->call != FDT_CALL_syscall)
		f.arg = 0;
	enter_by_number(&f, known, args);
	long ret = f.skip ? (long)f.ret : call(number, args[0], args[1], args[2], args[3], args[4], args[5]);

	return leave_by_number(&f, known, args, ret);
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

/* ---- dlopen: glibc looks at who calls (whose RUNPATH counts, dlopen(3)), so it is jumped to with the caller's return address
 * in place ---- */

void dlopen_begins(void);

#ifndef __GLIBC__
EXPORT void *w_dlopen(const char *path, int mode) __asm__("dlopen");

void *
w_dlopen(const char *path, int mode)
{
	void *object = ((void *(*)(const char *, int))real(SYM_dlopen))(path, mode);

	dlopen_begins();
	return object;
}
#else
function *dlopen_real(void);

__attribute__((visibility("hidden"))) function *
dlopen_real(void)
{
	dlopen_begins();
	return real(SYM_dlopen);
}
#endif

#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, @function\n"
        "dlopen:\n"
        "	push %rdi\n"
        "	push %rsi\n"
        "	sub $8, %rsp\n"
        "	call dlopen_real\n"
        "	add $8, %rsp\n"
        "	pop %rsi\n"
        "	pop %rdi\n"
        "	jmp *%rax\n"
        ".size dlopen, . - dlopen\n");
#elif defined(__GLIBC__) && defined(__aarch64__)
__asm__(".text\n"
        ".globl dlopen\n"
        ".type dlopen, %function\n"
        "dlopen:\n"
        "	stp x29, x30, [sp, #-32]!\n"
        "	stp x0, x1, [sp, #16]\n"
        "	bl dlopen_real\n"
        "	mov x16, x0\n"
        "	ldp x0, x1, [sp, #16]\n"
        "	ldp x29, x30, [sp], #32\n"
        "	br x16\n"
        ".size dlopen, . - dlopen\n");
#endif
