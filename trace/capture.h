/* trace/capture.h: the capture file, the one thing that the traced program and the reader share.
 *
 * A capture is a header of FDT_HEADER_SIZE bytes and then slots of 64 bytes. A call takes one slot (its head) and
 * as many slots after it (its tail) as its sets, addresses and bytes need, all with one atomic add of header.cursor,
 * so the order of heads is the order in which the calls began. The head is written twice: when the call begins
 * (commit = FDT_BEGUN) and when it returns (commit = FDT_DONE). A program that dies in between leaves it begun.
 *
 * All numbers are in the byte order and word size of the machine that made the capture (64-bit only).
 * Times are ticks of header.clock; the anchors turn them into nanoseconds of CLOCK_MONOTONIC.
 */
#ifndef FDT_CAPTURE_H
#define FDT_CAPTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FDT_MAGIC "\211FDTRACE" /* 8 bytes, no NUL; the first is not ASCII, so no text file has it */
#define FDT_VERSION 1
#define FDT_SLOT_SIZE 64
#define FDT_HEADER_SIZE 16384
#define FDT_ANCHORS 256
#define FDT_ATTACHED 512            /* processes that may hold the mapping at once */
#define FDT_FAULTS 16
#define FDT_CALL_BITS 512          /* call ids are below this */
#define FDT_TAIL_MAX 2048          /* slots of one tail at most: 112 KB; what does not fit is said to be cut */
#define FDT_TAIL_ROOM 56           /* bytes a tail slot carries */
#define FDT_FIRST_SLOTS 1024       /* the program touches the pages of so many at first, */
#define FDT_CHUNK_SLOTS 16384      /* and then in chunks of 1 MiB, ahead */
#define FDT_ENV "FDTRACE_CAPTURE"  /* the environment variable that names the capture to the program */

enum { FDT_CLOCK_MONOTONIC = 0, FDT_CLOCK_TSC = 1 };

/* What a slot's commit word says: ((index + 1) << 2) | state. A slot whose index does not match was never written. */
enum { FDT_EMPTY = 0, FDT_BEGUN = 1, FDT_DONE = 2, FDT_TAIL = 3 };

static inline uint64_t
fdt_commit(uint64_t index, unsigned state)
{
	return (index + 1) << 2 | state;
}

/* A pair of readings of the two clocks, taken by the launcher: at start, then ever more rarely, and at the end. */
struct fdt_anchor {
	uint64_t ticks;
	uint64_t ns; /* CLOCK_MONOTONIC */
};

/* One --inject. Words and counting as in strace(1), "inject": counted per call and thread, from 1. */
struct fdt_fault {
	uint64_t calls[FDT_CALL_BITS / 64]; /* a bit per call id */
	uint32_t first, last, step;         /* when=first..last+step; last = UINT32_MAX: for ever */
	uint32_t what;                      /* FDT_FAULT_* */
	int32_t error;
	int32_t signal;
	int64_t retval;
	uint64_t short_to; /* bytes at most */
	uint64_t delay_enter_ns, delay_exit_ns;
};
enum {
	FDT_FAULT_ERROR = 1,
	FDT_FAULT_RETVAL = 2,
	FDT_FAULT_SIGNAL = 4,
	FDT_FAULT_SHORT = 8,
	FDT_FAULT_DELAY_ENTER = 16,
	FDT_FAULT_DELAY_EXIT = 32,
};

struct fdt_header {
	char magic[8];
	uint32_t version, header_size, slot_size;
	uint32_t calls_hash;     /* FDT_CALLS_HASH (calls.h): whose call ids these are */
	uint32_t clock;          /* FDT_CLOCK_* */
	uint32_t pad;
	uint64_t start_ticks;    /* time 0 of the run */
	uint64_t start_ns;       /* the same moment, CLOCK_MONOTONIC */
	uint64_t start_realtime; /* the same moment, CLOCK_REALTIME, ns */
	uint64_t max_slots;      /* the mapping's length in slots; --max-events bounds it */
	uint32_t launcher_pid;
	uint32_t first_pid;  /* the program's */
	uint32_t data_bytes; /* of each transfer that are kept */
	uint32_t flags;      /* FDT_RUN_* */
	uint64_t reserved;   /* slots that the program touches before it starts (--reserve) */
	uint64_t only[FDT_CALL_BITS / 64]; /* the calls that are recorded */
	uint32_t nfaults;
	struct fdt_fault faults[FDT_FAULTS];
	char program[1024]; /* argv, each ended by NUL; cut when longer */
	char cwd[1024];     /* the launcher's working directory */

