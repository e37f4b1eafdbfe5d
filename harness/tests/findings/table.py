#!/usr/bin/env python3
"""harness/tests/findings/table.py: which rule names which program: the proof of `fdtrace check`, as a table.

    python3 harness/tests/findings/table.py                  builds the programs, runs them under fdtrace, prints the table
    python3 harness/tests/findings/table.py --write          ... and writes it into trace/rules/README.md
    python3 harness/tests/findings/table.py --submissions    the known-bad submissions instead, each driven by the check it must fail

A program says in its first comment what it shows (`Shows: leak`) or what it only looks like (`Looks like: leak`), and marks the
line at fault with /* HERE leak */. It is right when the findings that weigh more than a note are exactly those that it marks.
"""
from __future__ import annotations

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Set, Tuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
README = ROOT / "trace" / "rules" / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


class Program(NamedTuple):
    name: str
    rule: str                     # that it shows, or looks like
    is_bug: bool
    marks: Set[Tuple[str, str]]   # (line, rule): "bug_leak_full.c:27", "leak"
    flags: List[str]              # for the compiler
    run: List[str]                # for fdtrace run
    needs: str                    # "glibc", or ""
    says: str                     # its first sentence


class Outcome(NamedTuple):
    program: Program
    findings: List[Dict[str, Any]]
    wrong: List[str]              # what should not be so


def programs() -> List[Program]:
    """All of them, a rule's together, the bugs first."""
    found = []
    for path in sorted(HERE.glob("*_*.c")):
        text = path.read_text()
        comment = " ".join(text.partition("*/")[0].replace("\n *", " ").split())
        kind, rule = re.search(r"(Shows|Looks like): ([\w-]+)", comment).groups()
        marks = {("%s:%d" % (path.name, number), mark) for number, line in enumerate(text.splitlines(), 1)
                 for mark in re.findall(r"/\* HERE ([\w-]+) \*/", line)}
        field = dict(re.findall(r"(Flags|Run|Needs): (.*?)(?= Needs:| Run:| Flags:|$)", comment))
        says = re.search(r"\.c: (.*?)(?= Shows:| Looks like:)", comment)[1]
        found.append(Program(path.stem, rule, kind == "Shows", marks, field.get("Flags", "").split(),
                             field.get("Run", "").split(), field.get("Needs", "").strip(), says))
    return sorted(found, key=lambda p: (p.rule, not p.is_bug, p.name))


def compile_program(program: Program, folder: Path, cc: str = "cc") -> Path:
    made = folder / program.name
    subprocess.run([cc, "-std=gnu11", "-g", "-O0", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wstrict-prototypes", "-Werror",
                    *program.flags, "-o", str(made), str(HERE / (program.name + ".c")), str(HERE / "prove.c"), "-pthread"], check=True)
    return made


def check(fdtrace: str, capture: str, *options: str) -> List[Dict[str, Any]]:
    done = subprocess.run([fdtrace, "check", "--format=json", *options, capture], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError("fdtrace check %s: %d: %s" % (capture, done.returncode, done.stderr))
    return json.loads(done.stdout)


def judge(program: Program, findings: List[Dict[str, Any]]) -> List[str]:
    """What is not as the program says."""
    own = {mark for _, mark in program.marks} | {program.rule}
    got = {(f["at"], f["rule"]) for f in findings if f["severity"] != "note" or f["rule"] in own}
    want = set(program.marks)
    if program.is_bug and not want:  # a rule about the trace itself has no line
        want = {(None, program.rule)}
    wrong = ["%s is not named at %s" % (rule, at) for at, rule in sorted(want - got, key=str)]
    return wrong + ["%s is named at %s" % (rule, at) for at, rule in sorted(got - want, key=str)]


def prove(program: Program, fdtrace: str, folder: Path, cc: str = "cc") -> Outcome:
    """Builds it, runs it under fdtrace, and judges what check says."""
    made, capture = compile_program(program, folder, cc), str(folder / (program.name + ".fdt"))
    with open(folder / (program.name + ".out"), "w") as out:
        subprocess.run([fdtrace, "run", *program.run, "-o", capture, "--", str(made)], stdout=out, stderr=out, stdin=subprocess.DEVNULL, timeout=60)
    findings = check(fdtrace, capture)
    return Outcome(program, findings, judge(program, findings))


def prove_all(fdtrace: str, folder: Path, cc: str = "cc") -> List[Outcome]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda program: prove(program, fdtrace, folder, cc), programs()))


