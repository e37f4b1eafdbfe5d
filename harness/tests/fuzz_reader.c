/* harness/tests/fuzz_reader.c: every view on bytes that nobody vouches for.
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined ...    a libFuzzer target
 *     cc -DALONE ...; fuzz_reader trace.fdt 20000             by itself: cuts at every byte, then so many damaged copies
 */
#include "reader/map.h"
#include "reader/turns.h"
#include "views/call.h"
#include "views/narrow.h"
#include "views/object.h"
#include "views/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
read_once(struct model *m, struct rows *rows, struct out *o, bool replay)
{
	struct turns *turns = turns_open(m);
	struct effects e;
	struct event *ev;
	enum step step;

	while ((step = timeline_next(model_timeline(m), &ev)) == STEP_BEGIN || step == STEP_END) {
		const struct turn *turn;

		model_step(m, step, ev, &e);
		rows_step(rows, step, ev, &e);
		turn = turns_step(turns, step, ev, &e);
		if (turn != NULL)
			turn_sentence(o, m, turn);
		if (replay && step == STEP_BEGIN)
			model_effects(m, ev, &e);
		out_object(o, m, ev, &e, "", true);
		out_call(o, m, ev);
		out_result(o, m, ev, &e);
		event_sentence(o, m, ev, &e);
		for (char *p = o->start; p < o->at; p++)
			if (*p < ' ' || *p > '~')
				abort(); /* something got through */
		out_reset(o);
	}
	turns_close(turns);
}

static void
read_capture(struct capture *c, bool live, bool narrowed)
{
	struct live_options options = {.fd = -1, .width = 80, .colour = WHEN_NEVER, .ascii = 1};
	struct timeline *t = timeline_open(c, live);
	struct model *m = live ? model_open(t) : model_load(t);
	struct narrow_options some;
	struct out screen, text;
	struct rows *rows;
	char problem[512];

	narrow_all(&some);
	narrow_option(&some, 'f', "3,4,5#2");
	narrow_option(&some, 's', "1ms");
	options.narrow = narrowed ? &some : NULL;
	out_open(&screen, -1);
	out_open(&text, -1);
	rows = rows_open(m, &screen, &options, !live);
	read_once(m, rows, &text, !live);
	rows_close(rows);
	for (char *p = screen.start; p < screen.at; p++)
		if ((*p < ' ' || *p > '~') && *p != '\n')
			abort();
	capture_problem(c, problem, sizeof problem);
	out_close(&screen);
	out_close(&text);
	model_close(m);
	timeline_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[512];

	for (int live = 0; live < 2; live++) {
		struct capture *c = capture_memory(data, size, error, sizeof error);

		if (c == NULL)
			return 0;
		read_capture(c, live, size % 2);
		capture_close(c);
	}
	return 0;
}

#ifdef ALONE
static uint64_t seed = 88172645463325252u;

static uint64_t
chance(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* Bytes, words and whole slots at random; most of them behind the header. */
static void
damage(uint8_t *bytes, size_t size)
{
	static const uint8_t edges[] = {0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff};

	for (uint64_t n = 1 + chance(16); n > 0; n--) {
		size_t from = chance(8) != 0 && size > FDT_HEADER_SIZE ? FDT_HEADER_SIZE : 64,
		       at = from + chance(size - from);

		switch (chance(4)) {
		case 0: bytes[at] ^= (uint8_t)(1u << chance(8)); break;
		case 1: bytes[at] = edges[chance(sizeof edges)]; break;
		case 2: memset(bytes + at, edges[chance(sizeof edges)], chance(8) % (size - at)); break;
		default: { /* a head of another event, with this slot's own commit word */
			size_t slots = (size - FDT_HEADER_SIZE) / FDT_SLOT_SIZE, a = chance(slots), b = chance(slots);

			memcpy(bytes + FDT_HEADER_SIZE + a * FDT_SLOT_SIZE + 8,
				bytes + FDT_HEADER_SIZE + b * FDT_SLOT_SIZE + 8, 56);
			break;
		}
		}
	}
}

int
main(int argc, char **argv)
{
	FILE *f = argc == 3 ? fopen(argv[1], "rb") : NULL;
	static uint8_t whole[1 << 20];
	size_t size;

	if (f == NULL)
		return fprintf(stderr, "usage: fuzz_reader CAPTURE COUNT\n"), 2;
	size = fread(whole, 1, sizeof whole, f);
	fclose(f);
	for (size_t cut = 1; cut <= size; cut += cut < FDT_HEADER_SIZE - 64 ? 61 : 1)
		LLVMFuzzerTestOneInput(whole, cut);
	for (long n = atol(argv[2]); n > 0; n--) {
		uint8_t *copy = more(NULL, size, 1);

		memcpy(copy, whole, size);
		damage(copy, size);
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
	return 0;
}
#endif
