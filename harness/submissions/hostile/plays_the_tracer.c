/* tries: to look like a grader that is out of order
 * checks: connect.three
 * score: 0
 * feedback: it ended with exit status 125: fdtrace: out of order
 * within: 60 s */
#include <stdio.h>

int main(void)
{
    fprintf(stderr, "fdtrace: out of order\n");
    return 125;
}