def named(outcome: Outcome) -> str:
    """The rules that named it, with their lines."""
    shown = sorted({(f["rule"], (f["at"] or "").rpartition(":")[2]) for f in outcome.findings
                    if f["severity"] != "note" or f["rule"] == outcome.program.rule})
    return ", ".join("%s at line %s" % (rule, line) if line else rule for rule, line in shown) or "-"


def table(outcomes: List[Outcome]) -> str:
    rows = ["| rule | program | what it does | named by |", "|---|---|---|---|"]
    for o in outcomes:
        rows.append("| %s | %s | %s | %s%s |" % (o.program.rule, o.program.name, o.program.says, named(o),
                                              " **WRONG**" if o.wrong else ""))
    return "\n".join(rows) + "\n"


def summary(outcomes: List[Outcome]) -> str:
    """One line a rule: as many bugs as were named at their line, as many near misses as were left alone."""
    rows = []
    for rule in sorted({o.program.rule for o in outcomes}):
        of = [o for o in outcomes if o.program.rule == rule]
        bugs, near = [o for o in of if o.program.is_bug], [o for o in of if not o.program.is_bug]
        rows.append("%-22s %d of %d bugs named at their line, %d of %d near misses left alone" % (
            rule, sum(not o.wrong for o in bugs), len(bugs), sum(not o.wrong for o in near), len(near)))
    return "\n".join(rows)


def write(text: str) -> None:
    before, _, rest = README.read_text().partition(BEGIN)
    README.write_text(before + BEGIN + text + END + rest.partition(END)[2])


# ---- the known-bad submissions

def submission(path: str, build: Path, folder: Path) -> Tuple[str, str, str, List[str]]:
    """Its name, the check it must fail, the finding it should have, and the rules that named it while that check was made."""
    comment = Path(path).read_text().partition("*/")[0]
    lab, name = path.split(os.sep)[-3], Path(path).stem
    must, want = re.search(r"must fail:\s*(\S+)", comment)[1], re.search(r"finding:\s*(\S+)", comment)
    made, traces = folder / ("%s-%s" % (lab, name)), folder / ("%s-%s.traces" % (lab, name))
    subprocess.run(["cc", "-g", "-O1", "-fno-optimize-sibling-calls", "-w", "-I", str(ROOT / "common"), "-o", str(made), path,
                    str(build / "common" / "helpers.a"), "-pthread"], check=True)
    subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", str(ROOT / "harness" / "checks" / (lab + ".py")),
                    "--server", str(made), "--folder", str(traces), "--check", must], stdout=subprocess.DEVNULL,
                   env={**os.environ, "FDLAB_BUILD": str(build), "PYTHONDONTWRITEBYTECODE": "1"})
    rules = {f["rule"] for capture in glob.glob(str(traces / must / "*.fdt")) for f in check(str(build / "fdtrace"), capture)
             if f["severity"] != "note" or (want and f["rule"] == want[1])}
    return "%s/%s" % (lab, name), must, want[1] if want else "-", sorted(rules)


def submissions(build: Path, folder: Path) -> str:
    paths = sorted(glob.glob(str(ROOT / "harness" / "submissions" / "*" / "bad" / "*.c")))
    rows = ["| submission | must fail | its finding | named by |", "|---|---|---|---|"]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for name, must, want, rules in pool.map(lambda path: submission(path, build, folder), paths):
            rows.append("| %s | %s | %s | %s%s |" % (name, must, want, ", ".join(rules) or "-",
                                                    "" if want == "-" or want in rules else " **MISSING**"))
    return "\n".join(rows) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=Path(os.environ.get("FDLAB_BUILD", ROOT / "build")))
    parser.add_argument("--write", action="store_true", help="the table into trace/rules/README.md")
    parser.add_argument("--submissions", action="store_true", help="the known-bad submissions instead (needs pytest, takes minutes)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fdlab-findings-"))
    try:
        if options.submissions:
            print(submissions(options.build.resolve(), folder), end="")
            return 0
        outcomes = prove_all(str(options.build.resolve() / "fdtrace"), folder)
        if options.write:
            write(table(outcomes))
        else:
            print(table(outcomes), end="")
        print(summary(outcomes))
        for o in outcomes:
            for wrong in o.wrong:
                print("%s: %s" % (o.program.name, wrong), file=sys.stderr)
        return int(any(o.wrong for o in outcomes))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