	/* Written while the run goes on; each on a cache line of its own. */
	_Alignas(64) _Atomic uint64_t cursor;    /* the next slot to be taken */
	_Alignas(64) _Atomic uint64_t allocated; /* slots below this have real space behind them */
	_Atomic uint32_t want_space;             /* futex: programs add 1 when they near the end */
	_Atomic uint32_t launcher_gone;          /* nobody grows the file any more */
	_Alignas(64) _Atomic uint64_t lost;      /* events for which there was no space */
	_Atomic uint64_t no_space_from;          /* ticks of the first one, or 0 */
	_Atomic uint32_t ended;                  /* 1: the launcher closed the capture in good order */
	_Atomic uint32_t status;                 /* wait(2) status of the program, once ended */
	_Atomic uint32_t nanchors;
	struct fdt_anchor anchors[FDT_ANCHORS];
	_Atomic uint32_t attached[FDT_ATTACHED]; /* pids that mapped the capture; the launcher takes out the dead */
	_Atomic uint32_t attached_over;          /* how many found the table full */
	_Atomic uint32_t arriving;               /* children of daemon(3) that are to attach yet; their parents end at once */
};

struct fdt_slot {
	_Atomic uint64_t commit;
	uint64_t begin;  /* ticks */
	uint64_t spent;  /* ticks from begin to return */
	uint64_t where;  /* return address, or 0 */
	int32_t ret;     /* as the call returned it; a transfer is below 2 GiB (MAX_RW_COUNT, read(2)) */
	int32_t fd;      /* the descriptor the call names, or -1 when it names none: see FDT_NO_FD */
	uint32_t pid, tid;
	uint16_t call;   /* FDT_CALL_* */
	uint16_t error;  /* errno when ret is an error, else 0 */
	uint16_t tail;   /* slots that follow */
	uint8_t flags;   /* FDT_EV_* */
	uint8_t fault;   /* 1 + index of the fault that was injected, or 0 */
	uint64_t arg;    /* the first argument that is kept (calls.tab) */
};

enum {
	FDT_EV_NO_FD = 1,  /* the call names no descriptor; fd means nothing (-1 is a number that a program can pass) */
	FDT_EV_CUT = 2,    /* the tail had no room for all */
	FDT_EV_NONBLOCK = 4, /* MSG_DONTWAIT, SOCK_NONBLOCK or O_NONBLOCK asked for in the call itself */
};

/* A tail is a row of items, each { uint16_t kind, uint16_t size } and then size bytes, padded to 4.
 * Integers in items are unaligned: read them with memcpy. */
enum fdt_item {
	FDT_ITEM_END = 0,
	FDT_ITEM_ARGS,      /* int64_t each: arguments after the first, trailing zeros left out */
	FDT_ITEM_PATH,      /* bytes of a path or name as given */
	FDT_ITEM_ADDR,      /* struct sockaddr: bind, connect, sendto's target */
	FDT_ITEM_PEER,      /* struct sockaddr: accept's or recvfrom's */
	FDT_ITEM_LOCAL,     /* struct sockaddr: our side, after connect or bind */
	FDT_ITEM_DATA,      /* the first bytes that were moved */
	FDT_ITEM_QUEUE,     /* uint32_t: finished handshakes still queued on the listener */
	FDT_ITEM_FDS,       /* int32_t each: descriptors that the call made (pipe, socketpair, SCM_RIGHTS, ioctl); in start and resync: all
	                       that are open */
	FDT_ITEM_SENT_FDS,  /* int32_t each: descriptors sent with SCM_RIGHTS */
	FDT_ITEM_MOVED,     /* int64_t: bytes moved, where the result counts messages */
	FDT_ITEM_SETS,      /* select: struct fdt_sets, then for each set present the bits in, then the bits out */
	FDT_ITEM_POLL,      /* struct fdt_poll each */
	FDT_ITEM_EPOLL,     /* struct fdt_epoll each: the events that epoll_wait gave, or epoll_ctl's one */
	FDT_ITEM_TIMEOUT,   /* struct fdt_timeout */
	FDT_ITEM_STAT,      /* struct fdt_stat: what a descriptor is, seen from inside */
	FDT_ITEM_MODULE,    /* struct fdt_module, then the path: an object that is loaded */
	FDT_ITEM_TEXT,      /* bytes: a note's text, a program's argv (NUL between) */
	FDT_ITEM_WHO,       /* bytes: a note's who */
	FDT_ITEM_VERB,      /* bytes: a note's verb */
};

