/* harness/tests/truth/die.c: threads that make calls for ever and count, in shared memory, those that have returned.
 *
 *     die COUNTS THREADS     COUNTS: a file of THREADS 64-bit numbers
 *
 * The k-th call of a thread has k as its first argument that is kept, so that a capture can be held against the counts.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static _Atomic uint64_t *counts;

static void *
work(void *number)
{
	_Atomic uint64_t *count = counts + (intptr_t)number;
	static char bytes[1];

	for (int k = 0;; k++) {
		switch (k % 4) {
		case 0: shutdown(-1, k); break;
		case 1: (void)!read(-1, bytes, (size_t)k); break;
		case 2: listen(-1, k); break;
		default: (void)!send(-1, bytes, (size_t)k, MSG_NOSIGNAL); break;
		}
		atomic_store_explicit(count, (uint64_t)k + 1, memory_order_release);
	}
	return number;
}

int
main(int argc, char **argv)
{
	int threads = argc == 3 ? atoi(argv[2]) : 0, fd = argc == 3 ? open(argv[1], O_RDWR) : -1;
	pthread_t thread;

	if (fd < 0 || threads < 1)
		return 2;
	counts = mmap(NULL, (size_t)threads * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counts == MAP_FAILED)
		return 2;
	close(fd);
	for (intptr_t i = 0; i < threads; i++)
		if (pthread_create(&thread, NULL, work, (void *)i) != 0)
			return 2;
	for (;;)
		pause();
}
