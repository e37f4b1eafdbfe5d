"""harness/fdlab/flicker.py: the same submission, graded again and again on a machine that is busy: does the outcome ever change?

    PYTHONPATH=harness python3 -m fdlab.flicker --times 100 --compile "cc -Icommon" --helpers build/common/helpers.a

While it runs, a process for each core does nothing but compute. Every grade has another seed. Exit status 1 when one check
of one submission had two outcomes. harness/README.md has the figures of the last run.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Dict, List, Optional

from . import grade, matrix, play

# One that is right, and five whose mistakes have to do with time, with order, and with what is where at the moment.
CHOSEN = ("lab2/good/linked_list", "lab2/bad/timer_reset_after_timeout_only", "lab2/bad/stale_ready_set",
          "lab2/bad/eof_drops_output", "lab2/bad/emfile_spin", "lab2/bad/one_ready_per_round")


def busy(seconds: float) -> List[subprocess.Popen]:
    """A process a core that only computes; they end by themselves, should we be killed."""
    spin = "import time; end = time.monotonic() + %f\nwhile time.monotonic() < end: pass" % seconds
    return [subprocess.Popen([sys.executable, "-I", "-S", "-c", spin]) for _ in range(os.cpu_count() or 1)]


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="looks for outcomes that change")
    parser.add_argument("what", nargs="*", default=list(CHOSEN), help="submissions, as %s" % CHOSEN[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--compile", default="cc -Icommon")
    parser.add_argument("--helpers", default="")
    parser.add_argument("--build", default="build")
    parser.add_argument("--tier", default="")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="grades at the same time")
    parser.add_argument("--idle", action="store_true", help="leave the cores alone")
    options = parser.parse_args(argv)
    every = {"%s/%s" % (lab, one.name): one for lab in grade.labs() for one in matrix.submissions(lab)}
    for name in options.what:
        if name not in every:
            play.complain("there is no submission %s" % name)
    began = time.monotonic()
    spinning = [] if options.idle else busy(6 * 3600.0)
    changed = 0
    try:
        for name in options.what:
            verdicts = matrix.grade_all([(every[name], seed) for seed in range(1, options.times + 1)], options)
            outcomes: Dict[str, "Counter[str]"] = {}
            for verdict in verdicts:
                for check in verdict.result.get("checks", [{"name": "a result", "status": "missing"}]):
                    outcomes.setdefault(check["name"], Counter())[check["status"]] += 1
            seconds = sorted(verdict.result.get("seconds", 0.0) for verdict in verdicts)
            wrong = sum(bool(verdict.problem) for verdict in verdicts)
            unsteady = {check: count for check, count in outcomes.items() if len(count) > 1}
            changed += len(unsteady) + wrong
            print("%-46s %d grades of %d checks, %d not as they should be; %.1f s each (median; %.1f to %.1f)" % (
                name, len(verdicts), len(outcomes), wrong, seconds[len(seconds) // 2], seconds[0], seconds[-1]))
            for check, count in unsteady.items():
                print("    %s: %s" % (check, ", ".join("%s %d times" % one for one in count.items())))
            for verdict in [verdict for verdict in verdicts if verdict.problem][:3]:
                print("    %s" % verdict.problem)
            sys.stdout.flush()
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    print("%d outcomes changed; %.0f min, %s" % (changed, (time.monotonic() - began) / 60,
                                                 "idle" if options.idle else "a busy process for each core"))
    return 1 if changed else 0


if __name__ == "__main__":
    play.run(main)
