/* trace/run/target.c: what kind of program it is. A program that the dynamic linker does not load, or loads in secure mode, cannot
 * be traced; that is said before it starts, never shown as an empty trace.
 */
#include "run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
enum { MACHINE = EM_X86_64 };
#else
enum { MACHINE = EM_AARCH64 };
#endif

_Noreturn static void
cannot_run(const char *program, int error)
{
	fprintf(stderr, "fdtrace: %s: %s\n", program, strerror(error));
	exit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}

/* As execvp(3): a name without a slash is looked for in PATH. */
static void
find_program(const char *program, char *path)
{
	const char *dirs = getenv("PATH");
	int error = ENOENT;

	if (program[0] == '\0')
		cannot_run("''", ENOENT);
	if (strchr(program, '/') != NULL || dirs == NULL) {
		struct stat st;

		snprintf(path, PATH_MAX, "%s", program);
		if (access(path, X_OK) < 0)
			cannot_run(program, errno);
		if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
			cannot_run(program, EACCES);
		return;
	}
	for (const char *p = dirs; p != NULL; p = *p != '\0' ? p + 1 : NULL) {
		size_t n = strcspn(p, ":");
		struct stat st;

		snprintf(path, PATH_MAX, "%.*s%s%s", (int)n, p, n > 0 ? "/" : "./", program);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			if (access(path, X_OK) == 0)
				return;
			error = EACCES;
		}
		p += n;
		if (*p == '\0')
			break;
	}
	cannot_run(program, error);
}

/* Secure mode: the dynamic linker ignores LD_PRELOAD (ld.so(8), "secure-execution mode"). */
static void
refuse_privileged(const char *program, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	if ((st.st_mode & S_ISUID && st.st_uid != getuid()) || (st.st_mode & S_ISGID && st.st_gid != getgid()))
		fail("%s is set-user-ID or set-group-ID: the dynamic linker drops libfdtrace.so there; run it as its owner", program);
	if (getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		fail("%s has file capabilities: the dynamic linker drops libfdtrace.so there; run a copy without them", program);
}

/* The dynamic linker that the file names, into `interp`. */
static bool
read_interp(int fd, const Elf64_Ehdr *e, char *interp, size_t size)
{
	for (int i = 0; i < e->e_phnum && i < 512; i++) {
		Elf64_Phdr p;

		if (pread(fd, &p, sizeof p, (off_t)(e->e_phoff + (uint64_t)i * e->e_phentsize)) != (ssize_t)sizeof p)
			return false;
		if (p.p_type == PT_INTERP) {
			size_t n = p.p_filesz < size ? p.p_filesz : size - 1;
			ssize_t got = pread(fd, interp, n, (off_t)p.p_offset);

			interp[got > 0 ? got : 0] = '\0';
			return got > 0;
		}
	}
	return false;
}

/* A script's interpreter, into `path`. */
static bool
script_interpreter(char *head, char *path)
{
	if (head[0] != '#' || head[1] != '!')
		return false;
	char *p = head + 2 + strspn(head + 2, " \t");

	p[strcspn(p, " \t\n")] = '\0';
	snprintf(path, PATH_MAX, "%s", p);
	return true;
}

enum libc_kind
look_at_program(const char *program, char *path)
{
	char file[PATH_MAX], head[256] = "", interp[256] = "";
	Elf64_Ehdr e;

	find_program(program, path);
	snprintf(file, sizeof file, "%s", path);
	for (int depth = 0; depth < 5; depth++) {
		int fd = open(file, O_RDONLY | O_CLOEXEC);

		if (fd < 0) /* executable and not readable: the kernel will run it, and ld.so will tell */
			return LIBC_GLIBC;
		memset(head, 0, sizeof head);
		ssize_t got = read(fd, head, sizeof head - 1);

		if (got >= (ssize_t)sizeof e && memcmp(head, ELFMAG, SELFMAG) == 0) {
			memcpy(&e, head, sizeof e);
			if (e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_machine != MACHINE)
				fail("%s is a program for another machine (or 32-bit): libfdtrace.so cannot be loaded into it", file);
			if (!read_interp(fd, &e, interp, sizeof interp))
				fail("%s is statically linked: no library can be loaded into it; link it dynamically to trace it", file);
			close(fd);
			refuse_privileged(program, file);
			return strstr(interp, "ld-musl") != NULL ? LIBC_MUSL : LIBC_GLIBC;
		}
		close(fd);
		if (!script_interpreter(head, file))
			break; /* execve(2) will say ENOEXEC, and execvp(3) hands it to sh */
	}
	return LIBC_GLIBC;
}
