/* harness/tests/programs/tight.c: the tight loop of `make bench`: what one call costs, and what the least would cost.
 *
 *     tight CALL THREADS N     CALL: shutdown, read, or floor, floor-tsc: a clock, an atomic add and a store of 64 bytes
 *
 * Prints nanoseconds of CPU time a call (of the thread that it ran on: when there are more threads than cores the wall clock says
 * nothing), the mean of all threads. Everything is touched before the clock starts.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { RING = 1 << 20 }; /* 64-byte records: 64 MiB, used round and round */

struct record {
	uint64_t word[8];
};

static const char *what;
static long calls;
static struct record *ring;
static _Alignas(64) _Atomic uint64_t cursor;
static pthread_barrier_t start;

static uint64_t
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void
least(bool tsc)
{
	for (long i = 0; i < calls; i++) {
		uint64_t index = atomic_fetch_add_explicit(&cursor, 1, memory_order_relaxed);
#if defined(__x86_64__)
		uint64_t time = tsc ? __rdtsc() : now(CLOCK_MONOTONIC);
#else
		uint64_t time = now(CLOCK_MONOTONIC);

		(void)tsc;
#endif
		struct record r = {{index, time, time, index, index, time, index, time}};

		ring[index % RING] = r;
		__asm__ volatile("" ::: "memory");
	}
}

static void *
work(void *out)
{
	static char byte;
	uint64_t begin;

	pthread_barrier_wait(&start);
	begin = now(CLOCK_THREAD_CPUTIME_ID);
	if (strcmp(what, "shutdown") == 0)
		for (long i = 0; i < calls; i++)
			shutdown(-1, 0);
	else if (strcmp(what, "read") == 0)
		for (long i = 0; i < calls; i++)
			(void)!read(-1, &byte, 0);
	else
		least(strcmp(what, "floor-tsc") == 0);
	*(double *)out = (double)(now(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)calls;
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc == 4 ? atoi(argv[2]) : 0;
	pthread_t thread[64];
	double each[64], sum = 0;

	if (threads < 1 || threads > 64)
		return fprintf(stderr, "usage: tight CALL THREADS N\n"), 2;
	what = argv[1];
	calls = atol(argv[3]);
	ring = mmap(NULL, RING * sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED)
		return 1;
	if (what[0] == 'f')
		memset(ring, 1, RING * sizeof *ring);
	pthread_barrier_init(&start, NULL, (unsigned)threads);
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, work, &each[i]);
	for (int i = 0; i < threads; i++) {
		pthread_join(thread[i], NULL);
		sum += each[i];
	}
	printf("%.2f\n", sum / threads);
	return 0;
}
