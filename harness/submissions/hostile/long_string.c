/* tries: to take all memory in the compiler: a string of 1 GB
 * score: 0
 * feedback: the compiler met a limit: it may take 1024 MB of memory
 * within: 60 s */
#define A "0123456789abcdef"
#define B A A A A A A A A A A A A A A A A
#define C B B B B B B B B B B B B B B B B
#define D C C C C C C C C C C C C C C C C
#define E D D D D D D D D D D D D D D D D
#define F E E E E E E E E E E E E E E E E
#define G F F F F F F F F F F F F F F F F
#define H G G G G
const char *text = H;
int main(void) { return text[0]; }
