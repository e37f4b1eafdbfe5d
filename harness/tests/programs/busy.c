/* harness/tests/programs/busy.c: two threads, a fork and an exec: every event must be there once.
 *
 *     busy N      each thread duplicates and closes a descriptor N times; a child does it too, and then execs /bin/true
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int rounds;

static void *
work(void *unused)
{
	for (int i = 0; i < rounds; i++)
		close(dup(0));
	return unused;
}

int
main(int argc, char **argv)
{
	int status = 0;
	pthread_t thread[2];

	rounds = argc > 1 ? atoi(argv[1]) : 100;
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, work, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	if (fork() == 0) {
		work(NULL);
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	return wait(&status) > 0 && status == 0 ? 3 : 4;
}
