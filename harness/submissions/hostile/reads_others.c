/* tries: to read what is not for it: other submissions, the points, the checks, the users; it looks everywhere
 * checks: connect.three
 * score: 0
 * feedback: exit status 1: it has read 0 files
 * within: 60 s */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int files;

static void
look(const char *folder, int depth)
{
    DIR *dir = opendir(*folder ? folder : "/");
    char path[4096], byte;

    for (struct dirent *one; dir != NULL && (one = readdir(dir)) != NULL;) {
        if (one->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        if (strncmp(path, "/proc", 5) == 0 || strncmp(path, "/sys", 4) == 0 || strncmp(path, "/dev", 4) == 0 ||
            strncmp(path, "/usr", 4) == 0 || strncmp(path, "/lib", 4) == 0)
            continue;
        if (one->d_type == DT_DIR && depth < 12)
            look(path, depth + 1);
        const char *end = strrchr(path, '.');
        int fd = end != NULL && strstr(".c.txt.py.md.json", end) != NULL ? open(path, O_RDONLY) : -1;

        if (fd >= 0 && read(fd, &byte, 1) == 1 && ++files < 20)
            fprintf(stderr, "%s\n", path);
        close(fd);
    }
    if (dir != NULL)
        closedir(dir);
}

int main(void)
{
    int fd = open("/etc/passwd", O_RDONLY);

    files += fd >= 0;
    look("", 0);
    fprintf(stderr, "it has read %d files\n", files);
    return 1;
}
