"""harness/tests/test_play.py: `make lab1`, `make lab2` and `make serve`, as a student meets them: right and wrong servers,
taken ports, narrow terminals, Ctrl+C."""
from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Tuple

import pytest

from conftest import heeds_ctrl_c
from fdlab import trace
from test_build import in_place, make
from test_launcher import wait_until

LABS = ("lab1", "lab2")
PORTS = {"lab1": 3, "lab2": 1}


@pytest.fixture
def marked(monkeypatch) -> str:
    """Whatever is started from here on carries a mark in its environment; in the end nobody may be left with it."""
    mark = "FDLAB_TEST=%d-%d" % (os.getpid(), time.monotonic_ns())
    monkeypatch.setenv(*mark.split("="))

    def left() -> List[str]:
        found = []
        for name in os.listdir("/proc"):
            try:
                if int(name) != os.getpid() and mark.encode() in Path("/proc/%s/environ" % name).read_bytes():
                    found.append(name + " " + Path("/proc/%s/cmdline" % name).read_text().replace("\0", " "))
            except (OSError, ValueError):
                pass
        return found

    yield mark
    wait_until(lambda: not left(), "nobody is left: %s" % left())


def run_play(build, root, lab: str, server: str, ports, timeout: str = "0.5", where=None, **environment: str):
    """What the Makefile does, with another build directory for the trace where one is given."""
    return subprocess.run(play_command(build, lab, server, ports, timeout), capture_output=True, text=True, timeout=60,
                          cwd=root, env={**os.environ, "PYTHONPATH": str(root / "harness"), **environment})


def play_command(build, lab: str, server: str, ports, timeout: str) -> List[str]:
    return [sys.executable, "-m", "fdlab.play", lab, "--build", str(build), "--server", server, "--timeout", timeout,
            "--port", str(ports[0])]


@pytest.fixture
def scratch_build(build, tmp_path) -> Path:
    """A build directory of our own, with the products of the real one: traces of tests do not meet there."""
    where = tmp_path / "build"
    where.mkdir()
    for product in build.iterdir():
        if product.name in ("lab1", "lab2"):
            (where / product.name).mkdir()
            (where / product.name / "server").symlink_to(product / "server")
        elif product.is_file():
            (where / product.name).symlink_to(product)
    return where


def read_until(process: subprocess.Popen, wanted: str, deadline: float = 30.0) -> str:
    """What a process prints until `wanted` is in it."""
    came = ""
    end = time.monotonic() + deadline
    while wanted not in came:
        left = end - time.monotonic()
        assert left > 0 and select.select([process.stdout], [], [], left)[0], "not within %g s: %s\n%s" % (
            deadline, wanted, came)
        more = os.read(process.stdout.fileno(), 65536).decode()
        assert more, "ended without: %s\n%s" % (wanted, came)
        came += more
    return came


