/* tries: to keep the compiler busy: 2 to the power of 60 words, from 60 lines
 * score: 0
 * feedback: the compiler met a limit: it may take 1024 MB of memory
 * within: 60 s */
#define D0(x) x x
#define D1(x) D0(D0(D0(D0(x))))
#define D2(x) D1(D1(D1(D1(x))))
#define D3(x) D2(D2(D2(D2(x))))
int main(void) { int n = 0; D3(n += 1;) return n; }
