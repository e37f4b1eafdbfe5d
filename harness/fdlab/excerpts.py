"""harness/fdlab/excerpts.py: documents that are done as written, and whose excerpts are what was really printed.

This is what `make handouts` calls:
    PYTHONPATH=harness python3 -m fdlab.excerpts            # all *.md; --check: change nothing, say what is not true any more

Each document is done from top to bottom in a fresh copy of the tree, with the ports all to itself where the system allows it. In
a document these count, all else is text (a fence is ``` or ~~~, and may be indented):

    <!-- run: COMMAND | FILTER -->      an excerpt: what COMMAND printed when a fence above ran it last, or prints now; made
    ```text                             steady (steady.py), then through FILTER, which is any shell command, like
    written by `make handouts`          sed -n '/from here/,/to here/p'. `| FILTER` may be left out. `terminal 2` in place of
    ```                                 COMMAND is what is to be seen there: it is waited for.
    <!-- end -->

    <!-- figure: COMMAND -->            the output of COMMAND goes into the file that the picture below names
    ![in words](figures/name.svg)

    ```sh run                           one command a line; each must end with status 0, or with N: `sh run status=N`
    ```sh terminal=2                    one command, started in terminal 2, and not waited for
    <!-- type: terminal 2 TEXT -->      a line typed there, as the sentence above it tells the reader to; Ctrl+C and Ctrl+D are keys
    ```diff file=my.c                   an edit: the lines with ' ' and '-' must be there, once, and in one piece; @@ parts two edits

Any other fence is not run. While something runs in a terminal, an excerpt is looked at again until it is as the document says: that is
how a document waits. handouts/ko/X.md is the twin of handouts/X.md: it must have the same steps, and gets the same excerpts.
"""
from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence

from . import isolate
from .steady import Steady
from .terminals import KEYS, Terminal, TerminalError

PATIENCE = 20.0       # seconds until an excerpt from a terminal is taken as it is
NEW = 4.0             # the same, where the document has none yet
DEADLINE = 300.0      # of one command
LEFT_OUT = (".git", "venv", "pycache", "__pycache__", "*.fdt", "trace.*")

_MARKER = re.compile(r"^( *)<!-- (run|figure|type): (.+?) -->\s*$")
_TYPED = re.compile(r"terminal (\S+) (.+)")
_END = re.compile(r"^ *<!-- end -->\s*$")
_FENCE = re.compile(r"^( *)(```+|~~~+) *(\S*)(.*)$")
_PICTURE = re.compile(r"^ *!\[[^\]]*\]\(([^)]+)\)\s*$")


class DocumentError(Exception):
    """The text begins with the number of the line."""


class Step(NamedTuple):
    kind: str            # "command", "start", "type", "edit", "excerpt", "figure"
    line: int            # in the document, from 1
    text: str            # the command, what is typed, the edit
    name: str = ""       # the terminal, the file to edit, the picture
    status: int = 0
    body: str = ""       # an excerpt as it stands in the document
    first: int = 0       # its lines in the document, the fence included: [first, last)
    last: int = 0
    indent: str = ""
    language: str = "text"


# ---- reading a document

def parse(text: str) -> List[Step]:
    return list(_steps(text.split("\n")))


def _steps(lines: List[str]) -> Iterator[Step]:
    n = 0
    while n < len(lines):
        marker, fence = _MARKER.match(lines[n]), _FENCE.match(lines[n])
        if marker and marker[2] == "figure":
            n += 1
            while n < len(lines) and not lines[n].strip():
                n += 1
            picture = _PICTURE.match(lines[n]) if n < len(lines) else None
            if picture is None:
                raise DocumentError("%d: below a figure's marker there should be its picture: ![in words](file.svg)" % n)
            yield Step("figure", n, marker[3], picture[1])
        elif marker and marker[2] == "type":
            typed = _TYPED.fullmatch(marker[3])
            if typed is None:
                raise DocumentError("%d: it is to be `<!-- type: terminal 2 TEXT -->`" % (n + 1))
            yield Step("type", n + 1, typed[2], typed[1])
        elif marker:
            step = _excerpt(lines, n, marker)
            yield step
            n = step.last
        elif fence:
            end = _end_of_fence(lines, n, fence)
            inside = [line[len(fence[1]):] if line.startswith(fence[1]) else line.lstrip() for line in lines[n + 1:end]]
            yield from _fence(n + 1, fence[3], _options(n + 1, fence[4]), inside)
            n = end
        elif _END.match(lines[n]):
            raise DocumentError("%d: an end without a beginning: `<!-- run: ... -->`" % (n + 1))
        n += 1


