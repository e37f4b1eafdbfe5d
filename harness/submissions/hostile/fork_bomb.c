/* tries: to make processes without end
 * checks: connect.three
 * score: 0
 * feedback: started more than 512 processes and threads | does not after 5 s
 * within: 60 s */
#include <unistd.h>

int main(void)
{
    for (;;)
        fork();
}
