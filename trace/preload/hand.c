/* trace/preload/hand.c: the wrappers that no table can say: the execl family, whose arguments are a list, and vfork, which
 * returns twice on one stack.
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

/* vfork(2): the child goes on above the parent's frame, so the return address must not wait on the stack, where the child
 * would write over it; it waits in a register, as in libc's own. */
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl vfork\n"
        ".type vfork, @function\n"
        "vfork:\n"
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
        ".globl vfork\n"
        ".type vfork, %function\n"
        "vfork:\n"
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
