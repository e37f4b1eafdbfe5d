"""harness/fdlab/play.py: plays a lab's session against a server, live, and says in words what there was to see.

This is what `make lab2` calls:
    PYTHONPATH=harness python3 -m fdlab.play lab2 --server build/lab2/server --timeout 2 --port 50000

While the session runs fdtrace owns the screen. Exit status: 0 when all went as the lab says, 1 when not, 2 for bad
arguments, 130 for Ctrl+C.
"""
from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from types import ModuleType
from typing import Callable, List, NoReturn, Optional, Tuple

from . import trace
from .launcher import LaunchError, Server, launch, taken_port
from .session import SessionError, play

LAST_LINES = 10    # of the log, when a session stops


# ---- the screen

def _is_plain() -> bool:
    return not sys.stdout.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def bold(text: str) -> str:
    return text if _is_plain() else "\033[1m%s\033[0m" % text


def width() -> int:
    """One less than the terminal has, and 79 at most: a line that fills the last column wraps on some."""
    return max(30, min(shutil.get_terminal_size((80, 24)).columns, 80) - 1)


def paragraph(text: str, first: str = "", rest: str = "") -> str:
    return textwrap.fill(text, width(), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def cut(line: str) -> str:
    return line if len(line) <= width() else line[:width() - 2] + ".."


def complain(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise SystemExit(2)


# ---- arguments, for play and serve

def lab_module(lab: str) -> ModuleType:
    try:
        return importlib.import_module("sessions." + lab)
    except ModuleNotFoundError as error:
        if error.name != "sessions." + lab:
            raise
        complain("there is no session for \"%s\"" % lab)


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("lab", help="lab1, lab2, ...")
    parser.add_argument("--server", required=True, help="the program")
    parser.add_argument("--timeout", default="2", help="the server's timer in seconds")
    parser.add_argument("--port", default="50000", help="its first port")
    parser.add_argument("--build", default="build", help="where fdtrace lies, and the trace goes")
    return parser


def check(options: argparse.Namespace, count: int) -> Tuple[float, List[int]]:
    """The timer and the ports, or one line about what is wrong."""
    try:
        timeout = float(options.timeout)
    except ValueError:
        timeout = -1.0
    if not 0 <= timeout <= 86400:
        complain("TIMEOUT=%s: it is to be a number of seconds, like 2 or 0.5" % options.timeout)
    if not options.port.isdigit():
        complain("PORT=%s: it is to be a number, like 50000" % options.port)
    ports = list(range(int(options.port), int(options.port) + count))
    taken = taken_port(ports)
    if taken:
        print(taken, file=sys.stderr)
        raise SystemExit(1)
    for program in (options.server, os.path.join(options.build, "fdtrace")):
        if not os.access(program, os.X_OK):
            complain("%s is not there: run `make build`" % program)
    return timeout, ports


def shown(path: str) -> str:
    """A path as the user would type it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


# ---- one play

def main(argv: Optional[List[str]] = None) -> int:
    options = arguments("plays a lab's session, live").parse_args(argv)
    lab = lab_module(options.lab)
    timeout, ports = check(options, lab.PORTS)
    if timeout == 0:
        complain("TIMEOUT=0 means no timer, and the session waits for one: make serve LAB=%s TIMEOUT=0" % options.lab)
    os.environ["FDLAB_BUILD"] = os.path.abspath(options.build)
    where = os.path.join(options.build, options.lab)
    os.makedirs(where, exist_ok=True)
    capture, log = os.path.join(where, "trace.fdt"), os.path.join(where, "trace.log")
    fdtrace = os.path.join(options.build, "fdtrace")

    print(bold(paragraph(lab.TITLE)))
    print(paragraph("%s, timer %g s, port%s %s" % (shown(options.server), timeout, "" if len(ports) == 1 else "s",
                                                   ", ".join(map(str, ports)))))
    print(flush=True)
    problem, server = _play(lab, options.server, fdtrace, capture, timeout, ports)
    logged = _write_log(fdtrace, capture, log)
    page = os.path.join(where, "trace.html")
    paged = logged and _write_page(fdtrace, capture, page)
    print(flush=True)
    if problem is not None:
        _show_problem(problem, server, log if logged else None)
        status = 1
    else:
        status = _show_summary(lab, fdtrace, capture, log, page if paged else None, ports, timeout)
    if logged:
        _show_findings(fdtrace, capture)
    return status


def _play(lab: ModuleType, program: str, fdtrace: str, capture: str, timeout: float,
          ports: List[int]) -> Tuple[Optional[SessionError], Optional[Server]]:
    server: Optional[Server] = None
    argv = [program, "%g" % timeout] + [str(port) for port in ports]
    try:
        with launch(argv, fdtrace=fdtrace, capture=capture, live=True, deadline=120 + 20 * timeout) as server:
            play(lab.play, server, ports, timeout)
    except SessionError as error:
        return error, server
    except LaunchError as error:
        return SessionError(str(error), []), server
    return None, server


def _write_log(fdtrace: str, capture: str, log: str) -> bool:
    """The log of the run beside its capture; False when there is none."""
    if not os.path.exists(capture):
        return False
    with open(log, "wb") as file:
        done = subprocess.run([fdtrace, "log", capture], stdin=subprocess.DEVNULL, stdout=file)
    return done.returncode == 0


def _write_page(fdtrace: str, capture: str, page: str) -> bool:
    """The run as a web page that plays it step by step; False when there is none."""
    try:
        return subprocess.run([fdtrace, "html", "-o", page, capture], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _show_findings(fdtrace: str, capture: str) -> None:
    """What `fdtrace check` found that is more than a note; nothing when there is nothing."""
    try:
        found = json.loads(subprocess.run([fdtrace, "check", "--format=json", capture], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, timeout=60).stdout or b"[]")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return
    rules = sorted({one["rule"] for one in found if one["severity"] != "note"})
    if not rules:
        return
    print()
    print(bold("What went wrong, as far as the trace tells (fdtrace check %s)" % shown(capture)), flush=True)
    subprocess.run([fdtrace, "check", "--only=" + ",".join(rules), "--width=%d" % width(), capture], stdin=subprocess.DEVNULL)


def _show_problem(problem: SessionError, server: Optional[Server], log: Optional[str]) -> None:
    if server is not None and server.status == 125:
        print(paragraph("fdtrace could not run the server; its own line above says why."))
        return
    number = len(problem.steps)
    if number:
        print(bold("The session stopped at step %d:" % number))
        for n in range(max(1, number - 4), number + 1):
            print(paragraph(problem.steps[n - 1], "%5d  " % n, " " * 7))
    else:
        print(bold("The session did not begin:"))
    print()
    print(paragraph(_sentence(str(problem)), "  ", "  "))
    if log is None:
        return
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    print()
    print(bold("The last of %s:" % shown(log)))
    for line in lines[-LAST_LINES:]:
        print(cut(line))
    sys.stdout.flush()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def _show_summary(lab: ModuleType, fdtrace: str, capture: str, log: str, page: Optional[str], ports: List[int],
                  timeout: float) -> int:
    try:
        facts = lab.facts(trace.load(fdtrace, capture), ports, timeout)
    except trace.TraceError as error:
        print(paragraph("The session went well, but its trace cannot be read: %s" % error))
        return 1
    wrong = [one for one in facts if not one.true]
    print(bold("What there was to see"))
    for one in facts:
        print(paragraph(one.text if one.true else "NOT AS THE LAB SAYS: " + one.text, "- " if one.true else "! ", "  "))
    print()
    print(bold("Look next"))
    print(paragraph("%s: every call, one a line. The event numbers above are its first column." % shown(log), "- ", "  "))
    if page is not None:
        print(paragraph("%s: open it in a browser. It plays the run step by step." % shown(page), "- ", "  "))
    for text in lab.NEXT:
        print(paragraph(text, "- ", "  "))
    if wrong:
        print()
        print(paragraph("%d of %d statements are not true of this server." % (len(wrong), len(facts))))
    return 1 if wrong else 0


def run(work: Callable[[], int]) -> NoReturn:
    """Runs a command's main() so that it never ends in a traceback, and always with what it started."""
    def stop(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        status = work()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:  # `make lab2 | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 141
    except OSError as error:
        print("fdlab: %s" % error, file=sys.stderr)
        status = 1
    raise SystemExit(status)


if __name__ == "__main__":
    run(main)
