"""SIGKILL at any moment: every call that had returned is in the capture, and what had not is shown as unfinished.

The program counts its returned calls in memory that outlives it (truth/die.c). It is killed when the counts have come to a random
sum, so that no clock decides where.
"""
from __future__ import annotations

import json
import mmap
import os
import random
import signal
import struct
import subprocess
import time
from pathlib import Path
from typing import List, Tuple

import pytest

from conftest import ROOT

DEADLINE = 30
THREADS = 4
KILLS = 200


@pytest.fixture(scope="module")
def returned(build, tmp_path_factory) -> str:
    program = tmp_path_factory.mktemp("returned") / "returned"
    sources = [ROOT / "harness/tests/truth/returned.c", ROOT / "trace/reader/events.c", ROOT / "trace/reader/map.c", build / "gen/calls.c"]
    subprocess.run(["cc", "-std=gnu11", "-g", "-O1", f"-I{ROOT}/trace", f"-I{build}/gen", *map(str, sources), "-o", str(program)], check=True)
    return str(program)


def kill_at(fdtrace: str, program: str, folder: Path, wanted: int) -> Tuple[Path, List[int]]:
    """Runs it until so many calls have returned, kills it, and gives the capture and what each thread had counted."""
    capture, counts = folder / "trace.fdt", folder / "counts"
    counts.write_bytes(bytes(8 * THREADS))
    command = [fdtrace, "run", "-o", str(capture), "--", program, str(counts), str(THREADS)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as run, open(counts, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        limit = time.monotonic() + DEADLINE
        while sum(struct.unpack(f"{THREADS}Q", memory[:])) < wanted:
            assert time.monotonic() < limit and run.poll() is None, "the program makes no calls"
            time.sleep(0.0002)  # between two looks: what is waited for is the sum
        pid = int(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        assert run.wait(DEADLINE) == 128 + signal.SIGKILL
        return capture, list(struct.unpack(f"{THREADS}Q", memory[:]))


def test_every_call_that_had_returned_is_there(fdtrace, returned, compile_c, tmp_path):
    program = compile_c("truth/die.c", "-pthread")
    chance = random.Random(3)
    unfinished = 0
    for number in range(KILLS):
        capture, counts = kill_at(fdtrace, program, tmp_path, chance.choice([1, 100, 5000, 40000, 150000]) + chance.randrange(5000))
        done = subprocess.run([returned, str(capture)], capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, f"kill {number}: {done.stdout}"
        threads = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
        # A thread may have returned from one call more than it had counted, and begun another.
        rest = sorted(counts)
        assert len(threads) <= THREADS
        for tid, finished, open_calls in sorted(threads, key=lambda thread: thread[1]):
            count = min(rest, key=lambda each: abs(each - finished))
            rest.remove(count)
            assert 0 <= finished - count <= 1 and open_calls <= 1, f"kill {number}: thread {tid} counted {count}, the capture has {finished} + {open_calls}"
            unfinished += open_calls
        assert not any(rest), f"kill {number}: {rest} calls of threads that the capture does not have"
        if number % 20 == 0:
            the_reader_agrees(fdtrace, capture, threads)
    assert unfinished > KILLS / 4  # a moment within a call is hit often, or the test would prove nothing


def the_reader_agrees(fdtrace: str, capture: Path, threads: List[Tuple[int, ...]]) -> None:
    """fdtrace json: the same numbers, and each unfinished call says so."""
    done = subprocess.run([fdtrace, "json", "--no-where", str(capture)], capture_output=True, text=True, timeout=DEADLINE, check=True)
    lines = [line for line in done.stdout.splitlines() if '"call":"shutdown"' in line or '"call":"read"' in line or '"call":"listen"' in line or '"call":"send"' in line]
    finished = [line for line in lines if '"unfinished":true' not in line]
    assert len(finished) == sum(thread[1] for thread in threads)
    for line in set(lines) - set(finished):
        event = json.loads(line)
        assert event["ret"] is None and event["dur"] is None
    assert len(lines) - len(finished) == sum(thread[2] for thread in threads)
