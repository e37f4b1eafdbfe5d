/* tries: to fill the disk: files without end, in every folder that it may write to
 * checks: connect.three
 * score: 0
 * feedback: exit status 1: no more than 300 MB went into its files
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char block[1 << 20];

static int
fill(const char *folder)
{
    char path[4096];
    int megabytes = 0;

    for (int n = 0; n < 100; n++) {
        snprintf(path, sizeof path, "%s/%d", folder, n);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        while (fd >= 0 && megabytes < 400 && lseek(fd, 0, SEEK_CUR) < 20 << 20 && write(fd, block, sizeof block) == sizeof block)
            megabytes++;
        close(fd);
    }
    return megabytes;
}

int main(void)
{
    int total = 0;
    static const char *const places[] = {".", "/tmp", "/dev/shm", "/dev", "/var/tmp", "/run", "/"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        total += fill(places[i]);
    fprintf(stderr, total <= 300 ? "no more than 300 MB went into its files\n" : "%d MB went into its files\n", total);
    return 1;
}
