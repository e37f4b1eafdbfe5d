/* trace/run/notes.c: events that the launcher writes into the capture, in order with the program's own: what a client does, what
 * the program printed, how it ended.
 */
#include "run.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static uint64_t
ticks(const struct fdt_header *h)
{
#if defined(__x86_64__)
	if (h->clock == FDT_CLOCK_TSC)
		return __rdtsc();
#endif
	struct timespec ts;

	(void)h;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Takes a slot and `tail` more. The launcher waits for its own grower: a millisecond at a time, a second at most. */
static struct fdt_slot *
take(struct space *s, uint32_t tail)
{
	struct fdt_header *h = s->header;
	uint64_t index = atomic_fetch_add(&h->cursor, 1 + tail);

	for (int tries = 0; index + 1 + tail > atomic_load(&h->allocated); tries++) {
		struct timespec pause = {0, 1000000};

		if (tries == 1000 || s->full) {
			atomic_fetch_add(&h->lost, 1);
			return NULL;
		}
		atomic_fetch_add(&h->want_space, 1);
		nanosleep(&pause, NULL);
	}
	struct fdt_slot *slot = s->slots + index;

	for (uint32_t i = 1; i <= tail; i++)
		atomic_store(&slot[i].commit, fdt_commit(index + i, FDT_TAIL));
	slot->tail = (uint16_t)tail;
	slot->begin = ticks(h);
	return slot;
}

static uint64_t
finish(struct space *s, struct fdt_slot *slot)
{
	uint64_t index = (uint64_t)(slot - s->slots);

	atomic_store_explicit(&slot->commit, fdt_commit(index, FDT_DONE), memory_order_release);
	return index;
}

uint64_t
put_event(struct space *s, unsigned call, int fd, pid_t pid, uint64_t arg)
{
	struct fdt_slot *slot = take(s, 0);

	if (slot == NULL)
		return UINT64_MAX;
	slot->call = (uint16_t)call;
	slot->fd = fd;
	slot->flags = fd < 0 ? FDT_EV_NO_FD : 0;
	slot->pid = slot->tid = (uint32_t)pid;
	slot->arg = arg;
	return finish(s, slot);
}

void
put_note(struct space *s, const char *who, const char *verb, const char *text, size_t text_size)
{
	size_t who_size = strlen(who), verb_size = strlen(verb);
	size_t bytes = fdt_item_bytes(who_size) + fdt_item_bytes(verb_size) + fdt_item_bytes(text_size);
	struct fdt_slot *slot = take(s, (uint32_t)((bytes + FDT_TAIL_ROOM - 1) / FDT_TAIL_ROOM));
	uint32_t at = 0;

	if (slot == NULL)
		return;
	slot->call = FDT_CALL_note;
	slot->fd = -1;
	slot->flags = FDT_EV_NO_FD;
	slot->pid = slot->tid = s->header->launcher_pid;
	fdt_put_item(slot, &at, FDT_ITEM_WHO, who, who_size);
	fdt_put_item(slot, &at, FDT_ITEM_VERB, verb, verb_size);
	fdt_put_item(slot, &at, FDT_ITEM_TEXT, text, text_size);
	finish(s, slot);
}

/* As much as a pipe holds (pipe(7), 64 KiB), so all that was there: and then the others have their turn, whoever prints
 * without end. */
enum { READS = 16 };

bool
read_lines(int fd, struct lines *l, void (*line)(void *, const char *, size_t), void *context)
{
	for (int reads = 0; reads < READS; reads++) {
		ssize_t got = read(fd, l->buffer + l->used, sizeof l->buffer - l->used);
		char *from = l->buffer, *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN;
		if (got == 0) {
			if (l->used > 0)
				line(context, l->buffer, l->used);
			l->used = 0;
			return false;
		}
		l->used += (size_t)got;
		while ((end = memchr(from, '\n', (size_t)(l->buffer + l->used - from))) != NULL) {
			line(context, from, (size_t)(end - from));
			from = end + 1;
		}
		l->used -= (size_t)(from - l->buffer);
		memmove(l->buffer, from, l->used);
		if (l->used == sizeof l->buffer) {
			line(context, l->buffer, l->used);
			l->used = 0;
		}
	}
	return true;
}
