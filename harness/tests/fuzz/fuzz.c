/* harness/tests/fuzz/fuzz.c: the libFuzzer target: what the reader's own (../fuzz_reader.c) does with a capture, and inputs that get
 * past the header.
 *
 *     make fuzz                                      builds build/fuzz/fuzz and runs it for FUZZ_SECONDS (60 if left out)
 *     build/fuzz/fuzz crash-0123abcd                 one input again
 *
 * A capture is a header of 16 KiB, nearly all zeros, and then 64-byte slots whose commit words must fit: chance does little
 * there. So an input is either a capture as it lies on disk, or a "squeezed" one: 64 bytes that say what of the header matters,
 * and the slots. seeds.py makes the second from the first. The mutator moves whole slots as often as it changes bytes.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "calls.h"
#include "capture.h"
#include "views/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int check_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int read_bytes(const uint8_t *data, size_t size); /* fuzz_reader.c's LLVMFuzzerTestOneInput, under another name */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* The 64 bytes. seeds.py writes them too. */
struct squeezed {
	uint8_t raw_commits; /* 1: the slots' commit words are taken as they are; else the index is put right and the state kept */
	uint8_t clock, ended, nanchors, nfaults, fault_what;
	int16_t cursor;      /* this much off from the number of slots */
	uint32_t status, lost;
	uint64_t start_ticks, start_ns;
	struct fdt_anchor anchors[2];
};
_Static_assert(sizeof(struct squeezed) == FDT_SLOT_SIZE, "seeds.py writes 64 bytes");

/* The commands that read_bytes does not know, as they are called: on a file, with arguments. */
static void
read_file(const uint8_t *capture, size_t size)
{
	static int (*const commands[])(int, char **) = {check_main, html_main, diff_main};
	static char *const names[] = {"check", "html", "diff"};
	static int file = -1;
	char path[32];
	size_t which = size / FDT_SLOT_SIZE % 8; /* check is cheap, html is not */
	int status;

	if (file < 0)
		file = memfd_create("capture", 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	if (ftruncate(file, 0) < 0 || pwrite(file, capture, size, 0) != (ssize_t)size)
		abort();
	which = which == 3 ? 1 : which >= 6 ? 2 : 0;
	char *words[] = {names[which], "-o", "/dev/null", "--no-where", path, which == 2 ? path : NULL, NULL};

	status = commands[which](which == 2 ? 6 : 5, words);
	if (status > 2 || (which == 2 && status == 1)) /* a capture and itself do not differ */
		abort();
}

static void
unsqueeze_header(struct fdt_header *h, const struct squeezed *s, uint64_t slots)
{
	memcpy(h->magic, FDT_MAGIC, sizeof h->magic);
	h->version = FDT_VERSION;
	h->header_size = FDT_HEADER_SIZE;
	h->slot_size = FDT_SLOT_SIZE;
	h->calls_hash = FDT_CALLS_HASH;
	h->clock = s->clock;
	h->start_ticks = s->start_ticks;
	h->start_ns = s->start_ns;
	h->max_slots = slots;
	h->data_bytes = 32;
	h->nfaults = s->nfaults;
	for (int i = 0; i < FDT_FAULTS; i++)
		h->faults[i] = (struct fdt_fault){.what = s->fault_what, .error = 4, .last = UINT32_MAX, .short_to = 7};
	h->cursor = slots + (uint64_t)(int64_t)s->cursor;
	h->allocated = slots;
	h->ended = s->ended;
	h->status = s->status;
	h->lost = s->lost;
	h->nanchors = s->nanchors;
	memcpy(h->anchors, s->anchors, sizeof s->anchors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct squeezed s;
	struct fdt_header h;
	uint8_t *capture;
	uint64_t slots;

	if (size < sizeof s)
		return 0;
	if (memcmp(data, FDT_MAGIC, 8) == 0) {
		read_file(data, size);
		return read_bytes(data, size);
	}
	memcpy(&s, data, sizeof s);
	slots = (size - sizeof s) / FDT_SLOT_SIZE;
	capture = calloc(1, FDT_HEADER_SIZE + size);
	if (capture == NULL)
		return 0;
	memset(&h, 0, sizeof h);
	unsqueeze_header(&h, &s, slots);
	memcpy(capture, &h, sizeof h);
	memcpy(capture + FDT_HEADER_SIZE, data + sizeof s, size - sizeof s);
	for (uint64_t i = 0; i < slots && s.raw_commits != 1; i++) {
		uint8_t *at = capture + FDT_HEADER_SIZE + i * FDT_SLOT_SIZE;
		uint64_t commit = fdt_commit(i, at[0] & 3);

		memcpy(at, &commit, sizeof commit);
	}
	read_file(capture, FDT_HEADER_SIZE + size - sizeof s);
	read_bytes(capture, FDT_HEADER_SIZE + size - sizeof s);
	free(capture);
	return 0;
}

/* ---- mutations that keep slots slots */

static unsigned
chance(unsigned *seed, size_t below)
{
	*seed = *seed * 1103515245u + 12345u;
	return below > 0 ? (unsigned)((*seed >> 8) % below) : 0;
}

/* One field of a slot becomes one that is likely to mean something. */
static void
change_field(uint8_t *slot, unsigned *seed)
{
	struct fdt_slot s;

	memcpy(&s, slot, sizeof s);
	switch (chance(seed, 8)) {
	case 0: s.call = (uint16_t)(1 + chance(seed, FDT_CALLS - 1)); break;
	case 1: s.fd = (int32_t)chance(seed, 8) - 1; break;
	case 2: s.ret = (int32_t)chance(seed, 8) - 1; break;
	case 3: s.pid = 100 + chance(seed, 3); break;
	case 4: s.tid = 100 + chance(seed, 3); break;
	case 5: s.tail = (uint16_t)chance(seed, 4); break;
	case 6: s.flags ^= (uint8_t)(1u << chance(seed, 3)); break;
	default: s.commit = (s.commit & ~(uint64_t)3) | chance(seed, 4); break;
	}
	memcpy(slot, &s, sizeof s);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	const size_t one = FDT_SLOT_SIZE;
	size_t slots = size / one, a = one * (1 + chance(&seed, slots - 1)), b = one * (1 + chance(&seed, slots - 1));

	if (slots < 3 || memcmp(data, FDT_MAGIC, 8) == 0 || chance(&seed, 2) == 0)
		return LLVMFuzzerMutate(data, size, most);
	switch (chance(&seed, 5)) {
	case 0: /* a slot goes */
		memmove(data + a, data + a + one, size - a - one);
		return size - one;
	case 1: /* one comes twice */
		if (size + one > most)
			break;
		memmove(data + a + one, data + a, size - a);
		return size + one;
	case 2: /* one takes another's place */
		memmove(data + a, data + b, one);
		return size;
	case 3: /* the bytes of one */
		LLVMFuzzerMutate(data + a, one, one);
		return size;
	default: break;
	}
	change_field(data + a, &seed);
	return size;
}
