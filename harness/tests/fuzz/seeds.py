#!/usr/bin/env python3
"""harness/tests/fuzz/seeds.py: makes a seed corpus of captures: each one squeezed (fuzz.c), whole, and damaged.

    harness/tests/fuzz/seeds.py harness/tests/fuzz/corpus build/lab2/trace.fdt ...

Call ids change with trace/calls.tab, so make it anew now and then; an older seed still gets past the header.
"""
from __future__ import annotations

import random
import struct
import sys
from pathlib import Path

HEADER, SLOT, MOST = 16384, 64, 400  # slots that are kept of one capture


def squeeze(capture: bytes) -> bytes:
    """struct squeezed, and the slots. Times are kept as they are: the clock is said to be CLOCK_MONOTONIC."""
    start_ticks, start_ns = struct.unpack_from("<QQ", capture, 32)
    control = struct.pack("<6BhIIQQ", 0, 0, 1, 0, 0, 0, 0, 0, 0, start_ticks, start_ticks if start_ticks else start_ns)
    return control.ljust(SLOT, b"\0") + capture[HEADER : HEADER + MOST * SLOT]


def damaged(capture: bytes, seed: int) -> bytes:
    """A copy with some bytes of its slots changed, and some slots exchanged."""
    chance = random.Random(seed)
    copy = bytearray(capture[: HEADER + MOST * SLOT])
    for _ in range(20):
        at = chance.randrange(HEADER, len(copy))
        copy[at] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
    slots = (len(copy) - HEADER) // SLOT
    for _ in range(3):
        a, b = (HEADER + SLOT * chance.randrange(slots) for _ in range(2))
        copy[a + 8 : a + SLOT] = copy[b + 8 : b + SLOT]
    return bytes(copy)


def make(out: Path, captures: list[Path]) -> int:
    """Writes the seeds; returns how many."""
    out.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(captures):
        capture = path.read_bytes()
        name = path.stem if path.stem != "trace" else path.parent.name
        (out / f"{name}.squeezed").write_bytes(squeeze(capture))
        bad = damaged(capture, number)
        (out / f"{name}.damaged").write_bytes(bad if number == 0 else squeeze(bad))
    whole = captures[0].read_bytes()
    (out / "whole.fdt").write_bytes(whole[: HEADER + MOST * SLOT])
    (out / "cut.fdt").write_bytes(whole[: HEADER + 10 * SLOT + 17])
    return 2 * len(captures) + 2


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: seeds.py OUT CAPTURE...")
    print(make(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]), "seeds")
