"""The same run under strace and fdtrace tells the same story, thread by thread; and at rest the reader's tables are the kernel's.

    harness/tests/truth/compare         the same by hand, and --rules shows what was allowed and why
"""
from __future__ import annotations

import os
import sys

import pytest

from conftest import ROOT, need

sys.path.insert(0, str(ROOT / "harness" / "tests" / "truth"))
import programs  # noqa: E402  (found by the line above)
from run import Run  # noqa: E402


@pytest.mark.parametrize("name", list(programs.SCENARIOS))
def test_program_under_both(name, fdtrace, tmp_path, ports, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/bin:/sbin")
    scenario = programs.SCENARIOS[name]
    for tool, package in [("strace", "strace"), ("objdump", "binutils"), *scenario.needs]:
        need(tool, package)
    with Run(tmp_path, fdtrace) as run:
        scenario.play(run, ports(3)[0])
        verdict = run.verdict()
    assert not verdict.differences, "\n".join(map(str, verdict.differences[:30]))
    assert not run.differences, "\n".join(run.differences)
    assert verdict.matched > 10 and sum(verdict.rules.values()) > 0


# ---- the judges themselves: each can say no


def test_what_is_not_recorded_is_missed(fdtrace, tmp_path):
    need("strace")
    need("objdump", "binutils")
    with Run(tmp_path, fdtrace, ["--only=open,close"]) as run:
        run.start(["cat", "/etc/passwd"])
        assert run.wait() == 0
        verdict = run.verdict()
    assert len(verdict.differences) == 1 and "close in the capture, " in str(verdict.differences[0]), verdict.differences


PAST = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int (*past)(const char *, int) = (int (*)(const char *, int))dlsym(dlopen("libc.so.6", RTLD_NOW), "open");
	long made;

	if (argc != 2 || past("/dev/null", O_RDONLY) < 0) /* by libc's own address: no wrapper sees it */
		return 1;
	__asm__ volatile("syscall" : "=a"(made) : "a"(32), "D"(0) : "rcx", "r11", "memory"); /* dup(0), without libc */
	return open(argv[1], O_RDONLY) < 0; /* a FIFO: until somebody opens its other end */
}
"""


def test_what_goes_past_the_wrappers_is_missed(fdtrace, tmp_path, compile_c):
    """The capture has neither descriptor; strace and the kernel have both, and that is said."""
    need("strace")
    need("objdump", "binutils")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Run(tmp_path, fdtrace) as run:
        run.start([compile_c(PAST), fifo])
        run.wait_for(lambda: any(event["call"] == "open" for event in run.events()), "the program's open")
        run.checkpoint("both made", patience=1)
        os.close(os.open(fifo, os.O_WRONLY))
        assert run.wait() == 0
        verdict = run.verdict()
    said = "\n".join(map(str, verdict.differences))
    assert "missed by the capture: openat(" in said, said
    assert "made without libc: dup(" in said, said
    assert len(run.differences) == 2 and all("/dev/null in the kernel, and not open in the capture" in text for text in run.differences), run.differences
