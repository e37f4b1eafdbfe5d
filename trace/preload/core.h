/* trace/preload/core.h: taking a slot when a call begins, completing it when the call returns.
 *
 * Everything here obeys the place it lives in: it may run in a signal handler, in any thread, in a forked child, before
 * main and before our own constructor. So: no malloc, no stdio, no lock, no libc function that is replaced, errno kept.
 */
#ifndef FDT_CORE_H
#define FDT_CORE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dl_iterate_phdr, RTLD_NEXT, AT_EMPTY_PATH */
#endif
#include "capture.h"
#include "calls.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#define EXPORT __attribute__((visibility("default")))
#define RETURN_ADDRESS ((uint64_t)(uintptr_t)__builtin_return_address(0))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef void function(void); /* any function: cast to its own type before it is called */

/* One call on its way: what the wrapper knows, and the slots it took. */
struct frame {
	uint16_t call; /* FDT_CALL_* */
	uint8_t flags; /* FDT_EV_* */
	uint8_t nextra;
	int32_t fd;
	uint64_t arg;     /* the first argument that is kept */
	int64_t extra[4]; /* the others */
	uint64_t where;   /* return address */
	struct fdt_slot *slot; /* NULL: this call is not recorded */
	uint32_t tail;    /* slots after the head */
	uint32_t at;      /* bytes of the tail that are filled */
	uint32_t mark;    /* where in the tail the sets or the poll list lie */
	struct fdt_sets sets; /* select: as written at entry */
	size_t *size;     /* the wrapper's own byte count, which a short=N lowers */
	const struct fdt_fault *fault;
	bool skip; /* the real call is not made; ret and error stand for it */
	int error;
	int64_t ret;
};

/* The calling thread. tid and pid are cached: asking the kernel costs as much as the call that is traced. */
struct thread {
	uint32_t pid, tid;
	uint32_t checked; /* the same as *process.pid: begin() need not call arrive() */
	uint32_t looks;   /* at its next events: has dlopen loaded something? */
	bool vforked; /* a vfork child runs on this thread's memory; pid is the child's */
	uint32_t last_epoll; /* events that the last epoll_wait gave */
	uint16_t counts[FDT_FAULTS]; /* calls that each --inject has seen in this thread */
	_Atomic uint64_t newest; /* the slot that it took last; a signal handler's counts too */
};

/* The process. `pid` lies in a page of its own that the kernel wipes in every forked child (madvise(2), MADV_WIPEONFORK),
 * however it was forked, so that a child can never be taken for its parent. */
struct process {
	struct fdt_header *header; /* NULL: nothing is recorded */
	struct fdt_slot *slots;
	uint32_t *pid;
	uint64_t max_slots; /* how many this process could map */
	_Atomic uint64_t ready; /* slots below this were touched by this process: writing there faults no page */
	_Atomic uint32_t top_fd; /* the highest descriptor seen so far */
	uint32_t data_bytes;
	bool tsc;
	bool faults;
	bool all_calls; /* no --only */
};

extern struct process process;
extern __thread struct thread self __attribute__((tls_model("initial-exec")));

/* The slow ways, in core.c. */
/* A thread or a forked child records for the first time, or dlopen was called. False: recording is off. */
bool arrive(void);
bool make_room(uint64_t end);      /* slots up to end are needed; false: there is no space, the event is lost */
function *real_slow(int symbol);   /* libc's own function */
void fault_enter(struct frame *f); /* looks for an --inject that hits this call, and does its part before the call */
void fault_leave(struct frame *f); /* and its part after the call */
bool call_is_recorded(unsigned call);

extern function *reals[];

static inline function *
real(int symbol)
{
	function *found = reals[symbol];

	return LIKELY(found != NULL) ? found : real_slow(symbol);
}

