/* tries: to take all memory, in many processes, as each one alone has a limit
 * checks: connect.three
 * score: 0
 * feedback: taken more than 2048 MB of memory, in all its processes together | does not after 5 s
 * within: 60 s */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
    for (int n = 0; n < 30 && fork() != 0; n++)
        ;
    for (;;) {
        char *block = malloc(16 << 20);

        if (block == NULL)
            pause();
        else
            memset(block, 1, 16 << 20);
    }
}
