"""harness/fdlab/kit.py: what leaves the instructor's hands: the students' kit, and the autograder for Gradescope.

    PYTHONPATH=harness python3 -m fdlab.kit build/fdlab-kit.tar.gz               this is `make kit`
    PYTHONPATH=harness python3 -m fdlab.kit build/gradescope-lab2.zip lab2       this is `make gradescope LAB=lab2`

Between /* BEGIN SOLUTION */ and /* END SOLUTION */ in labs/ and common/ stands what students are to write; the comment above
says what that is. In the kit YOUR CODE HERE takes its place. Between BEGIN INSTRUCTOR and END INSTRUCTOR, in a comment of whatever
kind, stands what is of no use without the solutions, the tests or the submissions: it is left out. So are the hidden checks and
what only they use, and every module of fdlab that nothing in the kit imports. The autograder is the same, with the hidden checks.

Then all of it is searched: a link that leads nowhere, a line of a solution, or words of a hidden check end it with the file and
the line. The same commit gives the same bytes. Exit status: 0, or 2 with a line for each problem, and nothing is written.
"""
from __future__ import annotations

import argparse
import ast
import gzip
import io
import itertools
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from . import grade, links, play
from .result import TODO, PointsError, read_points

ROOT = Path(grade.ROOT)
TOP = "fdlab-kit"
# What is taken, before anything is left out. The modules of harness/fdlab are found by what imports them.
TAKEN = ("Makefile", "README.md", "LICENSE", ".gitignore", "labs/", "common/", "trace/", "handouts/", "harness/conftest.py",
         "harness/get_pytest.sh", "harness/keeper.c", "harness/sessions/", "harness/checks/", "harness/points/", "harness/fdlab/")
LEFT_OUT = ("handouts/instructor.md", "handouts/answers/", "handouts/ko/answers/", "trace/rules/README.md",
            "trace/player/README.md")
WITH_SOLUTIONS = ("labs/", "common/")
LONG_LINE = 48       # so many characters, not counting space, are no coincidence
SHORT_LINE = 12      # and two lines one after the other, of that length each, neither
WORDS = 20           # of a hidden check's texts, those are looked for that are longer

Texts = Dict[str, str]      # path in the kit to text


class KitError(Exception):
    """A line for each problem, each with its file and line."""


# ---- regions

class Region(NamedTuple):
    begin: int               # the lines of its two markers, from 0
    end: int


def regions(path: str, lines: Sequence[str], word: str) -> List[Region]:
    """What stands between the markers of that word; KitError where they do not fit each other."""
    # A comment of C, make and Python, or Markdown, alone in its line.
    whole = re.compile(r"\s*(?:/\* ?(BEGIN|END) %s ?\*/|# ?(BEGIN|END) %s|<!-- ?(BEGIN|END) %s ?-->)\s*" % (word, word, word))
    found, begun = [], None
    for n, line in enumerate(lines):
        if not re.search(r"(BEGIN|END) %s\b" % word, line):
            continue
        marker = whole.fullmatch(line)
        if marker is None:
            raise KitError("%s:%d: a marker is alone in its line: /* BEGIN %s */" % (path, n + 1, word))
        if "BEGIN" in marker.groups():
            if begun is not None:
                raise KitError("%s:%d: BEGIN %s, and the one of line %d has not ended" % (path, n + 1, word, begun + 1))
            begun = n
        else:
            if begun is None:
                raise KitError("%s:%d: END %s without its BEGIN" % (path, n + 1, word))
            found.append(Region(begun, n))
            begun = None
    if begun is not None:
        raise KitError("%s:%d: BEGIN %s without its END" % (path, begun + 1, word))
    return found


class Stripped(NamedTuple):
    text: str
    numbers: List[int]               # of each of its lines the number that it had, so that a problem is found where it stands
    solutions: List[List[str]]


def without_solutions(path: str, text: str) -> Stripped:
    """The text with a place to write in for each solution, and the solutions."""
    lines = text.split("\n")
    numbers = list(range(1, len(lines) + 1))
    solutions = []
    for region in reversed(regions(path, lines, "SOLUTION")):
        if region.begin == 0 or not lines[region.begin - 1].rstrip().endswith("*/"):
            raise KitError("%s:%d: above a solution stands a comment that says what to write" % (path, region.begin + 1))
        solutions.insert(0, lines[region.begin + 1:region.end])
        indent = lines[region.begin][:len(lines[region.begin]) - len(lines[region.begin].lstrip())]
        lines[region.begin:region.end + 1] = [indent + TODO]
        numbers[region.begin:region.end + 1] = [region.begin + 1]
    return Stripped("\n".join(lines), numbers, solutions)


