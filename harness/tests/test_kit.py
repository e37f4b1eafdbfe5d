"""harness/tests/test_kit.py: what leaves the instructor's hands works where it is unpacked, and has nothing that it must not have."""
from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from conftest import ROOT, need
from fdlab import grade, kit
from fdlab.gradescope import chosen
from fdlab.kit import KitError, regions, without_hidden, without_instructor, without_solutions
from fdlab.result import TODO

SERVERS = {"lab1": "labs/lab1-many-listeners/server.c", "lab2": "labs/lab2-one-listener/server.c"}
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "FDLAB_", "PYTHON"))}
DATED = {**CLEAN, "GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000", "HOME": "/nonexistent"}


def run(where: Path, *words: str, timeout: float = 900, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(words, cwd=where, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout,
                          env={**CLEAN, "LC_ALL": "C.UTF-8", **more})


def make_tree(where: Path) -> Path:
    for name in kit.tracked(ROOT):
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, where / name)
    return where


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources, which fdlab.kit takes for its own."""
    monkeypatch.setattr(kit, "ROOT", make_tree(tmp_path / "tree"))
    return kit.ROOT


def append(path: Path, text: str) -> int:
    """The number of the line with which `text` begins."""
    before = path.read_text()
    path.write_text(before + text)
    return before.count("\n") + 1


def refused() -> List[str]:
    with pytest.raises(KitError) as error:
        kit.make()
    return str(error.value).split("\n")


# ---- markers

GOOD = "/* Do it. */\n/* BEGIN SOLUTION */\nit();\n/* END SOLUTION */\nrest();\n"


def test_a_solution_becomes_a_place_to_write_in():
    assert without_solutions("a.c", GOOD) == ("/* Do it. */\n%s\nrest();\n" % TODO, [1, 2, 5, 6], [["it();"]])
    indented = GOOD.replace("/*", "\t/*")
    assert without_solutions("a.c", indented).text == "\t/* Do it. */\n\t%s\nrest();\n" % TODO
    assert without_solutions("a.c", GOOD + GOOD).solutions == [["it();"], ["it();"]]


@pytest.mark.parametrize("text, problem", [
    (GOOD.replace("/* END SOLUTION */\n", ""), "a.c:2: BEGIN SOLUTION without its END"),
    (GOOD.replace("/* BEGIN SOLUTION */\n", ""), "a.c:3: END SOLUTION without its BEGIN"),
    (GOOD.replace("it();", "/* BEGIN SOLUTION */"), "a.c:3: BEGIN SOLUTION, and the one of line 2 has not ended"),
    (GOOD + "/* END SOLUTION */\n", "a.c:6: END SOLUTION without its BEGIN"),
    (GOOD.replace("/* BEGIN SOLUTION */", "x; /* BEGIN SOLUTION */"),
     "a.c:2: a marker is alone in its line: /* BEGIN SOLUTION */"),
    (GOOD.replace("/* END SOLUTION */", "// END SOLUTION"), "a.c:4: a marker is alone in its line: /* BEGIN SOLUTION */"),
    (GOOD.replace("/* Do it. */\n", "int x;\n"), "a.c:2: above a solution stands a comment that says what to write"),
    (GOOD[len("/* Do it. */\n"):], "a.c:1: above a solution stands a comment that says what to write")])
def test_markers_that_do_not_fit_are_told_with_their_line(text, problem):
    with pytest.raises(KitError) as error:
        without_solutions("a.c", text)
    assert str(error.value) == problem


def test_what_is_for_instructors_is_left_out():
    for begin, end in (("# BEGIN INSTRUCTOR", "# END INSTRUCTOR"), ("<!-- BEGIN INSTRUCTOR -->", "<!-- END INSTRUCTOR -->")):
        assert without_instructor("a", "a\n\n%s\nb\n%s\n\nc\n" % (begin, end)) == ("a\n\nc\n", [1, 2, 7, 8], [])
    assert regions("a", ["for INSTRUCTORs: BEGIN and END"], "INSTRUCTOR") == []


# ---- what ends it

def test_a_marker_where_it_would_stay_in_is_an_error(tree):
    line = append(tree / "handouts" / "lab1.md", "<!-- BEGIN SOLUTION -->\n")
    assert refused() == ["handouts/lab1.md:%d: BEGIN SOLUTION without its END" % line]
    append(tree / "handouts" / "lab1.md", "x\n<!-- END SOLUTION -->\n")
    assert refused() == ["handouts/lab1.md:%d: a solution stands in labs/ or common/, in a file of C" % line]


def test_all_markers_that_do_not_fit_are_told_at_once(tree):
    for lab in SERVERS:
        text = (tree / SERVERS[lab]).read_text()
        (tree / SERVERS[lab]).write_text(text.replace("/* END SOLUTION */\n", "", 1))
    assert [problem.partition(":")[0] for problem in refused()] == sorted(SERVERS.values())


@pytest.mark.parametrize("where, text, on", [
    ("handouts/lab2.md", "```c\n\tready_count = select(server->max_fd + 1, &ready_set, NULL, NULL, server->has_timer || resting"
                         " ? &left : NULL);\n```\n", 1),                                    # one long line
    ("handouts/ko/lab2.md", "Then `FD_CLR(client_fd, &server->watch_set);` is missing.\n", 0),       # a whole solution, in words
    ("common/lab.c", "/*\n * while (size > 0) {\n *   data += sent;\n *\n *   if (sent == -1 && errno == EINTR)\n"
                     " *           continue;\n *   if (sent == -1)\n */\n", 4),             # two lines of it, in a comment
    ("labs/lab1-many-listeners/server.c",
     "/*\n\tFD_SET(client_fd, &server->watch_set);\n\tif (client_fd > server->max_fd)\n*/\n", 1),
    ("trace/README.md", "-\tif (received > 0 && !send_all(client_fd,\tbuffer, (size_t)received)) {\n", 0)])    # in a diff
def test_a_solution_in_another_file_is_found(tree, where, text, on):
    line = append(tree / where, text)
    assert [problem.partition(": ")[0] for problem in refused()][:1] == ["%s:%d" % (where, line + on)]


def test_a_link_to_what_is_not_in_it_is_found(tree):
    line = append(tree / "handouts" / "lab1.md", "\n[how it is graded](../harness/submissions/lab1/bad/no_echo.c)\n")
    assert refused() == ["handouts/lab1.md:%d: ../harness/submissions/lab1/bad/no_echo.c: there is no such file" % (line + 1)]


def test_make_kit_says_it_in_its_lines_and_writes_nothing(tmp_path):
    tree = make_tree(tmp_path / "tree")
    append(tree / "README.md", "<!-- END INSTRUCTOR -->\n")
    done = run(tree, "make", "kit")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.match(r"README\.md:\d+: END INSTRUCTOR without its BEGIN\n", done.stderr)
    assert not (tree / "build" / "fdlab-kit.tar.gz").exists()


# ---- what is in it

@pytest.fixture(scope="module")
def made() -> kit.Made:
    return kit.make()


def test_no_file_is_in_it_that_must_not_be(made):
    for path in made.texts:
        assert not re.search(r"submissions|harness/(tests|gradescope)|answers|instructor|matrix|flicker|excerpts|/kit\.py|bench", path)
    for path, text in made.texts.items():
        assert not re.search(r"(BEGIN|END) (SOLUTION|INSTRUCTOR)", text), path


def test_no_line_of_a_solution_is_in_it(made):
    """The search by another way: no 60 letters and digits in a row of any solution."""
    windows: Dict[str, str] = {}
    for path in SERVERS.values():
        for part in without_solutions(path, (ROOT / path).read_text()).solutions:
            squeezed = re.sub(r"\W", "", "\n".join(part))
            windows.update((squeezed[n:n + 60], path) for n in range(len(squeezed) - 59))
    for path, text in made.texts.items():
        squeezed = re.sub(r"\W", "", text)
        assert [window for window in windows if window in squeezed] == [], path


def test_its_targets_have_all_they_need(made):
    text = made.texts["Makefile"]
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", text, re.M))
    assert {"help", "build", "lab1", "lab2", "serve", "client", "player", "grade", "clean"} <= targets
    assert not {"kit", "gradescope", "test", "grade-grader", "handouts", "bench", "fuzz"} & targets
    for module in re.findall(r"-m fdlab\.(\w+)", text):
        assert "harness/fdlab/%s.py" % module in made.texts
    for phony in re.findall(r"^\.PHONY: ([a-z -]+)", text, re.M):
        assert set(phony.split()) <= targets


def test_the_same_commit_gives_the_same_bytes(tmp_path):
    need("git")
    kits, zips = [], []
    for n, umask in enumerate((0o022, 0o077)):
        tree = make_tree(tmp_path / ("tree%d" % n))
        for path in tree.rglob("*"):
            os.utime(path, (n, n))
        for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "a"]):
            subprocess.run(["git", *words], cwd=tree, check=True, env=DATED)
        (tree / "stray.c").write_text("not of the commit\n")
        (tree / "handouts" / "stray.md").write_text("not of the commit\n")
        old = os.umask(umask)
        try:
            done = run(tree, "make", "kit", "gradescope")
        finally:
            os.umask(old)
        assert done.returncode == 0, done.stderr
        assert done.stderr == "note: handouts/stray.md is not as in the commit\n" * 2
        kits.append((tree / "build" / "fdlab-kit.tar.gz").read_bytes())
        zips.append((tree / "build" / "gradescope-lab2.zip").read_bytes())
    assert kits[0] == kits[1] and zips[0] == zips[1]
    with tarfile.open(fileobj=io.BytesIO(kits[0])) as tar:
        assert {entry.mtime for entry in tar} == {1700000000}
        assert {entry.name.partition("/")[0] for entry in tar} == {"fdlab-kit"}
        assert {oct(entry.mode) for entry in tar} <= {"0o644", "0o755"} and {(entry.uid, entry.gid) for entry in tar} == {(0, 0)}
        assert not [entry.name for entry in tar if "stray" in entry.name]


# ---- it works where it is unpacked

@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("students")
    done = run(ROOT, "make", "kit", "BUILD=%s" % where)
    assert done.returncode == 0, done.stderr
    with tarfile.open(where / "fdlab-kit.tar.gz") as tar:
        tar.extractall(where)
    done = run(where / kit.TOP, "make", "-j2", "build", "WERROR=1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return where / kit.TOP


@pytest.mark.parametrize("cc, package", [("gcc", "gcc"), ("clang", "clang"), ("musl-gcc", "musl-tools")])
@pytest.mark.parametrize("flags", ["-g -O1", "-O3"])
def test_the_starters_compile_without_a_warning(unpacked, tmp_path, cc, package, flags):
    need(cc, package)
    done = run(unpacked, "make", "BUILD=%s" % tmp_path, "CC=" + cc, "CFLAGS=" + flags, "WERROR=1",
               *["%s/%s/server" % (tmp_path, lab) for lab in SERVERS])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("lab, places", [("lab1", 3), ("lab2", 5)])
def test_the_starter_fails_and_says_what_to_do_next(unpacked, lab, places):
    played = run(unpacked, "make", lab)
    assert played.returncode == 2 and "server: select: Function not implemented (ENOSYS)" in " ".join(played.stdout.split())
    graded = run(unpacked, "make", "grade", "LAB=" + lab)
    assert graded.returncode == 2 and "Traceback" not in graded.stdout + graded.stderr
    lines = [n for n, line in enumerate((unpacked / SERVERS[lab]).read_text().split("\n"), 1) if TODO in line]
    assert len(lines) == places
    assert "NEXT %s still says YOUR CODE HERE in lines %s. The comment above each says what to write." % (
        SERVERS[lab], ", ".join(map(str, lines))) in " ".join(graded.stdout.split())
    assert "Function not implemented" in graded.stdout and re.search(r"^Score: [0-9] of 100$", graded.stdout, re.M)


@pytest.mark.parametrize("lab", SERVERS)
def test_a_solution_that_is_pasted_in_passes(unpacked, lab):
    solutions = without_solutions(SERVERS[lab], (ROOT / SERVERS[lab]).read_text()).solutions
    text = (unpacked / SERVERS[lab]).read_text()
    for part in solutions:
        text = re.sub(r"^\t*%s$" % re.escape(TODO), lambda _: "\n".join(part), text, count=1, flags=re.M)
    (unpacked / "my.c").write_text(text)
    assert run(unpacked, "make", lab, "SRC=my.c").returncode == 0
    done = run(unpacked, "make", "grade", "LAB=" + lab, "SRC=my.c")
    assert (done.returncode, done.stdout.split("\n")[-2]) == (0, "Score: 100 of 100"), done.stdout
    assert "NEXT" not in done.stdout and "warning" not in done.stdout


def test_what_is_not_in_it_is_told(unpacked):
    done = run(unpacked, "make", "kit")
    assert done.returncode == 2 and "No rule to make target" in done.stderr
    helps = run(unpacked, "make").stdout
    assert "make grade" in helps and "INSTRUCTOR" not in helps and "TESTS=" not in helps


# ---- Gradescope: setup.sh and run_autograder, as they are called there

@pytest.fixture(scope="module")
def autograder(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("autograder")
    done = run(ROOT, "make", "gradescope", "LAB=lab2", "BUILD=%s" % root)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(root / "gradescope-lab2.zip") as archive:
        assert {"setup.sh", "run_autograder"} <= set(archive.namelist())
        archive.extractall(root / "source")
        for entry in archive.infolist():
            os.chmod(root / "source" / entry.filename, entry.external_attr >> 16)
    assert not list((root / "source").rglob("submissions"))
    # Its tracer is the kit's, from the same sources: make finds it made, where it would take a quarter of a minute.
    shutil.copytree(unpacked / "build", root / "source" / "fdlab" / "build")
    for name in kit.tracked(root / "source" / "fdlab"):
        os.utime(root / "source" / "fdlab" / name, (1, 1))
    shutil.copy2(root / "source" / "run_autograder", root / "run_autograder")
    done = run(root, str(root / "source" / "setup.sh"), AUTOGRADER_ROOT=str(root))
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def hand_in(autograder: Path) -> Callable[..., Dict[str, Any]]:
    """hand_in({"server.c": text}): what results.json says then."""
    def graded(files: Dict[str, str], **more: str) -> Dict[str, Any]:
        for name in ("submission", "results"):
            shutil.rmtree(autograder / name, ignore_errors=True)
        (autograder / "submission").mkdir()
        for name, text in files.items():
            (autograder / "submission" / name).parent.mkdir(parents=True, exist_ok=True)
            (autograder / "submission" / name).write_text(text)
        done = run(autograder, "./run_autograder", **{"AUTOGRADER_ROOT": str(autograder), **more})
        assert done.returncode == 0
        result = json.loads((autograder / "results" / "results.json").read_text())
        gradescope_accepts(result)
        return result
    return graded


def gradescope_accepts(result: Dict[str, Any]) -> None:
    """As the specification of results.json has it."""
    optional = {"score": (int, float), "execution_time": (int,), "output": (str,), "output_format": (str,),
                "visibility": (str,), "stdout_visibility": (str,), "extra_data": (dict,), "tests": (list,)}
    of_test = {"score": (int, float), "max_score": (int, float), "status": (str,), "name": (str,), "number": (str,),
               "output": (str,), "output_format": (str,), "tags": (list,), "visibility": (str,), "extra_data": (dict,)}
    for known, part in [(optional, result)] + [(of_test, test) for test in result.get("tests", [])]:
        for key, value in part.items():
            assert isinstance(value, known[key]) and not isinstance(value, bool), key
            if key.endswith("visibility"):
                assert value in ("hidden", "after_due_date", "after_published", "visible")
            if key == "output_format":
                assert value in ("text", "html", "simple_format", "md", "ansi")
            if key == "status":
                assert value in ("passed", "failed")
    assert "score" in result or result["tests"] and all("score" in test for test in result["tests"])


def total(result: Dict[str, Any]) -> float:
    return result.get("score", sum(test["score"] for test in result["tests"]))


def test_a_right_and_a_wrong_server_at_gradescope(hand_in):
    right = hand_in({"server.c": (ROOT / SERVERS["lab2"]).read_text()})
    assert total(right) == sum(test["max_score"] for test in right["tests"]) == 100 and right["output"] == ""
    assert right["stdout_visibility"] == "hidden"
    wrong = hand_in({"my work/server (1).c": (ROOT / "harness/submissions/lab2/bad/timer_set_once.c").read_text()})
    failed = [test for test in wrong["tests"] if test.get("status") == "failed"]
    assert [test["name"] for test in failed] == ["timeout.rearmed"]
    assert total(wrong) == sum(test["max_score"] for test in wrong["tests"] if test.get("status") == "passed") < 100
    assert "should have waited" in failed[0]["output"] and "What was done, step by step:" in failed[0]["output"]
    assert "make grade LAB=lab2 SRC=handed-in/server.c CHECK=timeout.rearmed" in failed[0]["output"]


def test_what_cannot_be_graded_at_gradescope(hand_in):
    broken = hand_in({"server.c": "int main(void) { return x; }\n"})
    assert total(broken) == 0 and broken["output"].startswith("It does not compile:") and "error:" in broken["output"]
    nothing = hand_in({"server.py": "print()\n"})
    assert total(nothing) == 0 and nothing["output"] == "There is no C file in what you handed in. Hand in one file, your server.c."


@pytest.mark.parametrize("files, says", [
    (["a.c", "b.c"], "There are 2 C files in what you handed in: a.c, b.c."), (["a/server.c", "b/server.c"], "There are 2 C files"),
    (["a.c", "server.c"], "server.c"), (["x y'.c"], "x y'.c"), (["sub/a.c", "__MACOSX/._a.c", ".b.c"], "sub/a.c"), ([], "There is no")])
def test_which_file_is_graded(tmp_path, files, says):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.c").symlink_to(ROOT / "harness" / "points" / "lab2.txt")
    if says.startswith("There"):
        with pytest.raises(ValueError, match=re.escape(says)):
            chosen(str(tmp_path))
    else:
        assert os.path.relpath(chosen(str(tmp_path)), tmp_path) == says


def test_a_results_json_whatever_fails(hand_in, autograder):
    """No compiler, no Python, a grader that is broken: it says whose fault it is not."""
    server = {"server.c": (ROOT / SERVERS["lab2"]).read_text()}
    few = autograder / "few"
    few.mkdir()
    for tool in ("bash", "mkdir", "cat"):
        (few / tool).symlink_to(need(tool))
    without_python = hand_in(server, PATH=str(few))
    (few / "python3").symlink_to(need("python3"))
    without_make = hand_in(server, PATH=str(few))
    module = autograder / "source" / "fdlab" / "harness" / "fdlab" / "grade.py"
    text = module.read_text()
    module.write_text("raise SystemExit(3)\n")
    try:
        broken = hand_in(server)
    finally:
        module.write_text(text)
    for result in (without_python, without_make, broken):
        assert result["score"] == 0 and result["output"].startswith("The autograder itself failed. This is not your fault")


def test_a_lab_that_there_is_not(tmp_path):
    done = run(ROOT, "make", "gradescope", "LAB=lab9", "BUILD=%s" % tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("LAB=lab9: there are checks for %s" % ", ".join(grade.labs()))


def test_without_hidden_checks_the_checks_stay_as_they_are(made):
    if made.hidden == 0:
        assert without_hidden(made.texts) == ({}, [])
