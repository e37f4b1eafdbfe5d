/* tries: to fill the disk with its own program: 2 GB of data that are not zero everywhere
 * score: 0
 * feedback: the compiler met a limit: a file that it writes may have 64 MB
 * within: 60 s */
char much[2000000000] = {[1999999999] = 1};
int main(void) { return much[0]; }
