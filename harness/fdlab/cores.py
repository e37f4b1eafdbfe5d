"""harness/fdlab/cores.py: one core for one grade, where at least as many are graded at once as there are cores.

A grade is dozens of short processes that hand each other a few bytes. On one core that is a switch; from core to core it is an
interrupt, and in a virtual machine a dear one. What it saves: harness/README.md, "How fast".
"""
from __future__ import annotations

import contextlib
import os
import socket
from typing import Iterator, List

MOST = 1000   # graders that are counted on one core


@contextlib.contextmanager
def settled(at_once: int) -> Iterator[None]:
    """Where `at_once` grades fill the cores that we may use: this process, and what it starts meanwhile, stays on the one with
    the fewest graders. Else the kernel puts us where it likes."""
    ours = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    if len(ours) < 2 or at_once < len(ours):
        yield
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as counted:
        core = _least_used(ours, counted)
        try:
            os.sched_setaffinity(0, {core})
            yield
        finally:
            os.sched_setaffinity(0, ours)


def _least_used(cores: List[int], counted: socket.socket) -> int:
    """Whoever grades on this machine is counted by a name in the abstract socket space, which the kernel frees when we die."""
    for row in range(MOST):
        for core in cores:
            with contextlib.suppress(OSError):  # another one has that place
                counted.bind("\0fdlab-core-%d-%d" % (core, row))
                return core
    return cores[0]
