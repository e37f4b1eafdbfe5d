"""harness/tests/test_class.py: a class is graded whole: nobody is lost, nothing is graded twice, no name does harm."""
from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from conftest import need
from fdlab import grade, isolate
from fdlab.klass import one, plan, progress, shard
from test_grade import compiler

ROWS = "class.csv"
BROKEN = "int main(void)\n{\n\treturn x%d;\n}\n"   # an answer is known at once: it does not compile
STRANGE = ["$(touch PWNED)", "`touch PWNED`", "a\nb: ; touch PWNED", "';touch PWNED;'", '"; touch PWNED; "', "# % $@ $$ \\", "-rf", "~",
           "a b\tc", "\u202egnp", "=1+1", "<script>x</script>", "김민수", os.fsdecode(b"caf\xe9"), "touch PWNED &", "{ids}%(ids)s"]


def make_class(root: Path, build: Path, what: str, *words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment.update(more.pop("env", {}))
    return subprocess.run(["make", what, "LAB=lab2", "BUILD=%s" % build, "PYTHON=%s" % sys.executable, *words], cwd=root,
                          capture_output=True, text=True, timeout=280, env=environment, **more)


def class_of(tmp_path: Path, names: List[str], name: str = "handed in") -> Path:
    """A folder of folders, each with a program that does not compile."""
    for n, each in enumerate(names):
        (tmp_path / name / each).mkdir(parents=True)
        (tmp_path / name / each / "server.c").write_text(BROKEN % n)
    return tmp_path / name


def rows(out: Path) -> List[Dict[str, str]]:
    with open(out / ROWS, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def results(out: Path) -> Dict[str, Tuple[int, Dict[str, Any]]]:
    """By id: which file it is (another one after each writing), and what is in it."""
    return {path.parent.name: (path.stat().st_ino, json.loads(path.read_text())) for path in out.glob("students/*/result.json")}


def untimed(told: Any) -> Any:
    """A grade without what differs between two runs: how long, when, which port a client had, how often a loop went round."""
    text = json.dumps({**told, "checks": [{**check, "trace": " ".join(check["trace"])} for check in told["checks"]]})
    text = re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', text)
    return re.sub(r"\d+(\.\d+)?( ?(us|ms|s)\b)?", "N", re.sub(r" +", " ", text))


# ---- the whole of it

def test_strange_names_and_people_without_a_program(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, STRANGE), tmp_path / "out $x"
    (handed_in / "nothing").mkdir()
    (handed_in / "two").mkdir()
    (handed_in / "two" / "a.c").write_text("")
    (handed_in / "two" / "b.c").write_text("")
    (handed_in / "kim.pdf").write_text("")
    (handed_in / "lee.c").symlink_to("/etc/passwd")
    done = make_class(root, build, "class", "SUBMISSIONS=%s" % handed_in, "OUT=%s" % str(out).replace("$", "$$"), "-j3")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = rows(out)
    assert len(found) == len(STRANGE) + 4
    assert all(row["state"] == "not compiling" and row["score"] == "0" for row in found if row["file"] == "server.c")
    remarks = {row["student"]: row["remark"] for row in found if row["state"] == "nothing to grade"}
    assert remarks == {"nothing": "no .c file was handed in, nothing at all was", "kim.pdf": "no .c file was handed in: there is kim.pdf",
                       "two": "2 .c files were handed in, and it is not clear which is the server: a.c, b.c. Leave one, or call it server.c",
                       "lee": "lee.c is a link: it is not read"}
    assert not list(tmp_path.rglob("PWNED")) and not (root / "PWNED").exists()
    assert all(re.fullmatch(r"[a-z0-9-]+", row["id"]) for row in found) and len({row["id"] for row in found}) == len(found)
    for row in found:  # an answer for each of them, in a file
        assert (out / "students" / row["id"] / "feedback.txt").read_text()
        assert (out / "students" / row["id"] / "index.html").exists()
    assert re.fullmatch(r"[ -~\n\t]*", (out / "class.mk").read_text()) and "touch " not in (out / "class.mk").read_text()
    assert re.search(r"^lab2: 17 of 20 done, \d running", done.stdout, re.MULTILINE)
    assert "\x1b" not in done.stdout and "\u202e" not in done.stdout and "\r" not in done.stdout
    assert "20 submissions: 16 not compiling, 4 nothing to grade" in done.stdout


def test_only_what_has_changed_is_graded_anew(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, ["ann", "bob", "cho"]), tmp_path / "out"
    words = ["SUBMISSIONS=%s" % handed_in, "OUT=%s" % out, "-j2"]
    assert make_class(root, build, "class", *words).returncode == 0
    first = results(out)
    tables = [(out / name).read_bytes() for name in ("class.csv", "class.html")]
    for path in handed_in.rglob("*"):  # times say nothing
        os.utime(path)
    done = make_class(root, build, "class", *words)
    assert "3 submissions, 0 to be graded, the others stay as they are" in done.stdout
    assert results(out) == first and tables == [(out / name).read_bytes() for name in ("class.csv", "class.html")]
    (handed_in / "bob" / "server.c").write_text(BROKEN % 77)
    (handed_in / "dan").mkdir()
    (handed_in / "dan" / "server.c").write_text(BROKEN % 78)
    assert "4 submissions, 2 to be graded" in make_class(root, build, "class", *words).stdout
    changed = {one_id.rpartition("-")[0] for one_id, found in results(out).items() if first.get(one_id) != found}
    assert changed == {"bob", "dan"}
    assert "'x77'" in (out / "students" / next(one for one in first if one.startswith("bob")) / "feedback.txt").read_text()
    shutil.rmtree(handed_in / "dan")
    (out / "students" / next(one for one in first if one.startswith("ann")) / "result.json").write_text("{")  # by a full disk
    done = make_class(root, build, "class", *words)
    assert "3 submissions, 1 to be graded" in done.stdout
    assert [row["student"] for row in rows(out)] == ["ann", "bob", "cho"]


def settings(built: Path, **more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"lab": "lab2", "compile": compiler(), "helpers": str(built / "common" / "helpers.a"), "build": str(built),
                                 "tier": "", "seed": 1, "points": None, "side_by_side": 2, "deadline": 100, "grader": "g", **more})


def with_sum(options: argparse.Namespace) -> argparse.Namespace:
    options.tier = isolate.best_tier()
    options.grader = plan.grader_sum(options, options.tier)
    return options


def test_another_grader_or_other_points_are_another_sum(build, root, tmp_path, monkeypatch):
    for name in ("fdtrace", "keeper", "libfdtrace.so"):
        (tmp_path / name).write_bytes(b"1")
    points = tmp_path / "points.txt"
    points.write_text("1\techo.all\n")
    options = settings(build, build=str(tmp_path), points=str(points), compile="cc")
    sums = [plan.grader_sum(options, "unshare")]
    os.utime(points)
    assert plan.grader_sum(options, "unshare") == sums[0]
    for path in (points, tmp_path / "fdtrace", tmp_path / "libfdtrace.so"):
        path.write_bytes(b"2")
        sums.append(plan.grader_sum(options, "unshare"))
    sums.append(plan.grader_sum(options, "bubblewrap"))
    sums.append(plan.grader_sum(settings(build, build=str(tmp_path), points=str(points), compile="cc -O2"), "unshare"))
    harness = tmp_path / "harness"
    shutil.copytree(root / "harness", harness, ignore=shutil.ignore_patterns("tests", "submissions", "__pycache__"))
    monkeypatch.setattr(grade, "HARNESS", str(harness))
    assert plan.grader_sum(options, "unshare") == sums[3]
    for name in ("checks/lab2.py", "checks/shared.py", "checks/conftest.py", "sessions/lab2.py", "fdlab/isolate.py", "fdlab/launcher.py"):
        with open(harness / name, "a", encoding="utf-8") as file:
            file.write("# \n")
        sums.append(plan.grader_sum(options, "unshare"))
    assert len(set(sums)) == len(sums)
    with open(harness / "checks" / "lab1.py", "a", encoding="utf-8") as file:
        file.write("# \n")
    assert plan.grader_sum(options, "unshare") == sums[-1]  # another lab's checks are none of ours


def test_a_run_that_is_killed_goes_on_where_it_was(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, ["s%02d" % n for n in range(14)]), tmp_path / "out"
    words = ["SUBMISSIONS=%s" % handed_in, "OUT=%s" % out]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    running = subprocess.Popen(["make", "class", "LAB=lab2", "BUILD=%s" % build, "PYTHON=%s" % sys.executable, *words, "-j2"],
                               cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=environment)
    until = time.monotonic() + 120
    while not list(out.glob("students/*/result.json")):
        assert time.monotonic() < until and running.poll() is None
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    before = results(out)  # each of them whole: json.loads() says so
    assert 0 < len(before) < 14
    done = make_class(root, build, "class", *words, "-j2")
    assert done.returncode == 0, done.stderr
    assert "14 submissions, %d to be graded" % (14 - len(before)) in done.stdout
    after = results(out)
    assert len(after) == 14 and {one_id: after[one_id] for one_id in before} == before
    assert not list(out.rglob("*.part")) and not list(out.glob("students/*/work"))


def test_ctrl_c_says_what_is_kept(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, ["s%02d" % n for n in range(14)]), tmp_path / "out"
    running = subprocess.Popen(["make", "class", "LAB=lab2", "BUILD=%s" % build, "PYTHON=%s" % sys.executable, "OUT=%s" % out,
                                "SUBMISSIONS=%s" % handed_in], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    until = time.monotonic() + 120
    while not list(out.glob("students/*/result.json")):
        assert time.monotonic() < until and running.poll() is None
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode != 0 and "Traceback" not in said
    assert "stopped; what is graded stays in %s, and the same command goes on from there" % out in said
    assert 0 < len(results(out)) < 14


def test_two_at_the_same_results(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, ["ann"]), tmp_path / "out"
    out.mkdir()
    import fcntl
    with open(out / "class.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = make_class(root, build, "class", "SUBMISSIONS=%s" % handed_in, "OUT=%s" % out)
    assert done.returncode == 2 and "another `make class` is at work on " in done.stderr


# ---- the same as one by one

def test_a_result_is_what_make_grade_says(root, build, tmp_path):
    names = ["bad/usage_exit_1", "bad/short_send_lost"]   # not one that spins: where in its round it is stopped is chance
    out, alone = tmp_path / "out", {}
    for n, name in enumerate(names):
        folder = tmp_path / "handed in" / ("s%d" % n)
        folder.mkdir(parents=True)
        shutil.copy(root / "harness" / "submissions" / "lab2" / (name + ".c"), folder / "server.c")
        done = subprocess.run([sys.executable, "-m", "fdlab.grade", "lab2", "server.c", "--format", "json",
                               "--compile", compiler().replace("-I", "-I%s/" % root), "--build", str(build.resolve()),
                               "--helpers", str((build / "common" / "helpers.a").resolve()), "--traces", str(tmp_path / "alone")],
                              cwd=folder, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root / "harness")}, timeout=200)
        alone["s%d" % n] = json.loads(done.stdout.replace("%s/" % (tmp_path / "alone"), ""))
    done = make_class(root, build, "class", "SUBMISSIONS=%s" % (tmp_path / "handed in"), "OUT=%s" % out, "-j2")
    assert done.returncode == 0, done.stderr
    in_class = {one_id.partition("-")[0]: found for one_id, (_, found) in results(out).items()}
    for name, found in alone.items():
        graded = in_class[name]["grade"]
        assert [(check["name"], check["status"], check["points"]) for check in graded["checks"]] == [
            (check["name"], check["status"], check["points"]) for check in found["checks"]]
        assert untimed(graded) == untimed(found)
    failed = {name: sorted(found["traces"]) for name, found in in_class.items()}
    assert failed == {"s0": ["args.usage"], "s1": ["short_send.completed"]}
    for one_id, (_, found) in results(out).items():
        for check in found["traces"]:
            traces = out / "students" / one_id / "traces"
            assert (traces / (check + ".fdt")).exists() and "<html" in (traces / (check + ".html")).read_text()
            assert 'href="traces/%s.html"' % check in (traces.parent / "index.html").read_text()
        assert sorted(path.name for path in (out / "students" / one_id).iterdir()) == [
            "entry.json", "feedback.txt", "index.html", "result.json", "server.c", "traces"]


# ---- a grader that fails

@pytest.fixture
def student(tmp_path) -> Tuple[Path, str]:
    folder = tmp_path / "students" / "ann-1"
    folder.mkdir(parents=True)
    (folder / "server.c").write_text(BROKEN % 1)
    plan.save(plan.Student("ann-1", "Ann", "", False, "ann", "server.c", "", "", "s")._asdict(), str(folder / "entry.json"))
    return tmp_path, "ann-1"


@pytest.mark.parametrize("befalls, problem", [
    (lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL), "the grader was killed by signal 9"),
    (lambda *_, **__: os._exit(3), "the grader ended with status 3"),
    (lambda *_, **__: 1 // 0, "the grader failed: ZeroDivisionError: "),
    (lambda *_, **__: signal.pause(), "the grader was not finished after 1 s")])
def test_a_grader_that_fails_is_told_and_tried_again(student, build, monkeypatch, befalls, problem):
    out, name = student
    monkeypatch.setattr(grade, "grade", befalls)
    one.work(name, settings(build, out=str(out), deadline=1 if "after" in problem else 100))
    found = plan.load(str(out / "students" / name / "result.json"))
    assert found["problem"].startswith(problem) and found["grade"] is None and not found["final"]
    entry = plan.Student(**plan.load(str(out / "students" / name / "entry.json")))
    assert not plan.is_done(str(out), entry, "g")
    monkeypatch.undo()
    options = with_sum(settings(build, out=str(out)))
    one.work(name, options)
    assert plan.is_done(str(out), entry, options.grader) and not plan.is_done(str(out), entry, "another")
    assert plan.load(str(out / "students" / name / "result.json"))["grade"]["compiled"] is False
    options.grader = "tools that were changed meanwhile"
    one.work(name, options)
    assert not plan.is_done(str(out), entry, options.grader)


def test_a_check_that_the_grader_could_not_make_is_made_again(student, build, tmp_path):
    out, name = student
    shutil.copy(Path(grade.ROOT) / "labs" / "lab2-one-listener" / "server.c", out / "students" / name / "server.c")
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "fdtrace").write_text("#!/bin/sh\necho 'fdtrace: out of order' >&2\nexit 125\n")
    (tmp_path / "built" / "fdtrace").chmod(0o755)
    (tmp_path / "built" / "keeper").symlink_to(build / "keeper")
    one.work(name, with_sum(settings(build, out=str(out), build=str(tmp_path / "built"))))
    found = plan.load(str(out / "students" / name / "result.json"))
    assert found["grade"] and not found["final"]