def _excerpt(lines: List[str], start: int, marker: re.Match) -> Step:
    n = start + 1
    language, body = "text", ""
    fence = _FENCE.match(lines[n]) if n < len(lines) else None
    if fence:
        end = _end_of_fence(lines, n, fence)
        language = fence[3] or "text"
        body = "\n".join(line[len(marker[1]):] for line in lines[n + 1:end])
        n = end + 1
    if n >= len(lines) or not _END.match(lines[n]):
        raise DocumentError("%d: the excerpt has no `<!-- end -->` right below it" % (start + 1))
    return Step("excerpt", start + 1, marker[3], body=body, first=start + 1, last=n, indent=marker[1], language=language)


def _end_of_fence(lines: List[str], start: int, fence: re.Match) -> int:
    for n in range(start + 1, len(lines)):
        if lines[n].strip() == fence[2]:
            return n
    raise DocumentError("%d: a fence that does not end" % (start + 1))


def _options(line: int, text: str) -> Dict[str, str]:
    found = dict(word.partition("=")[::2] for word in text.split())
    for name in found:
        if name not in ("run", "status", "terminal", "file"):
            raise DocumentError("%d: \"%s\" behind a fence: run, status=, terminal= or file= is known" % (line, name))
    return found


def _fence(line: int, language: str, options: Dict[str, str], inside: List[str]) -> Iterator[Step]:
    if language == "sh" and "terminal" in options:
        yield Step("start", line, "\n".join(inside), options["terminal"])
    elif language == "sh" and "run" in options:
        commands = "\n".join(inside).replace("\\\n", " ").split("\n")
        for n, command in enumerate(commands):
            if command.strip() and not command.startswith("#"):
                yield Step("command", line + 1 + n, command.strip(), status=int(options.get("status", "0")))
    elif language == "diff" and "file" in options:
        yield Step("edit", line, "\n".join(inside), options["file"])
    elif options:
        raise DocumentError("%d: `%s` and %s do not go together" % (line, language, ", ".join(options)))


# ---- doing what it says

@dataclass
class Outcome:
    bodies: Dict[int, str] = field(default_factory=dict)     # line of the marker to the excerpt
    figures: Dict[str, str] = field(default_factory=dict)    # file, as the document names it, to its text
    problems: List[str] = field(default_factory=list)        # "12: ..."


