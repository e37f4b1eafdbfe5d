"""harness/tests/test_hostile.py: programs that want points, or harm, instead of being servers: harness/submissions/hostile/.

Each says in its first comment what it tries and what must come of it, a line each:

    tries:        in words
    with:         a file that follows it in the program (the lab's right server, whose calls it may have replaced)
    checks:       only these are made
    score:        "0", "100", "at most 95": of lab 2's points. "score in unshare:" for another tier than bubblewrap, as all below
    feedback:     what its student must be told; with " | " between when it is one of several
    not judged:   checks that must not have been judged
    suspicion:    what the instructor must be told; without it there must be none
    within:       seconds, on two quiet cores

By hand: cat harness/submissions/hostile/X.c labs/lab2-one-listener/server.c > /tmp/x.c
         make grade LAB=lab2 SRC=/tmp/x.c VIEW=instructor
"""
from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from fdlab import isolate, proc
from fdlab.result import NOT_JUDGED
from test_grade import compiler
from test_isolate import need_tier

HERE = Path(__file__).resolve().parent.parent / "submissions" / "hostile"
NAMES = sorted(path.stem for path in HERE.glob("*.c"))
# What is tried in the weaker tiers too. (Without processes of its own a program may kill whatever its user may: not here.)
ELSEWHERE = [("unshare", name) for name in ("kills_everyone", "daemon", "unlinks_capture", "fork_bomb")] + [
    ("free ports", name) for name in ("daemon", "perfect_score")]

BUSY = 5   # "within" is for a quiet machine; on a busy one a grade takes longer, and is not judged by that

Result = Dict[str, Any]


def fields(name: str) -> Dict[str, str]:
    comment = (HERE / (name + ".c")).read_text().partition("*/")[0].replace("\n *        ", " ")
    return dict(re.findall(r"^(?:/| )\* ([a-z ]+): +(.*?) *$", comment, re.MULTILINE))


def grade_in_a_process(root: Path, build: Path, source: Path, folder: Path, tier: str, checks: str = "",
                       within: int = 600) -> Result:
    """One grade, as `make grade` makes it. What is kept of it lies in folder."""
    command = [sys.executable, "-m", "fdlab.grade", "lab2", str(source), "--compile", compiler(), "--helpers",
               str(build / "common" / "helpers.a"), "--build", str(build), "--traces", str(folder / "grade"), "--format", "json",
               "--out", str(folder / "result.json"), "--tier", tier, "--view", "instructor"]
    for check in checks.split():
        command += ["--check", check]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within,
                          env={**os.environ, "PYTHONPATH": str(root / "harness")})
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr
    return json.loads((folder / "result.json").read_text())


def told(result: Result) -> str:
    return "\n".join([result["compiler"]] + [check["message"] for check in result["checks"]] + (
        [] if result["compiled"] else ["It does not compile"]))


def files_of(folder: Path) -> Dict[str, str]:
    """Every file that is kept in git, with what is in it."""
    names = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=folder, capture_output=True).stdout
    paths = [folder / os.fsdecode(name) for name in names.split(b"\0") if name] or [
        path for path in folder.rglob("*") if "build" not in path.relative_to(folder).parts]
    return {str(path): hashlib.sha1(path.read_bytes()).hexdigest() for path in paths if path.is_file()}