struct fdt_sets {
	int32_t nfds;    /* as passed */
	uint16_t bytes;  /* of each set that follows: (nfds + 7) / 8, or fewer when it was cut */
	uint8_t present; /* 1 read, 2 write, 4 except; the bits in of each present set, then the bits out of each */
	uint8_t out;     /* 1 when the bits out were filled in */
};

struct fdt_poll {
	int32_t fd;
	int16_t events, revents;
};

struct fdt_epoll {
	uint64_t data;
	uint32_t events;
	int32_t fd; /* epoll_ctl: the descriptor; epoll_wait: -1, only data is known */
};

struct fdt_timeout {
	int64_t ns;   /* -1: none given, wait for ever */
	int64_t left; /* select: what the kernel wrote back; -1: not known */
};

struct fdt_stat {
	uint32_t mode;     /* st_mode & S_IFMT */
	uint16_t family;   /* SO_DOMAIN of a socket, else 0 */
	uint16_t type;     /* SO_TYPE */
	uint8_t listening; /* SO_ACCEPTCONN */
	uint8_t cloexec;   /* F_GETFD */
	uint16_t pad;
	uint32_t fl; /* F_GETFL */
};

struct fdt_module {
	uint64_t bias;      /* what was added to the addresses in the file */
	uint64_t low, high; /* the addresses it takes */
};

_Static_assert(sizeof(struct fdt_slot) == FDT_SLOT_SIZE, "a slot is one cache line");
_Static_assert(sizeof(struct fdt_header) <= FDT_HEADER_SIZE, "the header fits");

/* ---- writing a tail: both libfdtrace.so and the launcher do it ---- */

/* Copies into the tail of `head` at byte *at: the tail is cut into slots of FDT_TAIL_ROOM bytes behind their commit words. */
static inline void
fdt_tail_copy(struct fdt_slot *head, uint32_t *at, const void *from, size_t size)
{
	const char *p = from;

	while (size > 0) {
		uint32_t slot = *at / FDT_TAIL_ROOM, offset = *at % FDT_TAIL_ROOM;
		size_t room = FDT_TAIL_ROOM - offset, n = size < room ? size : room;

		memcpy((char *)(head + 1 + slot) + 8 + offset, p, n);
		*at += (uint32_t)n;
		p += n;
		size -= n;
	}
}

/* Bytes that an item with `size` bytes of content takes. */
static inline size_t
fdt_item_bytes(size_t size)
{
	return 4 + ((size + 3) & ~(size_t)3);
}

/* Adds an item at *at, or as much of it as there is room for, and then marks the event as cut. */
static inline void
fdt_put_item(struct fdt_slot *head, uint32_t *at, enum fdt_item kind, const void *content, size_t size)
{
	static const char zeros[4];
	size_t room = (size_t)head->tail * FDT_TAIL_ROOM - *at;
	uint16_t intro[2];

	if (room < 4 || fdt_item_bytes(size) > room) {
		head->flags |= FDT_EV_CUT;
		if (room < 8)
			return;
		size = (room - 4) & ~(size_t)3;
	}
	intro[0] = (uint16_t)kind;
	intro[1] = (uint16_t)size;
	fdt_tail_copy(head, at, intro, sizeof intro);
	fdt_tail_copy(head, at, content, size);
	fdt_tail_copy(head, at, zeros, -size & 3);
}

enum {
	FDT_RUN_FORKS = 1, /* children are followed */
	FDT_RUN_NOTES = 2, /* clients wrote their notes */
};

#endif
