/* tries: to kill its parent, its group, and every process that it may
 * checks: connect.three
 * score: 0
 * feedback: was killed by SIGKILL
 * within: 60 s */
#include <signal.h>
#include <unistd.h>

int main(void)
{
    kill(getppid(), SIGKILL);
    kill(-1, SIGKILL);
    kill(0, SIGKILL);
    return 0;
}
