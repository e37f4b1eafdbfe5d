/* tries: to write into the home folder, beside its own program and in every folder above that, and over its own program
 * checks: connect.three
 * score: 0
 * feedback: exit status 1: it has written 0 files
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
may_write(const char *folder)
{
    char path[4200];
    int fd;

    snprintf(path, sizeof path, "%s/hostile.was.here", folder);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd >= 0)
        fprintf(stderr, "%s\n", path);
    return fd >= 0;
}

int main(void)
{
    static const char *const places[] = {"/root", "/home", "/etc", "/usr/lib", "/var", "/usr", ""};
    char own[4096] = "";
    int written = 0;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        written += may_write(places[i]);
    if (readlink("/proc/self/exe", own, sizeof own - 1) > 0) {
        int fd = open(own, O_WRONLY);

        written += fd >= 0;
        for (char *slash; (slash = strrchr(own, '/')) != NULL && slash != own;) {
            *slash = '\0';
            if (strncmp(own, "/tmp", 4) != 0) /* which is its own, in the sandbox */
                written += may_write(own);
        }
    }
    fprintf(stderr, "it has written %d files\n", written);
    return 1;
}
