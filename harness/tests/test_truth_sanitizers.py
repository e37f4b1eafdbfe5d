"""fdtrace and libfdtrace.so under the compiler's sanitizers, and traced programs that are built with them."""
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from conftest import ROOT, need

DEADLINE = 120
MODES = ["races", "longjmp", "cancel", "fork", "vfork", "spawn", "daemon", "everything", "environment", "rights", "early"]
VIEWS = [["json"], ["log"], ["perfetto"], ["turns"], ["turns", "--all", "--width=40"], ["html", "-o", "/dev/null"], ["follow"]]


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory) -> Callable[..., Path]:
    """sanitized(READER_EXTRA="-fsanitize=..."): a build directory of its own, with fdtrace and libfdtrace.so."""
    made: Dict[str, Path] = {}

    def build(**flags: str) -> Path:
        words = [f"{name}={value}" for name, value in sorted(flags.items())]
        if str(words) not in made:
            folder = tmp_path_factory.mktemp("build")
            done = subprocess.run(["make", "-C", str(ROOT), f"-j{os.cpu_count()}", f"BUILD={folder}", *words, f"{folder}/fdtrace", f"{folder}/libfdtrace.so"],
                                  capture_output=True, text=True, timeout=600)
            assert done.returncode == 0, done.stdout + done.stderr
            made[str(words)] = folder
        return made[str(words)]

    return build


def run(fdtrace: Path, folder: Path, *words: str, options: List[str] = []) -> "subprocess.CompletedProcess[str]":
    command = [str(fdtrace), "run", "-o", str(folder / "trace.fdt"), *options, "--", *words]
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "halt_on_error=1"}
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, env=environment)


def quiet(done: "subprocess.CompletedProcess[str]", status: int = 0) -> None:
    assert done.returncode == status, (done.args, done.stderr[-3000:])
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, (done.args, done.stderr[-3000:])


def all_views(fdtrace: Path, capture: Path) -> None:
    for view in VIEWS:
        quiet(subprocess.run([str(fdtrace), *view, str(capture)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE))


# ---- fdtrace itself


def test_fdtrace_under_asan_and_ubsan(sanitized, compile_c, tmp_path):
    """The launcher and every view, on each confusing run and on each capture of the fuzzer's corpus; memory that is not given back counts."""
    fdtrace = sanitized(READER_EXTRA="-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined") / "fdtrace"
    program = compile_c("truth/confuse.c", "-pthread")
    for mode in MODES:
        quiet(run(fdtrace, tmp_path, program, mode))
        all_views(fdtrace, tmp_path / "trace.fdt")
    quiet(run(fdtrace, tmp_path, "sh", "-c", "exit 3", options=["--inject=read:error=EINTR:when=1", "--only=%io", "--data=0", "--max-events=1000"]), 3)
    for capture in sorted((ROOT / "harness" / "tests" / "fuzz" / "corpus").glob("*.fdt")):
        for view in VIEWS:
            done = subprocess.run([str(fdtrace), *view, str(capture)], capture_output=True, text=True, timeout=DEADLINE)
            assert done.returncode in (0, 2) and "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr[-3000:]


def test_the_launcher_under_tsan(sanitized, compile_c, tmp_path):
    """Its thread that grows the file, its loop, and the program share a header."""
    fdtrace = sanitized(READER_EXTRA="-fsanitize=thread") / "fdtrace"
    for _ in range(3):
        quiet(run(fdtrace, tmp_path, compile_c("truth/confuse.c", "-pthread"), "races"))
    quiet(run(fdtrace, tmp_path, "sh", "-c", "echo a | cat", options=["--live"]))


# ---- the library: it can have no sanitizer's runtime beside it, but traps need none


def test_the_library_with_ubsan_s_traps(sanitized, compile_c, tmp_path):
    fdtrace = sanitized(PRELOAD_EXTRA="-fsanitize=undefined -fsanitize-undefined-trap-on-error") / "fdtrace"
    for mode in MODES:
        quiet(run(fdtrace, tmp_path, compile_c("truth/confuse.c", "-pthread"), mode))
    quiet(run(fdtrace, tmp_path, compile_c("truth/same.c", "-pthread"), "errors"))


# ---- programs


@pytest.mark.parametrize("kind", ["address", "undefined", "thread"])
def test_a_program_with_a_sanitizer_of_its_own(fdtrace, compile_c, tmp_path, kind):
    """It runs as without us, its sanitizer says nothing, and what it did is in the capture."""
    program = compile_c("truth/confuse.c", "-pthread", f"-fsanitize={kind}")
    for mode in ("races", "longjmp", "rights", "fork") if kind != "thread" else ("races", "cancel"):
        quiet(run(Path(fdtrace), tmp_path, program, mode))
        done = subprocess.run([fdtrace, "json", "--no-where", str(tmp_path / "trace.fdt")], capture_output=True, text=True, timeout=DEADLINE, check=True)
        calls = {json.loads(line)["call"] for line in done.stdout.splitlines()}
        assert {"races": "accept4", "longjmp": "select", "rights": "recvmsg", "fork": "_Fork", "cancel": "read"}[mode] in calls
