/* tries: to keep the compiler busy for ever
 * score: 0
 * feedback: the compiler met a limit: it may take 1024 MB of memory
 * within: 60 s */
#include "/dev/zero"
int main(void) { return 0; }