static inline uint64_t
now(void)
{
#if defined(__x86_64__)
	if (LIKELY(process.tsc))
		return __rdtsc();
#endif
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* How many tail slots hold this many bytes of items. */
static inline uint32_t
slots_for(size_t bytes)
{
	size_t slots = (bytes + FDT_TAIL_ROOM - 1) / FDT_TAIL_ROOM;

	return slots < FDT_TAIL_MAX ? (uint32_t)slots : FDT_TAIL_MAX;
}

static inline size_t
extra_bytes(struct frame *f)
{
	while (f->nextra > 0 && f->extra[f->nextra - 1] == 0)
		f->nextra--;
	return f->nextra ? fdt_item_bytes(f->nextra * sizeof f->extra[0]) : 0;
}

static inline void
tail_copy(struct frame *f, const void *from, size_t size)
{
	fdt_tail_copy(f->slot, &f->at, from, size);
}

static inline void
item(struct frame *f, enum fdt_item kind, const void *content, size_t size)
{
	fdt_put_item(f->slot, &f->at, kind, content, size);
}

/*
 * Takes 1 + slots_for(bytes) slots and fills the head. The items come next, and then begun() makes it visible.
 *
 * The clock is read before the slot is taken: however long a thread is held up between the two, whoever takes a later slot returns
 * later than this call says that it began (timeline.h rests on that). But a signal handler that came between has an earlier
 * slot and a later time: then it is read again, so that time never runs backwards within a thread.
 */
static inline void
begin(struct frame *f, size_t bytes)
{
	if (UNLIKELY(self.checked == 0 || self.checked != *process.pid) && !arrive())
		return;
	if (UNLIKELY(!process.all_calls) && !call_is_recorded(f->call))
		return;
	bytes += extra_bytes(f);
	f->tail = slots_for(bytes);
	uint64_t newest = atomic_load_explicit(&self.newest, memory_order_relaxed), at = now();
	uint64_t index = atomic_fetch_add_explicit(&process.header->cursor, 1 + f->tail, memory_order_relaxed);

	if (UNLIKELY(index + 1 + f->tail > atomic_load_explicit(&process.ready, memory_order_relaxed)) &&
	    !make_room(index + 1 + f->tail))
		return;
	struct fdt_slot *slot = process.slots + index;
	uint64_t latest = atomic_load_explicit(&self.newest, memory_order_relaxed);

	if (UNLIKELY(latest != newest && latest < index))
		at = now();
	atomic_store_explicit(&self.newest, index, memory_order_relaxed);
	f->slot = slot;
	for (uint32_t i = 1; i <= f->tail; i++)
		atomic_store_explicit(&slot[i].commit, fdt_commit(index + i, FDT_TAIL), memory_order_relaxed);
	slot->where = f->where;
	slot->ret = 0;
	slot->fd = f->fd;
	slot->pid = self.pid;
	slot->tid = self.tid;
	slot->call = f->call;
	slot->error = 0;
	slot->tail = (uint16_t)f->tail;
	slot->flags = f->flags;
	slot->fault = 0;
	slot->arg = f->arg;
	slot->spent = 0;
	slot->begin = at;
	if (f->nextra)
		item(f, FDT_ITEM_ARGS, f->extra, f->nextra * sizeof f->extra[0]);
}

/* The call begins: from here on the event is in the capture, whatever becomes of the program. */
static inline void
begun(struct frame *f)
{
	if (LIKELY(f->slot != NULL)) {
		uint64_t index = (uint64_t)(f->slot - process.slots);

		atomic_store_explicit(&f->slot->commit, fdt_commit(index, FDT_BEGUN), memory_order_release);
	}
	if (UNLIKELY(process.faults))
		fault_enter(f);
}

/* The call has returned: its time and its result. `error` is errno, or 0. */
static inline void
returned(struct frame *f, int64_t ret, int error)
{
	struct fdt_slot *slot = f->slot;

	if (UNLIKELY(slot == NULL))
		return;
	slot->spent = now() - slot->begin;
	slot->ret = (int32_t)ret;
	slot->error = (uint16_t)error;
}

/* The event is complete. */
static inline void
done(struct frame *f)
{
	if (UNLIKELY(f->slot == NULL))
		return;
	uint64_t index = (uint64_t)(f->slot - process.slots);

	atomic_store_explicit(&f->slot->commit, fdt_commit(index, FDT_DONE), memory_order_release);
}

#endif