def without_instructor(path: str, text: str) -> Stripped:
    lines = text.split("\n")
    numbers = list(range(1, len(lines) + 1))
    for region in reversed(regions(path, lines, "INSTRUCTOR")):
        end = region.end + 1
        if 0 < region.begin and end < len(lines) and not lines[region.begin - 1].strip() and not lines[end].strip():
            end += 1      # not two empty lines in a row
        del lines[region.begin:end], numbers[region.begin:end]
    return Stripped("\n".join(lines), numbers, [])


# ---- hidden checks

def hidden_functions(texts: Texts) -> Dict[str, Set[str]]:
    """Of each file of checks the functions of hidden ones."""
    found: Dict[str, Set[str]] = {}
    for path in texts:
        lab = re.fullmatch(r"harness/points/(\w+)\.txt", path)
        if lab:
            found["harness/checks/%s.py" % lab[1]] = {"test_" + name.replace(".", "__") for name, worth in
                                                      read_points(str(ROOT / path)).items() if worth.hidden}
    return found


def _defined(node: ast.stmt) -> List[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


def _used(nodes: Sequence[ast.AST]) -> Set[str]:
    used = set()
    for node in (each for top in nodes for each in ast.walk(top)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.alias):
            used.add(node.name)
    return used


def _words(nodes: Sequence[ast.AST]) -> Set[str]:
    """The longer texts in it, docstrings too."""
    return {" ".join(node.value.split()) for top in nodes for node in ast.walk(top)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > WORDS}


def without_hidden(texts: Texts) -> Tuple[Dict[str, Stripped], List[str]]:
    """The files of checks without the hidden ones, and without what only those used; and the words that were in it."""
    hidden = hidden_functions(texts)
    if not any(hidden.values()):
        return {}, []
    left = {path: ast.parse(texts[path]).body for path in texts if path.startswith("harness/checks/") and path.endswith(".py")}
    gone: Dict[str, List[ast.stmt]] = {path: [] for path in left}
    before = _used([node for body in left.values() for node in body])

    def take(path: str, chosen: List[ast.stmt]) -> None:
        gone[path] += chosen
        left[path] = [node for node in left[path] if node not in chosen]

    for path in left:
        take(path, [node for node in left[path] if isinstance(node, ast.FunctionDef) and node.name in hidden.get(path, ())])
    while True:
        used = _used([node for body in left.values() for node in body])
        more = [(path, [node for node in body if _defined(node) and all(
            name in before and name not in used for name in _defined(node))]) for path, body in left.items()]
        if not any(chosen for _, chosen in more):
            break
        for path, chosen in more:
            take(path, chosen)
    words = sorted(_words([node for nodes in gone.values() for node in nodes]) -
                   _words([node for body in left.values() for node in body]))
    return {path: _cut(texts[path], nodes) for path, nodes in gone.items() if nodes}, words


def _cut(text: str, nodes: Sequence[ast.stmt]) -> Stripped:
    """The text without these statements, their decorators, and the comments right above them."""
    lines = text.rstrip("\n").split("\n")
    numbers = list(range(1, len(lines) + 1))
    for node in sorted(nodes, key=lambda node: -node.lineno):
        first = min([node.lineno] + [mark.lineno for mark in getattr(node, "decorator_list", [])]) - 1
        while first > 0 and lines[first - 1].startswith("#") and not lines[first - 1].startswith("# ----"):
            first -= 1
        last = node.end_lineno or node.lineno
        while last < len(lines) and not lines[last].strip():
            last += 1
        del lines[first:last], numbers[first:last]
    return Stripped("\n".join(lines).rstrip("\n") + "\n", numbers, [])


# ---- which files

def tracked(root: Path) -> List[str]:
    """What git has of it; all of it where there is no git."""
    if (root / ".git").exists():
        done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
        if done.returncode == 0:
            return [name for name in done.stdout.split("\0") if name and (root / name).is_file()]
    return [os.path.relpath(os.path.join(where, name), root) for where, folders, names in os.walk(root) for name in names
            if not {".git", "build", "__pycache__"} & set(Path(where).relative_to(root).parts)]


def _imports(text: str) -> Iterator[str]:
    """The modules of fdlab that a module may mean: "fdlab.play" and "play"."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").partition(".")[0] == "fdlab"):
            module = (node.module or "").partition("fdlab.")[2] or ("" if node.module == "fdlab" else node.module or "")
            yield from [module] if module else [name.name for name in node.names]
            yield from [module + "." + name.name for name in node.names] if module else []
        elif isinstance(node, ast.Import):
            yield from [name.name[len("fdlab."):] for name in node.names if name.name.startswith("fdlab.")]


def reached(texts: Texts, also: Sequence[str]) -> Set[str]:
    """The files of fdlab that the Makefile, the checks and the sessions come to."""
    def files_of(name: str) -> List[str]:
        base = "harness/fdlab/" + name.replace(".", "/")
        return [path for path in (base + ".py", base + "/__init__.py") if path in texts]

    waiting = list(also) + re.findall(r"-m fdlab\.(\w+)", texts["Makefile"])
    for path, text in texts.items():
        if path.endswith(".py") and path.startswith("harness/") and not path.startswith("harness/fdlab/"):
            waiting += _imports(text)
    found = {"harness/fdlab/__init__.py"} | {path for path in texts if path.startswith("harness/fdlab/formats/")}
    for path in sorted(found):
        waiting += _imports(texts[path])
    while waiting:
        for path in files_of(waiting.pop()):
            if path not in found:
                found.add(path)
                waiting += _imports(texts[path])
    return found


# ---- what must not be in it

def _squeezed(line: str) -> str:
    return "".join(line.split())


Problem = Tuple[str, int, str]       # file, line in the text, what is wrong


def leaks(texts: Texts, solutions: Dict[str, List[List[str]]]) -> List[Problem]:
    """Where lines of a solution stand all the same."""
    single: Dict[str, str] = {}
    pairs: Dict[Tuple[str, str], str] = {}
    for path, parts in solutions.items():
        for part in parts:
            lines = [_squeezed(line) for line in part if len(_squeezed(line)) >= SHORT_LINE]
            single.update((line, path) for line in lines if len(line) >= LONG_LINE or len(lines) == 1)
            pairs.update((pair, path) for pair in zip(lines, lines[1:]))
    found = []
    for path, text in texts.items():
        lines = [_squeezed(line) for line in text.split("\n")]
        for n, line in enumerate(lines):
            following = next((each for each in lines[n + 1:n + 4] if len(each) >= SHORT_LINE), "")
            whose = next((path for part, path in single.items() if part in line), None) or next(
                (path for (one, two), path in pairs.items() if one in line and two in following), None)
            if whose:
                found.append((path, n, "this is a line of a solution in %s" % whose))
    return found


def told(texts: Texts, words: Sequence[str]) -> List[Problem]:
    """Where words of a hidden check stand, also over the end of a line."""
    found = []
    for path, text in texts.items():
        squeezed = _squeezed(text)
        for word in words:
            place = squeezed.find(_squeezed(word))
            if place >= 0:
                ends = itertools.accumulate(len(_squeezed(line)) for line in text.split("\n"))
                found.append((path, next(n for n, end in enumerate(ends) if end > place),
                              "these are words of a hidden check: \"%s\"" % word[:60]))
    return found


def dead_links(texts: Texts) -> List[Problem]:
    with tempfile.TemporaryDirectory(prefix="fdlab-kit-") as where:
        for path, text in texts.items():
            (Path(where) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(where) / path).write_bytes(as_bytes(text))
        problems = [problem.split(":", 2) for path in texts if path.endswith(".md")
                    for problem in links.dead(Path(where) / path, Path(where))]
    return [(path, int(n) - 1, text.strip()) for path, n, text in problems]


# ---- putting it together

class Made(NamedTuple):
    texts: Texts
    solutions: int
    hidden: int


def make(lab: Optional[str] = None) -> Made:
    """The students' kit; with a lab, the autograder's tree. KitError has a line for each problem."""
    texts = {path: (ROOT / path).read_bytes().decode("utf-8", "surrogateescape") for path in sorted(tracked(ROOT))
             if path.startswith(TAKEN) and not path.startswith(LEFT_OUT)}
    solutions: Dict[str, List[List[str]]] = {}
    numbers: Dict[str, List[int]] = {}
    wrong: List[str] = []
    for path in [path for path in texts if not path.startswith("harness/fdlab/")]:     # this file names the markers
        try:
            if path.startswith(WITH_SOLUTIONS) and path.endswith((".c", ".h")):
                stripped = without_solutions(path, texts[path])
                solutions.update({path: stripped.solutions} if stripped.solutions else {})
            else:
                stripped = without_instructor(path, texts[path])
                for region in regions(path, texts[path].split("\n"), "SOLUTION"):
                    raise KitError("%s:%d: a solution stands in labs/ or common/, in a file of C" % (path, region.begin + 1))
            texts[path], numbers[path] = stripped.text, stripped.numbers
        except KitError as error:
            wrong.append(str(error))
    if wrong:
        raise KitError("\n".join(wrong))
    hidden, words = sum(map(len, hidden_functions(texts).values())), []
    if lab is None:
        cut, words = without_hidden(texts)
        texts.update((path, stripped.text) for path, stripped in cut.items())
        numbers.update((path, [numbers[path][n - 1] for n in stripped.numbers]) for path, stripped in cut.items())
    modules = reached(texts, ["gradescope"] if lab else [])
    texts = {path: text for path, text in texts.items() if not path.startswith("harness/fdlab/") or path in modules}
    problems = leaks(texts, solutions) + told(texts, words) + dead_links(texts)
    if problems:
        raise KitError("\n".join("%s:%d: %s" % (path, numbers[path][n] if path in numbers else n + 1, text)
                                 for path, n, text in problems))
    return Made(texts, sum(map(len, solutions.values())), hidden)


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")     # as it was read: a picture comes through whole


def mode_of(path: str) -> int:
    return 0o755 if os.access(ROOT / path, os.X_OK) else 0o644


def commit_time() -> int:
    """When what is packed was made: of the commit, so that the same commit gives the same bytes."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True) \
        if (ROOT / ".git").exists() else None
    if done is not None and done.stdout.strip().isdigit():
        return int(done.stdout)
    return int(os.environ.get("SOURCE_DATE_EPOCH", "0"))


def tarball(texts: Texts) -> bytes:
    inner, when = io.BytesIO(), commit_time()
    with tarfile.open(fileobj=inner, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, text in sorted(texts.items()):
            raw = as_bytes(text)
            entry = tarfile.TarInfo("%s/%s" % (TOP, path))
            entry.size, entry.mtime, entry.mode = len(raw), when, mode_of(path)
            tar.addfile(entry, io.BytesIO(raw))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=when) as file:
        file.write(inner.getvalue())
    return packed.getvalue()


def autograder(texts: Texts, lab: str) -> bytes:
    """Gradescope's zip: setup.sh and run_autograder at its root, the tree beside them."""
    files = {"fdlab/" + path: (text, mode_of(path)) for path, text in texts.items()}
    for name in ("setup.sh", "run_autograder"):
        files[name] = ((ROOT / "harness" / "gradescope" / name).read_text(encoding="utf-8"), 0o755)
    files["lab"] = (lab + "\n", 0o644)
    packed, when = io.BytesIO(), time.gmtime(max(commit_time(), 315532800))[:6]    # a zip's time begins in 1980
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (text, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(path, when)
            entry.external_attr, entry.compress_type, entry.create_system = (0o100000 | mode) << 16, zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, as_bytes(text))
    return packed.getvalue()


def not_committed(texts: Texts) -> List[str]:
    """Files of the kit that are not as in the commit, or that git does not know and so are not in it."""
    if not (ROOT / ".git").exists():
        return []
    done = subprocess.run(["git", "status", "--porcelain", "-z"], cwd=ROOT, capture_output=True, text=True)
    changed = [entry[3:] for entry in done.stdout.split("\0") if len(entry) > 3]
    return [path for path in changed if path in texts or path.startswith(TAKEN) and not path.startswith(LEFT_OUT)]


def write(raw: bytes, path: str) -> None:
    """All of it or nothing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(path)), delete=False) as file:
        file.write(raw)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="the students' kit, or the autograder of a lab for Gradescope")
    parser.add_argument("out", help="the archive to write")
    parser.add_argument("lab", nargs="?", help="makes Gradescope's autograder for it")
    options = parser.parse_args(argv)
    if options.lab and options.lab not in grade.labs():
        play.complain("LAB=%s: there are checks for %s" % (options.lab, ", ".join(grade.labs())))
    try:
        for lab in grade.labs():
            grade.lab_checks(lab)        # do points and checks fit?
        made = make(options.lab)
    except (KitError, PointsError) as error:
        play.complain(str(error))
    write(autograder(made.texts, options.lab) if options.lab else tarball(made.texts), options.out)
    for path in not_committed(made.texts):
        print("note: %s is not as in the commit" % path, file=sys.stderr)
    print("%s: %d files, %d places to write in, %d hidden check%s%s" % (
        options.out, len(made.texts), made.solutions, made.hidden, "" if made.hidden == 1 else "s",
        " in it" if options.lab else " left out"))
    return 0


if __name__ == "__main__":
    play.run(main)