class Reader:
    """Does a document, in a tree made for it."""

    def __init__(self, tree: str) -> None:
        self.tree = tree
        self.environment = {**{name: value for name, value in os.environ.items()
                               if not name.startswith(("MAKE", "MFLAGS", "FDLAB_", "PYTHON"))},
                            "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1", "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        self.printed: Dict[str, str] = {}            # command of a fence to what it printed last
        self.asked: Dict[str, str] = {}              # command of an excerpt to what it printed since the last fence
        self.terminals: Dict[str, Terminal] = {}
        self.ports: Dict[str, str] = {}              # what runs in terminals has connections with each other
        self.events: Dict[int, int] = {}
        self.outcome = Outcome()

    def read(self, steps: Sequence[Step]) -> Outcome:
        do = {"command": self._command, "start": self._start, "type": self._type, "edit": self._edit,
              "excerpt": self._excerpt, "figure": self._figure}
        try:
            for step in steps:
                try:
                    do[step.kind](step)
                except (DocumentError, TerminalError) as error:
                    self.outcome.problems.append("%d: %s" % (step.line, error))
                    break  # what follows builds on it
        finally:
            for terminal in self.terminals.values():
                terminal.close()
        return self.outcome

    def _command(self, step: Step) -> None:
        self.asked.clear()
        self.printed[step.text] = self._run(step.text, step.status)

    def _start(self, step: Step) -> None:
        self.terminals.setdefault(step.name, Terminal(self.tree, self.environment)).run(step.text)

    def _type(self, step: Step) -> None:
        self._terminal(step.name).type(step.text)
        if step.text in KEYS:
            self._terminal(step.name).ends()

    def _edit(self, step: Step) -> None:
        path = os.path.join(self.tree, step.name)
        if not os.path.isfile(path):
            raise DocumentError("there is no file %s to edit" % step.name)
        text = Path(path).read_text()
        for part in re.split(r"^@@.*$", step.text, flags=re.M):
            lines = [line if line else " " for line in part.strip("\n").split("\n")]
            before = "".join(line[1:] + "\n" for line in lines if line[0] != "+")
            if text.count(before) != 1:
                raise DocumentError("%s has these lines %d times, not once:\n%s" % (step.name, text.count(before), before))
            text = text.replace(before, "".join(line[1:] + "\n" for line in lines if line[0] != "-"))
        Path(path).write_text(text)

    def _excerpt(self, step: Step) -> None:
        self.outcome.bodies[step.line] = self._settled(step)

    def _settled(self, step: Step) -> str:
        command, _, pipe = step.text.partition(" | ")
        end = time.monotonic() + (PATIENCE if step.body else NEW)
        while True:
            running = self._running()
            body = self._filtered(self._seen(command), pipe)
            if body and body == step.body or not running or time.monotonic() > end:
                break
            time.sleep(0.05)  # between two looks
            self.asked.pop(command, None)
            if command in self.printed:
                self.printed[command] = self._run(command, 0)
        if not body:
            raise DocumentError("nothing is left of `%s`" % step.text)
        return body

    def _figure(self, step: Step) -> None:
        self.outcome.figures[step.name] = self._seen(step.text) + "\n"

    # ---- underneath

    def _running(self) -> bool:
        return any(each.process is not None and each.process.poll() is None for each in self.terminals.values())

    def _terminal(self, name: str) -> Terminal:
        if name not in self.terminals:
            raise DocumentError("nothing was started in terminal %s" % name)
        return self.terminals[name]

    def _seen(self, command: str) -> str:
        found = re.fullmatch(r"terminal (\S+)", command)
        if found:
            return self._steady(self._terminal(found[1]).text(), prints=True)
        if command in self.printed:
            return self.printed[command]
        if command not in self.asked:
            self.asked[command] = self._run(command, 0)
        return self.asked[command]

    def _run(self, command: str, status: int) -> str:
        before = self._logs()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       cwd=self.tree, env=self.environment, start_new_session=True)
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
                raise DocumentError("`%s` did not end within %g s" % (command, DEADLINE)) from None
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        if process.returncode != status:
            raise DocumentError("`%s` ended with status %d, not %d; the last it said:\n%s" % (
                command, process.returncode, status, "\n".join(text.split("\n")[-12:]).rstrip()))
        for path, changed in self._logs().items():
            if before.get(path) != changed:
                steady = Steady()
                steady.learn(Path(path).read_text(errors="replace"))
                self.events = steady.events
        return self._steady(text)

    def _logs(self) -> Dict[str, int]:
        """The logs of sessions, with when they were written."""
        return {str(path): path.stat().st_mtime_ns for path in Path(self.tree, "build").glob("*/trace.log")}

    def _steady(self, text: str, prints: bool = False) -> str:
        steady = Steady(self.ports if prints or self._running() else None)
        steady.events = self.events
        return steady.text(text, self.tree, prints)

    def _filtered(self, text: str, pipe: str) -> str:
        if not pipe:
            return text
        done = subprocess.run(["/bin/sh", "-c", pipe], input=text + "\n", capture_output=True, text=True, cwd=self.tree,
                              env=self.environment, timeout=DEADLINE)
        if done.stderr:
            raise DocumentError("`%s`: %s" % (pipe, done.stderr.strip()))
        return done.stdout.strip("\n")


# ---- all documents

def documents(root: Path) -> List[Path]:
    """All that are Markdown and belong to the tree, and that a document's twin comes behind it."""
    found = [root / name for name in _files(root) if name.endswith(".md")]
    return sorted((path for path in found if path.is_file()), key=lambda path: ("ko" in path.parts, str(path)))


def _files(root: Path) -> List[str]:
    if (root / ".git").exists() and shutil.which("git"):
        done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, capture_output=True, text=True)
        if done.returncode == 0:
            return [name for name in done.stdout.split("\0") if name]
    return [os.path.relpath(os.path.join(where, name), root) for where, folders, names in os.walk(root)
            for name in names if not {".git", "build"} & set(Path(where).relative_to(root).parts)]


def twin_of(path: Path) -> Optional[Path]:
    """The English document of a Korean one."""
    return Path(*[part for part in path.parts if part != "ko"]) if "ko" in path.parts else None


def fresh_tree(root: Path, build: Path, where: Path) -> None:
    """The sources, and what is built already with its times: make finds nothing to do."""
    for name in _files(root):
        if (root / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, where / name)
    if build.is_dir():
        shutil.copytree(build, where / "build", symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))


def outcome_of(path: Path, root: Path, build: Path, tier: str) -> Outcome:
    """Does one document, in a process of its own: that one may enter another network."""
    with tempfile.TemporaryDirectory(prefix="fdlab-") as where:
        fresh_tree(root, build, Path(where))
        done = subprocess.run([sys.executable, "-m", "fdlab.excerpts", "--alone", where, "--tier", tier, str(path)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)})
    if done.returncode != 0:
        return Outcome(problems=["1: it could not be done: " + (done.stderr.strip() or "status %d" % done.returncode)])
    return Outcome(**{name: {int(line): body for line, body in value.items()} if name == "bodies" else value
                      for name, value in json.loads(done.stdout).items()})


