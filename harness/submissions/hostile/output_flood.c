/* tries: to print 10 GB
 * checks: connect.three
 * score: 0
 * feedback: printed more than 256 MB | does not after 5 s
 * within: 60 s */
#include <string.h>
#include <unistd.h>

int main(void)
{
    static char line[1 << 16];

    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (long long left = 10LL << 30; left > 0; left -= (long long)sizeof line)
        if (write(1, line, sizeof line) < 0)
            return 1;
    return 0;
}
