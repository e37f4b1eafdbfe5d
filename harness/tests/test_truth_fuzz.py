"""The reader on bytes that nobody vouches for: libFuzzer, from a corpus of small real captures and damaged ones, under ASan and UBSan.

    make fuzz FUZZ_SECONDS=600         the same for longer; what it learns stays in build/fuzz/corpus
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from conftest import ROOT, need

SECONDS = 30 if os.environ.get("CI") else 5
FUZZ = ROOT / "harness" / "tests" / "fuzz"
sys.path.insert(0, str(FUZZ))
import seeds  # noqa: E402  (found by the line above)


@pytest.fixture(scope="module")
def fuzzer(build: Path) -> str:
    """make builds it: clang, and its runtime library."""
    need("clang")
    runtime = subprocess.run(["clang", "-print-file-name=libclang_rt.fuzzer-x86_64.a"], capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute() and not (Path(runtime).exists()):
        need("libclang_rt.fuzzer", "libclang-rt-14-dev")
    made = subprocess.run(["make", "-C", str(ROOT), f"BUILD={build}", f"{build}/fuzz/fuzz"], capture_output=True, text=True, timeout=600)
    assert made.returncode == 0, made.stdout + made.stderr
    return str(build / "fuzz" / "fuzz")


def run(fuzzer: str, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [fuzzer, "-timeout=20", "-rss_limit_mb=2000", "-close_fd_mask=3", f"-artifact_prefix={folder}/", *words]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS + 300)


def fresh_captures(fdtrace: str, compile_c, folder: Path) -> List[Path]:
    """Of this build: their call ids are today's."""
    program = compile_c("truth/confuse.c", "-pthread")
    made = []
    for mode in ("longjmp", "vfork", "rights", "spawn"):
        made.append(folder / f"{mode}.fdt")
        subprocess.run([fdtrace, "run", "-o", str(made[-1]), program, mode], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)
    return made


def test_the_reader_survives(fuzzer, fdtrace, compile_c, tmp_path):
    """30 s in CI: no crash, no report of a sanitizer, no input that takes for ever or much memory."""
    corpus = tmp_path / "corpus"
    shutil.copytree(FUZZ / "corpus", corpus)
    seeds.make(tmp_path / "fresh", fresh_captures(fdtrace, compile_c, tmp_path))
    done = run(fuzzer, tmp_path, f"-max_total_time={SECONDS}", "-max_len=60000", "-print_final_stats=1", str(corpus), str(tmp_path / "fresh"))
    assert done.returncode == 0, done.stderr[-4000:]
    units = [int(line.split()[-1]) for line in done.stderr.splitlines() if line.startswith("stat::number_of_executed_units")]
    assert units and units[0] >= len(list(corpus.iterdir()))


def test_the_corpus_gets_past_the_header(fdtrace, tmp_path):
    """A corpus that is refused at the door tests nothing: the whole capture in it is read, unless the table of calls has changed; then
    seeds.py is to make it anew."""
    read = subprocess.run([fdtrace, "json", "--no-where", str(FUZZ / "corpus" / "whole.fdt")], capture_output=True, text=True, timeout=60)
    assert read.returncode == 0 and read.stdout.count("\n") > 10 or "another table of calls" in read.stderr
    assert len(list((FUZZ / "corpus").glob("*.squeezed"))) >= 8