@contextlib.contextmanager
def started(command: List[str], **options):
    """A process group that is killed when the test is over, whatever happens."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=heeds_ctrl_c,
                          **options) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


# ---- as the lab says

@pytest.mark.parametrize("lab", LABS)
def test_make_lab(root, build, fdtrace, ports, marked, lab):
    numbers = ports(PORTS[lab])
    done = make(root, *in_place(build), lab, "TIMEOUT=0.5", "PORT=%d" % numbers[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout                     # not a terminal: no colour
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), max(done.stdout.splitlines(), key=len)
    assert "NOT AS THE LAB SAYS" not in done.stdout
    for number in numbers:
        assert str(number) in done.stdout
    # Server, clients and turns in one flow: what the client hears stands behind what it says.
    text = done.stdout
    assert "listening on 127.0.0.1:%d fd 3" % numbers[0] in text and "time out!" in text
    assert 0 < text.index("A says") < text.index("A hears") < text.index("A leaves") < text.index("What there was to see")
    log = build / lab / "trace.log"
    assert log.stat().st_size > 1000 and str(log.relative_to(root)) in text if str(log).startswith(str(root)) else True
    assert trace.load(fdtrace, str(build / lab / "trace.fdt")).clients()


def test_what_lab2_says_of_the_numbers_that_come_back(root, scratch_build, ports):
    numbers = ports(1)
    done = run_play(scratch_build, root, "lab2", str(scratch_build / "lab2" / "server"), numbers)
    assert done.returncode == 0, done.stdout + done.stderr
    said = " ".join(done.stdout.split())
    assert re.search(r"fd 4 lived twice: for A \(accepted at event \d+, closed at \d+\), then for D \(", said)
    assert re.search(r"fd 5 lived three times: for B \(.*\), then for E \(.*\), then for G \(", said)
    assert "not 7, 8 and 9: accept() gives the lowest number that is not in use" in said


def test_two_labs_in_one_command_are_played_one_after_the_other(root, build, ports):
    numbers = ports(3)
    done = make(root, *in_place(build), "lab1", "lab2", "-j4", "TIMEOUT=0.3", "PORT=%d" % numbers[0])
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.index("lab 1:") < done.stdout.index("What there was to see") < done.stdout.index("lab 2:")


# ---- servers that go wrong

@pytest.mark.parametrize("kind, expected", [
    ("CRASH", "it was killed by SIGSEGV"),
    ("EXIT", "it ended with exit status 3: server: I give up"),
    ("HANG", 'C should have heard "hello from C", but heard nothing; waited for 5 s'),
    ("NEVER", "the server should listen on port"),
    ("GARBLED", 'C should have heard "hello from C", but heard "HELLO FROM C"'),
])
def test_a_server_that_goes_wrong(root, scratch_build, compile_c, ports, marked, kind, expected):
    begin = time.monotonic()
    done = run_play(scratch_build, root, "lab2", compile_c("wrong.c", "-D" + kind, "-pthread"), ports(1))
    assert time.monotonic() - begin < 20
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr and done.stderr == ""
    said = " ".join(done.stdout.split())
    assert "The session stopped at step" in said
    assert expected[1:] in said              # (its first letter is a capital there)
    last = done.stdout[done.stdout.index("The last of "):].splitlines()[1:]
    assert 3 <= len(last) <= 10 and all(len(line) < 80 for line in last)
    if kind == "HANG":
        assert "pause" in last[-1] or "recv" in " ".join(last)


def test_a_server_that_is_not_the_labs(root, scratch_build, build, ports, marked):
    """lab 1's server in lab 2's place: it stays with A, so C is not heard."""
    done = run_play(scratch_build, root, "lab2", str(build / "lab1" / "server"), ports(1))
    assert done.returncode == 1
    assert 'C should have heard "hello from C", but heard nothing' in " ".join(done.stdout.split())


def test_a_session_that_goes_well_and_a_trace_that_does_not(root, scratch_build, compile_c, ports, marked):
    """It serves everybody, but it has opened a descriptor more, so the clients are 5, 6, 7: the summary says so."""
    source = (root / "harness" / "tests" / "wrong.c").read_text().replace(
        "setvbuf(stdout", "dup(0);\n\tsetvbuf(stdout")
    done = run_play(scratch_build, root, "lab2", compile_c(source, "-pthread", "-Wno-unused-result"), ports(1))
    assert done.returncode == 1, done.stdout
    said = " ".join(done.stdout.split())
    assert "NOT AS THE LAB SAYS: A and D should have been 4 and 4#2: they were 5 and 5#2" in said


def test_a_static_program_cannot_be_traced_and_that_is_said(root, scratch_build, compile_c, ports, marked):
    done = run_play(scratch_build, root, "lab2", compile_c("wrong.c", "-pthread", "-static"), ports(1))
    assert done.returncode == 1
    assert "static" in done.stderr and len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout


# ---- ports and arguments

@pytest.mark.parametrize("lab", LABS)
def test_a_port_that_is_taken(root, build, ports, lab):
    numbers = ports(PORTS[lab])
    with socket.create_server(("127.0.0.1", numbers[-1])):
        done = make(root, *in_place(build), lab, "PORT=%d" % numbers[0])
    assert done.returncode == 2 and done.stdout == ""
    line, last = done.stderr.splitlines()
    assert line.startswith("port %d is taken by " % numbers[-1]) and "PORT=" in line
    assert "process %d" % os.getpid() in line and last.startswith("make: ***")


@pytest.mark.parametrize("arguments, expected", [
    (["TIMEOUT=soon"], "TIMEOUT=soon: it is to be a number of seconds"),
    (["TIMEOUT=-1"], "TIMEOUT=-1"),
    (["TIMEOUT=0"], "TIMEOUT=0 means no timer"),
    (["PORT=http"], "PORT=http: it is to be a number"),
    (["PORT=65536"], "port 65536: ports go from 1 to 65535"),
])
def test_bad_variables(root, build, arguments, expected):
    done = make(root, *in_place(build), "lab2", *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(expected) and len(done.stderr.splitlines()) == 2


def test_a_lab_without_a_session(root, build):
    done = run_play(build, root, "lab99", str(build / "lab2" / "server"), [50000])
    assert (done.returncode, done.stdout, done.stderr) == (2, "", 'there is no session for "lab99"\n')


# ---- the terminal

def on_a_terminal(command: List[str], root: Path, columns: int, **environment: str) -> Tuple[int, str]:
    """Runs a command on a terminal of this width; its exit status and all that came."""
    import fcntl
    import struct
    import termios
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(command, cwd=root, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                          env={**clean, "PYTHONPATH": str(root / "harness"), "TERM": "xterm", **environment}) as process:
        os.close(theirs)
        came = b""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    more = os.read(ours, 65536)
                except OSError:
                    break
                if not more:
                    break
                came += more
        process.wait(10)
    os.close(ours)
    return process.returncode, came.decode("utf-8", "replace").replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [80, 60, 200])
def test_nothing_wraps(root, scratch_build, ports, columns):
    command = play_command(scratch_build, "lab2", str(scratch_build / "lab2" / "server"), ports(1), "0.3")
    status, text = on_a_terminal(command, root, columns, LC_ALL="C.UTF-8")
    assert status == 0, text
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert all(len(line) <= columns for line in plain.split("\n")), max(plain.split("\n"), key=len)


def test_no_color_and_no_utf8(root, scratch_build, ports):
    command = play_command(scratch_build, "lab2", str(scratch_build / "lab2" / "server"), ports(1), "0.3")
    status, text = on_a_terminal(command, root, 80, NO_COLOR="1", LC_ALL="C")
    assert status == 0, text
    assert "\x1b" not in text and text.isascii()


# ---- the end in the middle

@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129),
                                            (signal.SIGKILL, -9)])
def test_stopped_in_the_middle(root, scratch_build, ports, marked, number, status):
    command = play_command(scratch_build, "lab2", str(scratch_build / "lab2" / "server"), ports(1), "30")
    with started(command, cwd=root, stderr=subprocess.PIPE,
                 env={**os.environ, "PYTHONPATH": str(root / "harness")}) as process:
        read_until(process, "silence")  # it waits for the server's timer now
        process.send_signal(number)
        process.wait(20)
        errors = process.stderr.read().decode()
    assert process.returncode == status
    assert "Traceback" not in errors


def test_its_output_is_cut_off(root, scratch_build, ports, marked):
    """make lab2 | head -3"""
    command = play_command(scratch_build, "lab2", str(scratch_build / "lab2" / "server"), ports(1), "0.3")
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": str(root / "harness")}) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read().decode()
        process.wait(30)
    assert "Traceback" not in errors


# ---- serve

@pytest.mark.parametrize("lab", LABS)
def test_make_serve(root, build, ports, marked, lab):
    numbers = ports(PORTS[lab])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "-C", str(root), "--no-print-directory", *in_place(build), "serve", "LAB=" + lab, "TIMEOUT=0",
               "PORT=%d" % numbers[0]]
    with started(command, stderr=subprocess.STDOUT, env=environment) as process:
        seen = read_until(process, "listening on 127.0.0.1:%d" % numbers[-1])
        assert "make client PORT=%d" % numbers[0] in seen
        done = subprocess.run([str(build / "client"), str(numbers[0])], input="hello\n", capture_output=True, text=True,
                              timeout=20)
        assert done.stdout == "hello\n"
        seen += read_until(process, "closed")  # the server has come to that, too
        os.killpg(process.pid, signal.SIGINT)  # Ctrl+C, as the terminal sends it: to make, fdtrace and the server
        rest = seen + process.communicate(timeout=20)[0].decode()
        assert re.search(r"read \d=6\s+write \d=6", rest) and "Traceback" not in rest
        assert "make: ***" not in rest
