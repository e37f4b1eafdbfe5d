"""harness/tests/truth/play_traced.py: fdlab.play, where the fdtrace in --build is a script that runs the real one under strace.

    play_traced.py REAL_FDTRACE lab2 --build FAKE --server build/lab2/server

The launcher finds the server as the first program below fdtrace that is not fdtrace; here strace and a shell stand between.
"""
from __future__ import annotations

import os
import shutil
import sys
from typing import Sequence

from fdlab import launcher, play

REAL = sys.argv.pop(1)
BETWEEN = [os.path.realpath(shutil.which(tool) or tool) for tool in ("sh", "strace")]
find = launcher._find_below


def find_below(server: launcher.Server, passed: Sequence[str]) -> int:
    return find(server, [*passed, *BETWEEN, os.path.realpath(REAL)])


launcher._find_below = find_below
sys.exit(play.main())