# ---- several machines

@pytest.mark.parametrize("text, environment, found", [
    ("", {}, None), ("2/8", {}, (2, 8)), ("1/1", {"SLURM_ARRAY_TASK_ID": "7"}, (1, 1)),
    ("", {"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "4"}, (1, 4)),
    ("", {"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "3"}, (1, 4)),
    ("", {"SLURM_ARRAY_TASK_ID": "30", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "10", "SLURM_ARRAY_TASK_MAX": "40",
          "SLURM_ARRAY_TASK_STEP": "10"}, (3, 4)),
    ("/8", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "4"}, (3, 8)),
    ("/8", {"JOB_COMPLETION_INDEX": "0"}, (1, 8)), ("", {"JOB_COMPLETION_INDEX": "7", "JOB_COMPLETIONS": "8"}, (8, 8)),
    ("3/4", {"JOB_COMPLETION_INDEX": "0", "JOB_COMPLETIONS": "9"}, (3, 4))])
def test_the_part_of_a_machine(text, environment, found):
    assert shard.of(text, environment) == found


@pytest.mark.parametrize("text, environment, problem", [
    ("2", {}, "SHARD=2: it is i/n, like 2/8"), ("0/4", {}, "0/4: there is no such part"), ("5/4", {}, "5/4: there is no such part"),
    ("1/0", {}, "1/0: there is no such part"), ("a/b", {}, "SHARD=a/b: it is i/n"), ("/4", {}, "without a number in front"),
    ("", {"JOB_COMPLETION_INDEX": "1"}, "set JOB_COMPLETIONS, or SHARD=/8"),
    ("", {"JOB_COMPLETION_INDEX": "9", "JOB_COMPLETIONS": "8"}, "10/8: there is no such part"),
    ("", {"SLURM_ARRAY_TASK_ID": "x", "SLURM_ARRAY_TASK_COUNT": "4"}, "SLURM_ARRAY_TASK_ID=x: it is to be a number"),
    ("", {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_MAX": "4"},
     "no row without gaps")])
def test_a_part_that_there_is_not(text, environment, problem):
    with pytest.raises(shard.ShardError, match=re.escape(problem)):
        shard.of(text, environment)


def test_all_parts_together_are_all():
    for total in (0, 1, 7, 400):
        for count in (1, 2, 3, 8):
            parts = [[n for n in range(total) if shard.Shard(part, count).has(n)] for part in range(1, count + 1)]
            assert sorted(sum(parts, [])) == list(range(total))
            assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_parts_are_graded_apart_and_put_together(root, build, tmp_path):
    handed_in = class_of(tmp_path, ["ann", "bob", "cho", "dan", "eve"])
    words, whole = ["SUBMISSIONS=%s" % handed_in, "-j2"], tmp_path / "whole"
    slurm = {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_MIN": "5", "SLURM_ARRAY_TASK_MAX": "6", "SLURM_ARRAY_TASK_COUNT": "2"}
    done = make_class(root, build, "class", *words, "OUT=%s" % (tmp_path / "one"), env=slurm)
    assert done.returncode == 0 and "3 submissions of 5 (part 1 of 2), 3 to be graded" in done.stdout, done.stderr
    assert not (tmp_path / "one" / ROWS).exists()
    done = make_class(root, build, "merge", *words, "OUT=%s" % whole, "FROM=%s" % (tmp_path / "one"))
    assert done.returncode == 2 and "5 submissions: 3 not compiling, 2 no result" in done.stdout
    assert re.search("^  (bob|dan): it was not graded yet$", done.stdout, re.MULTILINE)
    assert [row["state"] for row in rows(whole)].count("no result") == 2
    done = make_class(root, build, "class", *words, "OUT=%s" % (tmp_path / "two"), "SHARD=/2", env={"JOB_COMPLETION_INDEX": "1"})
    assert done.returncode == 0 and "2 submissions of 5 (part 2 of 2), 2 to be graded" in done.stdout, done.stderr
    done = make_class(root, build, "merge", *words, "OUT=%s" % whole, "FROM=%s %s" % (tmp_path / "one", tmp_path / "two"))
    assert done.returncode == 0 and "5 submissions: 5 not compiling" in done.stdout and "beware" not in done.stdout
    assert make_class(root, build, "class", *words, "OUT=%s" % (tmp_path / "at once")).returncode == 0
    assert rows(whole) == rows(tmp_path / "at once")
    done = make_class(root, build, "class", *words, "OUT=%s" % whole)  # what was merged needs no grading
    assert "0 to be graded" in done.stdout
    done = make_class(root, build, "merge", *words, "OUT=%s" % whole, "FROM=%s" % tmp_path)
    assert done.returncode == 2 and "is no OUT of a `make class`" in done.stderr


def test_gnu_parallel(root, build, tmp_path):
    handed_in, out = class_of(tmp_path, ["ann", "bob", "cho"]), tmp_path / "out"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run([need("parallel"), "-j2", "make", "class", "LAB=lab2", "BUILD=%s" % build, "PYTHON=%s" % sys.executable,
                           "SUBMISSIONS=%s" % str(handed_in).replace(" ", "\\ "), "OUT=%s" % out, "SHARD={}/2", ":::", "1", "2"], cwd=root,
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    done = make_class(root, build, "merge", "SUBMISSIONS=%s" % handed_in, "OUT=%s" % out)
    assert done.returncode == 0 and "3 submissions: 3 not compiling" in done.stdout


# ---- make

@pytest.mark.parametrize("flags, jobs, kept", [
    ("", 1, " -j1"), ("rR --no-print-directory -- SUBMISSIONS=-j9", 1, " -j1"),
    (" -j4 --jobserver-auth=3,4 -- LAB=lab2", 4, " -j4 --jobserver-auth=3,4"),
    ("s -j --jobserver-auth=fifo:/tmp/x", os.cpu_count(), " -j --jobserver-auth=fifo:/tmp/x"), (" -j", os.cpu_count(), " -j%d" % os.cpu_count())])
def test_the_jobs_are_those_of_make(flags, jobs, kept):
    assert progress.jobs_of({"MAKEFLAGS": flags}) == jobs
    assert progress._make_environment({"MAKEFLAGS": flags, "HOME": "/x"}) == {"HOME": "/x", "MAKEFLAGS": kept}


@pytest.mark.parametrize("seconds, words", [(3, "5 s"), (42, "40 s"), (100, "2 min"), (3000, "50 min"), (15000, "4 h 10 min")])
def test_time_to_go(seconds, words):
    assert progress.spoken(seconds) == words


def test_the_line_is_rewritten_on_a_terminal(monkeypatch, capsys):
    meter = progress.Meter("lab2", 4, 1)
    meter.is_terminal = True
    for text in ("begin a", "begin b", "end a"):
        meter.hear(text)
    out = capsys.readouterr().out
    assert out.count("\n") == 0
    assert re.fullmatch(r"lab2: 2 of 5 done, 1 running, 2 left, about \d+ s to go", out.rpartition("\r")[2].replace("\x1b[K", ""))


def test_make_n_grades_nothing(root, build, tmp_path):
    done = make_class(root, build, "class", "-n", "SUBMISSIONS=%s" % class_of(tmp_path, ["ann"]), "OUT=%s" % (tmp_path / "out"))
    assert done.returncode == 0 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("submissions, out, words, problem", [
    ("nowhere", "out", [], "SUBMISSIONS=nowhere: there is no such folder or zip"),
    ("README.md", "out", [], "README.md: it is neither a folder nor a zip that can be read"),
    ("{0}", "out", [], "nothing lies there. It is to be a folder with a folder or a C file for each student"),
    ("", "out", [], "SUBMISSIONS= names the folder or the zip with what was handed in"),
    ("{0}", "empty/out", [], "it lies in SUBMISSIONS, and would be taken for a student"),
    ("{0}", "taken", [], "taken: that is to be a folder, and cannot be one (Not a directory); choose another place"),
    ("{0}", "out", ["--shard", "9/8"], "9/8: there is no such part"),
    ("{0}", "out", ["--tier", "iron"], '"iron": a tier is one of bubblewrap'),
    ("{0}", "out", ["--points", "README.md"], "README.md:3: a line is points<TAB>check")])
def test_bad_arguments(root, build, tmp_path, submissions, out, words, problem):
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").touch()
    done = subprocess.run([sys.executable, "-m", "fdlab.klass", "--build", str(build), *words, "--", "run", "lab2",
                           submissions.format(tmp_path / "empty"), str(tmp_path / out)], cwd=root, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(root / "harness")}, timeout=100)
    assert done.returncode == 2 and problem in done.stderr
    assert done.stdout == "" and done.stderr.count("\n") == 1 and not list(tmp_path.glob("**/students/*"))


@pytest.mark.parametrize("words, problem", [([], "SUBMISSIONS= names the folder"), (["SUBMISSIONS=common", "LAB=lab9"],
                                                                                     "LAB=lab9: there are checks for lab1, lab2")])
def test_bad_arguments_of_make(root, build, tmp_path, words, problem):
    done = make_class(root, build, "class", "OUT=%s" % (tmp_path / "out"), *words)
    assert done.returncode == 2 and problem in done.stderr and "Traceback" not in done.stderr