def written(text: str, steps: Sequence[Step], outcome: Outcome) -> str:
    """The document with the excerpts that the outcome has."""
    lines = text.split("\n")
    for step in reversed([each for each in steps if each.kind == "excerpt" and each.line in outcome.bodies]):
        body = [step.indent + line if line else "" for line in outcome.bodies[step.line].split("\n")]
        lines[step.first:step.last] = [step.indent + "```" + step.language, *body, step.indent + "```"]
    return "\n".join(lines)


def translated(steps: Sequence[Step], original: Sequence[Step], outcome: Outcome) -> Outcome:
    """The outcome of a document for its twin, which must have the same steps."""
    twin = Outcome()
    for ours, theirs in zip(steps, original):
        if ours[2:5] != theirs[2:5] and not (ours.kind == theirs.kind == "figure" and ours.text == theirs.text):
            twin.problems.append("%d: not as in its twin, which has at line %d: %s" % (ours.line, theirs.line, theirs.text))
            return twin
        if theirs.line in outcome.bodies:
            twin.bodies[ours.line] = outcome.bodies[theirs.line]
    if len(steps) != len(original):
        twin.problems.append("1: it has %d commands, edits and excerpts; its twin has %d" % (len(steps), len(original)))
    return twin


class Result(NamedTuple):
    path: Path
    old: str
    new: str
    problems: List[str]      # each with the path and the line
    figures: Dict[Path, str]


def all_done(paths: Sequence[Path], root: Path, build: Path) -> List[Result]:
    """Does all documents that have something to do, at the same time where each gets a network of its own."""
    isolated = isolate.works("unshare") is None
    read = {path: path.read_text() for path in {*paths, *filter(None, map(twin_of, paths))}}
    steps: Dict[Path, List[Step]] = {}
    outcomes: Dict[Path, Outcome] = {}
    for path, text in read.items():
        try:
            steps[path] = parse(text)
        except DocumentError as error:
            steps[path], outcomes[path] = [], Outcome(problems=[str(error)])
    to_do = [path for path in read if steps[path] and twin_of(path) is None]
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1) if isolated else 1) as pool:
        outcomes.update(zip(to_do, pool.map(
            lambda path: outcome_of(path, root, build, "unshare" if isolated else "free ports"), to_do)))
    results = []
    for path in paths:
        twin = twin_of(path)
        if twin is not None and path not in outcomes:
            outcomes[path] = translated(steps[path], steps[twin], outcomes.get(twin, Outcome()))
        outcome = outcomes.get(path, Outcome())
        results.append(Result(path, read[path], written(read[path], steps[path], outcome),
                              ["%s:%s" % (path.relative_to(root), problem) for problem in outcome.problems],
                              {(path.parent / name).resolve(): text for name, text in outcome.figures.items()}))
    return results


def differences(result: Result, root: Path) -> List[str]:
    """What is in the files and not true any more, as a diff."""
    name = str(result.path.relative_to(root))
    found = list(difflib.unified_diff(result.old.split("\n"), result.new.split("\n"), name, name + ", as it is now", "", "", 1, ""))
    for path, text in result.figures.items():
        if not path.is_file() or path.read_text() != text:
            found.append("%s is not what its command prints now" % path.relative_to(root))
    return found


def _own_network(tier: str) -> None:
    """From here on; and in it no client is given a port that steady.py takes for a server's."""
    isolate.enter(tier)
    if tier != "free ports":
        try:
            Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("32768 49999")
        except OSError:
            pass  # then it is unlikely


def main(argv: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description="does documents as they are written, and refreshes their excerpts")
    parser.add_argument("--build", default="build", help="what is built already")
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--alone", help=argparse.SUPPRESS)   # the tree of outcome_of()
    parser.add_argument("--tier", help=argparse.SUPPRESS)
    parser.add_argument("documents", nargs="*", help="all of the tree where none is named")
    options = parser.parse_args(argv)
    if options.alone:
        _own_network(options.tier)
        outcome = Reader(options.alone).read(parse(Path(options.documents[0]).read_text()))
        json.dump(vars(outcome), sys.stdout)
        return 0
    root = Path(__file__).resolve().parent.parent.parent
    paths = [Path(name).resolve() for name in options.documents] or documents(root)
    failed = False
    for result in all_done(paths, root, Path(options.build).resolve()):
        changes = differences(result, root)
        failed = failed or bool(result.problems) or (options.check and bool(changes))
        for line in result.problems + (changes if options.check else []):
            print(line)
        if changes and not options.check:
            result.path.write_text(result.new)
            for path, text in result.figures.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            print("%s: refreshed" % result.path.relative_to(root))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
