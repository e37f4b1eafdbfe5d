"""harness/fdlab/gradescope.py: grades what a student handed in to Gradescope. Part of the autograder, called by run_autograder.

    PYTHONPATH=harness python3 -m fdlab.gradescope lab2 ../submission ../results/results.json

Exit status: 0 when there is a result, also one that says what is wrong with the hand-in.
"""
from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from typing import List, Optional

from . import grade, play
from .formats import gradescope


def sources(folder: str) -> List[str]:
    """The C files of a hand-in. A link could lead to files that are not the student's."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__MACOSX")
        found += [os.path.join(where, name) for name in sorted(names) if name.endswith(".c") and name[0] != "."
                  and not os.path.islink(os.path.join(where, name))]
    return found


def chosen(folder: str) -> str:
    """The one that is graded; ValueError says why there is none."""
    found = sources(folder)
    if not found:
        raise ValueError("There is no C file in what you handed in. Hand in one file, your server.c.")
    if len(found) > 1:
        named = [path for path in found if os.path.basename(path) == "server.c"]
        if len(named) != 1:
            raise ValueError("There are %d C files in what you handed in: %s. Hand in one file, your server.c." % (
                len(found), ", ".join(os.path.relpath(path, folder) for path in found[:10])))
        return named[0]
    return found[0]


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="grades a hand-in at Gradescope")
    parser.add_argument("lab")
    parser.add_argument("submission", help="the folder that was handed in")
    parser.add_argument("out", help="results.json")
    options = parser.parse_args(argv)
    try:
        source = chosen(options.submission)
    except ValueError as error:
        grade.write(gradescope.message(str(error)), options.out)
        return 0
    name = os.path.basename(source)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        name = "server.c"        # make does not know names with spaces
    os.makedirs(os.path.join(grade.ROOT, "handed-in"), exist_ok=True)
    shutil.copyfile(source, os.path.join(grade.ROOT, "handed-in", name))
    done = subprocess.run(["make", "-s", "grade", "LAB=" + options.lab, "SRC=handed-in/" + name, "FORMAT=gradescope",
                           "OUT=" + os.path.abspath(options.out)], cwd=grade.ROOT, stdin=subprocess.DEVNULL)
    if done.returncode not in (0, 2):    # make's 2: not all passed, or worse; then the result is as it was before
        print("make grade ended with status %d" % done.returncode, file=sys.stderr)
    return 0


if __name__ == "__main__":
    play.run(main)