class Battle:
    """All of them, each graded once; several at the same time."""

    def __init__(self, root: Path, build: Path, folder: Path, chosen: List[tuple]) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()
        (self.home / "diary").write_text("mine")
        os.environ["HOME"] = str(self.home)
        self.root, self.before = root, files_of(root)
        self.pool = ThreadPoolExecutor(max_workers=max(2, (os.cpu_count() or 2) // 2))
        self.results: Dict[tuple, "Future[Result]"] = {}
        works = {tier: isolate.works(tier) is None for tier in isolate.TIERS}
        for tier, name in sorted(chosen, key=lambda one: "bomb" not in one[1]):
            if works[tier]:
                self.results[tier, name] = self.pool.submit(self.grade, root, build, tier, name)
                if "bomb" in name:
                    self.results[tier, name].exception()  # alone: hundreds of processes are bad company

    def grade(self, root: Path, build: Path, tier: str, name: str) -> Result:
        wanted = fields(name)
        mine = self.folder / tier.replace(" ", "-") / name
        mine.mkdir(parents=True)
        text = (HERE / (name + ".c")).read_text()
        if "with" in wanted:
            text += "#line 1 \"%s\"\n%s" % (wanted["with"], (root / wanted["with"]).read_text())
        (mine / "server.c").write_text(text)
        return grade_in_a_process(root, build, mine / "server.c", mine, tier, wanted.get("checks", ""),
                                  BUSY * int(wanted["within"].split()[0]))


@pytest.fixture(scope="module")
def battle(request: Any, root: Path, build: Path, tmp_path_factory: Any) -> Iterator[Battle]:
    home = os.environ.get("HOME")
    params = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    chosen = [(one.get("tier", "bubblewrap"), one["battling"]) for one in params if "battling" in one]
    made = Battle(root, build, tmp_path_factory.mktemp("hostile"), chosen)
    yield made
    made.pool.shutdown()
    if home is not None:
        os.environ["HOME"] = home


def judge(result: Result, wanted: Callable[[str], str]) -> None:
    said = told(result)
    score = wanted("score")
    most = float(score.split()[-1])
    assert result["score"] <= most if "most" in score else result["score"] == most, said
    if wanted("feedback"):
        assert any(one in said for one in wanted("feedback").split(" | ")), said
    assert "the grader itself failed" not in said and "Traceback" not in said, said
    status = {check["name"]: check["status"] for check in result["checks"]}
    for name in wanted("not judged").split():
        assert status[name] == NOT_JUDGED, (name, status[name])
    if wanted("suspicion"):
        assert any(wanted("suspicion") in one for one in result["suspicions"]), result["suspicions"]
    else:
        assert result["suspicions"] == []


@pytest.mark.parametrize("battling", NAMES)
def test_it_gets_what_it_deserves(battle, battling):
    name = battling
    need_tier("bubblewrap")
    result = battle.results["bubblewrap", name].result()
    assert result["tier"] == "bubblewrap"
    judge(result, lambda field: fields(name).get(field, ""))


@pytest.mark.parametrize("tier, battling", ELSEWHERE)
def test_and_in_weaker_tiers(battle, tier, battling):
    name = battling
    need_tier(tier)
    result = battle.results[tier, name].result()
    assert result["tier"] == tier
    judge(result, lambda field: fields(name).get("%s in %s" % (field, tier), fields(name).get(field, "")))


def test_nothing_is_left_of_them(battle, root):
    for result in battle.results.values():
        result.exception()
    end = time.monotonic() + 10
    left: List[str] = ["?"]
    while left and time.monotonic() < end:
        left = [runs for runs in (proc.program(int(pid)) for pid in os.listdir("/proc") if pid.isdigit())
                if runs.startswith(str(battle.folder))]
        time.sleep(0.01)  # between two looks at a fact
    assert left == []
    assert files_of(root) == battle.before
    assert sorted(os.listdir(battle.home)) == ["diary"] and (battle.home / "diary").read_text() == "mine"


def test_the_next_one_gets_all_its_points(battle, root, build, tmp_path):
    for result in battle.results.values():
        result.exception()
    result = grade_in_a_process(root, build, root / "labs" / "lab2-one-listener" / "server.c", tmp_path, "")
    assert (result["score"], result["suspicions"]) == (100, []), told(result)
    assert result["tier"] == isolate.best_tier()


# ---- names, and files that are no C: made here, as git and other people's tools should not have to bear them

NAMED = ["two words.c", "it's \"quoted\".c", ";rm -rf diary;.c", "$(rm -rf diary).c", "new\nline.c", "-o.c", "-fplugin=x.c",
         "@options.c", "\x1b[2J.c", "tab\tand \\.c", "\udcff.c", "%s%n.c", "<b>&amp;.c", "'; DROP TABLE students; --.c"]


@pytest.mark.parametrize("number", range(len(NAMED)))
def test_a_name_is_only_a_name(root, build, tmp_path, number):
    name = NAMED[number]
    (tmp_path / "diary").write_text("mine")
    folder = tmp_path / (name + " of a student")
    folder.mkdir()
    (folder / name).write_text((root / "labs" / "lab2-one-listener" / "server.c").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "fdlab.grade", "--compile", compiler().replace("-Icommon", "-I%s/common" % root), "--helpers",
         str(build / "common" / "helpers.a"), "--build", str(build), "--check", "connect.three", "--format",
         ("text", "json", "junit")[number % 3], "--", "lab2", name], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=600, env={**os.environ, "PYTHONPATH": str(root / "harness")})
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"\x1b" not in done.stdout and done.stderr == b""
    assert (tmp_path / "diary").read_text() == "mine" and os.listdir(folder) == [name]


@pytest.mark.parametrize("content, says", [
    (b"", "undefined reference to `main'"), (bytes(range(256)) * 400, "error: "),
    (b"\x7fELF\x02\x01\x01" + bytes(5000), "error: "),
    (b"\xff\xfe" + "int main(void) { return 0; }".encode("utf-16-le"), "error: "), (b"PK\x03\x04" + bytes(3000), "error: ")],
    ids=["empty", "every byte", "a program", "UTF-16", "a zip"])
def test_what_is_no_c_does_not_compile(root, build, tmp_path, content, says):
    (tmp_path / "server.c").write_bytes(content)
    result = grade_in_a_process(root, build, tmp_path / "server.c", tmp_path, "")
    assert not result["compiled"] and result["score"] == 0
    assert says in result["compiler"] and all(char == "\n" or char == "\t" or char.isprintable() for char in result["compiler"])


def test_a_folder_is_no_submission(root, build, tmp_path):
    (tmp_path / "server.c").mkdir()
    done = subprocess.run([sys.executable, "-m", "fdlab.grade", "lab2", str(tmp_path / "server.c"), "--build", str(build)],
                          cwd=root, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "PYTHONPATH": str(root / "harness")})
    assert done.returncode == 2
    assert done.stderr == "SRC=%s: that is a folder, and should be a C file\n" % (tmp_path / "server.c")
