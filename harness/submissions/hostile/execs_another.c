/* tries: to become another program that can do it: one of the system's, or this one behind the dynamic loader's name
 * with: labs/lab2-one-listener/server.c
 * checks: connect.three
 * score: 0
 * feedback: it has become another one by exec
 * suspicion: the program replaced itself by another one
 * within: 60 s */
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void
trick(int argc, char **argv)
{
    static char loader[] = "/lib64/ld-linux-x86-64.so.2", self[4096], once[] = "once=1";
    char *const again[] = {loader, self, argv[argc - 2], argv[argc - 1], NULL};

    if (argc < 3 || getenv("once") != NULL)
        return;
    putenv(once);
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0) {
        execl("/usr/bin/socat", "socat", "TCP-LISTEN:50000,fork,reuseaddr", "EXEC:cat", (char *)NULL);
        execl("/usr/bin/python3", "python3", "-c", "import time; time.sleep(60)", (char *)NULL);
        execv(loader, again);
    }
}
