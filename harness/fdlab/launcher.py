"""harness/fdlab/launcher.py: starts a server, traced or not, hears what it prints, and ends it whatever happens.

    with launch(["build/lab2/server", "2", "50000"]) as server:
        server.wait_for_line("listening on")

The server gets a clean start: descriptors 0, 1 and 2 and no other, default signals, a session and a process group of its
own, and an empty directory that is thrown away. It is killed at the end of the `with` block, with all that it started,
and also when the harness is killed (keeper.py says how).

With `sandbox=` it runs in one (isolate.py makes it), `limits=` are its resource limits, `terminal=True` gives it a terminal
for its output, so that it prints line by line as it does for a student.

With `fdtrace=` and `capture=` it runs under fdtrace, and `notes` are written into the capture. With `live=True` fdtrace
owns the screen: what the server prints is heard from the capture.
"""
from __future__ import annotations

import contextlib
import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import tty
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence

from . import proc
from .trace import plain

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

DEADLINE = 5.0           # seconds: a step that takes longer has failed
OUTPUT_MOST = 256 << 20  # bytes: a server that prints more is ended
LINES_KEPT = 20000       # of a server that never stops printing: so many, and the rest is counted
BYTES_KEPT = 8 << 20     # and no more than this, should they be long
START_GRACE = 10.0       # seconds that starting fdtrace and the program may take, on a machine that is busy

Event = Dict[str, Any]


class Sandbox(NamedTuple):
    words: Callable[..., List[str]]   # (what is to be readable, what writable, the folder it begins in): they go before argv
    folder: str                       # one that it makes for its program to begin in; "" when it makes none


class LaunchError(Exception):
    """The program did not start, did not say what it should, or has ended. The text is for a student."""


# ---- ports

def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """True when a listener can bind to it: as a server with SO_REUSEADDR would."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def taken_port(ports: Sequence[int]) -> Optional[str]:
    """None when all are free, else one line for the user."""
    for port in ports:
        if not 1 <= port <= 65535:
            return "port %d: ports go from 1 to 65535; choose the first one with PORT=" % port
        if not port_is_free(port):
            owner = proc.who_listens(port)
            other = 40000 if port >= 50000 else 50000
            return "port %d is taken%s; another first port: PORT=%d" % (port, " by " + owner if owner else "", other)
    return None


class Ports(NamedTuple):
    numbers: List[int]
    locks: List[socket.socket]   # as long as these live, no other harness on this machine takes the numbers


def free_ports(count: int) -> Ports:
    """`count` ports in a row that nobody has, and that no other test on this machine will be given until we end.

    Chosen below the range that the kernel gives to clients. The lock is a name in the abstract socket space, which has
    the same extent as the ports have (the network namespace), and which the kernel frees when we die.
    """
    try:
        low = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
    except (OSError, ValueError):
        low = 32768
    first, last = (10000, low - count) if low > 12000 else (20000, 60000)
    for _ in range(1000):
        base = random.randint(first, last)
        numbers = list(range(base, base + count))
        locks = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in numbers]
        try:
            for number, lock in zip(numbers, locks):
                lock.bind("\0fdlab-port-%d" % number)
            if all(map(port_is_free, numbers)):
                return Ports(numbers, locks)
        except OSError:
            pass  # another one has the lock
        for lock in locks:
            lock.close()
    raise LaunchError("no %d free ports in a row between %d and %d" % (count, first, last))


# ---- what a program says, line by line

class Lines:
    """Lines as they come from several sources, with a wait that has a deadline. A line is (source, text)."""

    def __init__(self) -> None:
        self.all: List[tuple] = []
        self.dropped = 0
        self.size = 0            # of all lines that are kept
        self.ended = 0           # sources that have come to their end
        self.sources = 0
        self.heard = 0           # bytes, kept or not
        self.flooded: Callable[[], None] = lambda: None   # is called when that is more than OUTPUT_MOST
        self._change = threading.Condition()

    def _full(self) -> bool:
        return len(self.all) >= LINES_KEPT or self.size >= BYTES_KEPT

    def add(self, source: str, text: str) -> None:
        with self._change:
            if not self._full():
                self.size += len(text)
                self.all.append((source, text))
                self._change.notify_all()
            else:
                self.dropped += 1

    def end(self) -> None:
        with self._change:
            self.ended += 1
            self._change.notify_all()

    def drain(self, source: str, fd: int) -> None:
        """Reads a pipe to its end, in a thread of its own, so that the program never blocks in its own printing."""
        self.sources += 1

        def work() -> None:
            with open(fd, "rb", buffering=0) as pipe:
                rest = b""
                while True:
                    try:
                        more = pipe.read(65536)
                    except OSError:
                        break
                    if not more:
                        break
                    before, self.heard = self.heard, self.heard + len(more)
                    if before <= OUTPUT_MOST < self.heard:
                        self.flooded()
                    if self._full():
                        self.dropped += more.count(b"\n")
                        rest = b""
                        continue
                    *whole, rest = (rest + more).split(b"\n")
                    for line in whole:
                        self.add(source, readable(line))
                    if len(rest) > 65536:
                        self.add(source, readable(rest))
                        rest = b""
                if rest:
                    self.add(source, readable(rest))
            self.end()

        threading.Thread(target=work, daemon=True, name="fdlab " + source).start()

    def wait(self, wanted: Callable[[str], bool], deadline: float, start: int = 0,
             alive: Callable[[], bool] = lambda: True) -> Optional[int]:
        """The index of the first line from `start` on that is wanted; None when the deadline passes, or when no more
        lines can come."""
        end = time.monotonic() + deadline
        with self._change:
            while True:
                for index in range(start, len(self.all)):
                    if wanted(self.all[index][1]):
                        return index
                start = max(start, len(self.all))
                left = end - time.monotonic()
                if left <= 0 or (self.sources and self.ended >= self.sources) or not alive():
                    return None
                self._change.wait(min(left, 0.1))

    def wait_for_end(self, deadline: float) -> bool:
        end = time.monotonic() + deadline
        with self._change:
            while self.ended < self.sources:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._change.wait(left)
        return True


def readable(raw: bytes) -> str:
    """What a program or a client sent is not to be trusted on a terminal: printable ASCII stays, all else is \\xNN."""
    text = raw.decode("latin-1")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text  # as nearly all of it is
    return "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else "\\\\" if byte == 92 else "\\x%02x" % byte
                   for byte in raw)


# ---- the capture while it is being written

class Follow:
    """The events of a running capture, from `fdtrace follow`."""

    def __init__(self, fdtrace: str, capture: str, lines: Optional[Lines]) -> None:
        self.events: List[Event] = []
        self.unfinished: Dict[int, Event] = {}    # by thread: the call that has begun and not returned
        self._lines = lines
        self._process = subprocess.Popen([fdtrace, "follow", capture], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE)
        if lines is not None:
            lines.sources += 1
        self._thread = threading.Thread(target=self._work, daemon=True, name="fdlab follow")
        self._thread.start()

    def _work(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if event.get("unfinished"):
                self.unfinished[event["tid"]] = event
                continue
            waiting = self.unfinished.get(event.get("tid"))
            if waiting is not None and waiting["seq"] == event["seq"]:
                del self.unfinished[event["tid"]]
            if len(self.events) < 1000000:
                self.events.append(event)
            args = event.get("args", {})
            if self._lines is not None and event["call"] == "note" and args.get("verb") == "prints":
                self._lines.add(args.get("who", ""), readable(plain(args.get("text", "")).encode("latin-1", "replace")))
        if self._lines is not None:
            self._lines.end()

    def close(self, deadline: float = DEADLINE) -> None:
        self._thread.join(deadline)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None and not self._thread.is_alive():
                pipe.close()


class Notes:
    """What the clients do, written into the capture between the server's events. Each note is acknowledged by fdtrace
    before anything else happens, so it stands in the capture before what it causes."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.written: List[tuple] = []   # (who, verb, text) of all that were acknowledged
        self._end.settimeout(DEADLINE)

    def add(self, who: str, verb: str, text: str = "") -> int:
        line = "\t".join(word.replace("\t", " ").replace("\n", " ") for word in (who, verb, text))
        try:
            self._end.sendall(line.encode("utf-8", "replace") + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                more = self._end.recv(64)
                if not more:
                    raise LaunchError("fdtrace has ended in the middle of the session")
                answer += more
                if len(answer) > 64:
                    break
        except socket.timeout:
            raise LaunchError("fdtrace does not acknowledge a note within %g s" % DEADLINE) from None
        except OSError:
            raise LaunchError("fdtrace has ended in the middle of the session") from None
        if not answer[:-1].isdigit():
            raise LaunchError("what acknowledges the notes is not fdtrace: it says %r" % answer[:64])
        self.written.append((who, verb, line.split("\t")[2]))
        return int(answer)

    def close(self) -> None:
        self._end.close()


# ---- the server

class Server:
    """A program that runs. Made by launch()."""

    def __init__(self, argv: List[str], cwd: str) -> None:
        self.argv = argv
        self.cwd = cwd
        self.lines = Lines()
        self.pid = 0                            # the server's own, also under fdtrace
        self.status: Optional[int] = None       # of the program that was started, as the shell has it: 128 + n for signal n
        self.notes: Optional[Notes] = None
        self.follow: Optional[Follow] = None
        self.capture: Optional[str] = None
        self.late = False                       # ended by the overall deadline
        self.over = ""                          # what it had too much of, when it was ended for that: see OVER
        self.most_processes = self.most_memory = 0
        self._keeper: Optional[subprocess.Popen] = None
        self._control: Optional[socket.socket] = None
        self._started = 0                       # pid of the program that the keeper started: sandbox, fdtrace or server
        self._outermost = 0                     # pid of what is to end in good order: fdtrace or the server
        self._failed: Optional[int] = None
        self._change = threading.Condition()

    # What the keeper says, heard in a thread: the server's end is known at once.
    def _hear_keeper(self, control: socket.socket) -> None:
        with control.makefile("rb") as lines:
            for line in lines:
                word = line.split()
                with self._change:
                    if word[0] == b"pid":
                        self._started = int(word[1])
                    elif word[0] == b"fail":
                        self._failed = int(word[1])
                    elif word[0] == b"exit":
                        status = int(word[1])
                        self.status = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                    elif word[0] == b"late":
                        self.late = True
                    elif word[0] == b"over":
                        self.over = self.over or word[1].decode()
                    self._change.notify_all()
        with self._change:
            if self.status is None:
                self.status = 128 + signal.SIGKILL
            self._change.notify_all()

    def _wait(self, fact: Callable[[], bool], deadline: float) -> bool:
        end = time.monotonic() + deadline
        with self._change:
            while not fact():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._change.wait(left)
        return True

    def flooded(self) -> None:
        """It has printed more than anybody wants to read."""
        with self._change:
            self.over = self.over or "output"
        with contextlib.suppress(OSError):
            assert self._control is not None
            self._control.sendall(b"end\n")

    @property
    def alive(self) -> bool:
        return self.status is None

    def wait(self, deadline: float = DEADLINE) -> Optional[int]:
        """The exit status, once the program has ended by itself; None when the deadline passes first."""
        return self.status if self._wait(lambda: self.status is not None, deadline) else None

    def signal(self, number: int) -> None:
        """Sends a signal to the program that was started. fdtrace passes SIGTERM and SIGHUP on to the server."""
        assert self._control is not None
        with contextlib.suppress(OSError):
            if self._outermost != self._started:
                os.kill(self._outermost, number)  # a sandbox does not pass signals on
            else:
                self._control.sendall(b"signal %d\n" % number)

    def wait_for_line(self, wanted: str, deadline: float = DEADLINE, start: int = 0) -> int:
        """Waits until the server prints a line with `wanted` in it; its index, so that the next wait can go on behind it.
        `start` is such an index: lines before it do not count."""
        index = self.lines.wait(lambda line: wanted in line, deadline, start, lambda: self.alive or self._unread())
        if index is not None:
            return index
        if not self._unread():
            self.wait(1.0)  # it closes its output in the same breath as it ends
        if not self.alive:
            self.lines.wait_for_end(deadline)
            index = self.lines.wait(lambda line: wanted in line, 0.0, start)
            if index is not None:
                return index
            raise LaunchError("the server should have printed \"%s\", but %s" % (wanted, self.how_it_ended()))
        raise LaunchError("the server should have printed \"%s\"; it has not within %g s%s" % (
            wanted, deadline, self._last_words()))

    def _unread(self) -> bool:
        return self.lines.ended < self.lines.sources

    def _last_words(self) -> str:
        texts = [text for _, text in self.lines.all[-3:]]
        return "; its last lines: " + " / ".join(texts) if texts else "; it has printed nothing"

    def how_it_ended(self) -> str:
        """A sentence without a subject: "it was killed by SIGSEGV", "it ended with exit status 1: bind ...: ..."."""
        if self.status is None:
            return "it is still running"
        if self.over:
            return "it was ended, because it had %s" % {
                "processes": "started more than %d processes and threads" % self.most_processes,
                "memory": "taken more than %d MB of memory, in all its processes together" % (self.most_memory >> 20),
                "output": "printed more than %d MB" % (OUTPUT_MOST >> 20)}.get(self.over, "too much of something")
        if self.late:
            return "it was still running when the time for the whole session was over"
        if self.status > 128:
            try:
                name = signal.Signals(self.status - 128).name
            except ValueError:
                name = "signal %d" % (self.status - 128)
            how = "it was killed by %s" % name
            hints = {"SIGSEGV": " (it touched memory that is not its own)", "SIGABRT": " (it gave up by itself)",
                     "SIGPIPE": " (it wrote to a client that is gone: ignore SIGPIPE, or send with MSG_NOSIGNAL)"}
            return how + hints.get(name, "")
        how = "it ended with exit status %d" % self.status
        said = [text for source, text in self.lines.all if source != "stdout"]
        return how + (": " + said[-1] if said and self.status else "")

    def end(self, deadline: float = DEADLINE) -> None:
        """Ends the program in good order (SIGTERM, then SIGKILL), and hears it to the end. May be called twice."""
        if self.alive:
            self.signal(signal.SIGTERM)
            if self.wait(deadline / 2) is None:
                # It ignores SIGTERM. fdtrace is to live and close the capture: what runs below it is killed.
                target = self.pid if self.pid != self._outermost else 0
                if target:
                    with contextlib.suppress(OSError):
                        os.kill(target, signal.SIGKILL)
                else:
                    self.signal(signal.SIGKILL)
                if self.wait(deadline / 2) is None:
                    self.signal(signal.SIGKILL)
        self.lines.wait_for_end(0.2)  # what it left behind may hold the pipe open: _kill() ends that

    def _kill(self) -> None:
        """Ends the keeper, and with it everything below; the last thing that is done, and never left out."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
            self._control.close()
        if self._keeper is not None:
            try:
                self._keeper.wait(START_GRACE)
            except subprocess.TimeoutExpired:
                self._keeper.kill()
                self._keeper.wait()
        self.lines.wait_for_end(START_GRACE)  # nobody holds the other ends any more
        if self.notes is not None:
            self.notes.close()
        if self.follow is not None:
            self.follow.close(1.0)


def _output(terminal: bool) -> tuple:
    """Two ends: we read from the first what is written into the second, unchanged."""
    if not terminal:
        return os.pipe()
    reading, writing = os.openpty()
    tty.setraw(writing)  # no carriage returns, no echo
    return reading, writing


def _keeper() -> str:
    """harness/keeper.c, compiled."""
    path = os.path.join(os.environ.get("FDLAB_BUILD") or os.path.join(ROOT, "build"), "keeper")
    if not os.path.exists(path):
        raise LaunchError("%s is missing, without which nothing is started: make build" % path)
    return os.path.abspath(path)


def _keep_alive(server: Server, argv: Sequence[str], keep: Sequence[int], deadline: float, grace: float, live: bool,
                cwd: str, environment: Dict[str, str], limits: Dict[int, int], terminal: bool) -> None:
    """Starts the keeper, which starts the program; waits until it has."""
    ours, theirs = socket.socketpair()
    server._control = ours
    pipes: List[int] = []
    try:
        out, err = None, None
        server.lines.flooded = server.flooded
        if not live:
            for source in ("stdout", "stderr"):
                reading, writing = _output(terminal and source == "stdout")
                pipes.append(writing)
                server.lines.drain(source, reading)
            out, err = pipes
        command = [_keeper(), str(theirs.fileno()), str(deadline), str(grace),
                   ",".join(map(str, keep)), ",".join("%d=%d" % limit for limit in limits.items()),
                   "%d,%d" % (server.most_processes, server.most_memory)]
        server._keeper = subprocess.Popen(
            command + list(argv), stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=environment,
            pass_fds=[theirs.fileno()] + list(keep), start_new_session=True)
    finally:
        theirs.close()
        for pipe in pipes:
            os.close(pipe)
    threading.Thread(target=server._hear_keeper, args=(ours,), daemon=True, name="fdlab keeper").start()
    if not server._wait(lambda: bool(server._started or server._failed is not None or server.status is not None),
                        START_GRACE):
        raise LaunchError("%s did not start within %g s" % (argv[0], START_GRACE))
    if server._failed is not None:
        raise LaunchError("%s: %s" % (argv[0], os.strerror(server._failed)))
    server._outermost = server.pid = server._started


def _find_below(server: Server, passed: Sequence[str]) -> int:
    """The pid of the program that the last of `passed` (files: a sandbox, fdtrace) has started: the first one below the
    keeper's program that is none of them any more, or one that it left behind, which is below the keeper. Notes on the way
    where signals are to go. 0 when all ended before."""
    assert server._keeper is not None
    end = time.monotonic() + START_GRACE
    while server.alive and time.monotonic() < end:
        below = [server._started] + proc.descendants(server._started)
        for pid in below + [pid for pid in proc.descendants(server._keeper.pid) if pid not in below]:
            running = proc.program(pid)
            if running == passed[-1] and len(passed) > 1 and server._outermost == server._started:
                server._outermost = pid
            elif running and running not in passed:
                return pid
        time.sleep(0.003)  # until the kernel shows the child's new image; the loop has a deadline
    if server.alive:
        raise LaunchError("%s started, but no program below it within %g s" % (os.path.basename(passed[-1]), START_GRACE))
    return 0


@contextlib.contextmanager
def launch(argv: Sequence[str], *, fdtrace: Optional[str] = None, capture: Optional[str] = None, live: bool = False,
           follow: bool = False, deadline: float = 60.0, options: Sequence[str] = (),
           environment: Optional[Dict[str, str]] = None, sandbox: Optional[Sandbox] = None,
           limits: Optional[Dict[int, int]] = None, terminal: bool = False, most_processes: int = 0,
           most_memory: int = 0) -> Iterator[Server]:
    """Starts `argv`; under fdtrace when `fdtrace` (its path) and `capture` are given, with the further `options`.
    `deadline` is for the whole life of the program, `limits` for each of its processes, `most_processes` (with threads) and
    `most_memory` for all of them together."""
    folder = sandbox.folder if sandbox is not None else ""
    scratch = "" if folder else tempfile.mkdtemp(prefix="fdlab-")
    argv = [os.path.abspath(argv[0])] + list(argv[1:])
    server = Server(argv, folder or scratch)
    server.most_processes, server.most_memory = most_processes, most_memory
    environment = dict(os.environ if environment is None else environment)
    command, readable, writable, passed = argv, [argv[0]], [], []
    theirs: Optional[socket.socket] = None
    try:
        if fdtrace is not None:
            assert capture is not None
            fdtrace, capture = os.path.realpath(fdtrace), os.path.abspath(capture)
            ours, theirs = socket.socketpair()
            server.notes = Notes(ours)
            command = [fdtrace, "run", "-o", capture, "--notes=%d" % theirs.fileno(), *(["--live"] if live else []),
                       *options, "--", *argv]
            with contextlib.suppress(FileNotFoundError):
                os.unlink(capture)  # so that no one takes the last run's capture for this one's
            server.capture = capture
            readable += [fdtrace] + glob.glob(glob.escape(os.path.dirname(fdtrace)) + "/libfdtrace*.so")
            if sandbox is not None:
                open(capture, "w").close()  # this file alone can be given away: the program cannot put another in its place
                writable.append(capture)
            passed.append(fdtrace)
        if sandbox is not None:
            prefix = sandbox.words(readable, writable, folder)
            command = prefix + command
            passed.insert(0, os.path.realpath(prefix[0]))
        kept = [theirs.fileno()] if theirs else []
        _keep_alive(server, command, kept, deadline, 2.0 if fdtrace else 0.0, live, scratch or "/", environment, limits or {},
                    terminal)
        if theirs is not None:
            theirs.close()
        if passed:
            server.pid = _find_below(server, passed)
            if fdtrace is None:
                server._outermost = server.pid
        if fdtrace and capture and (live or follow):
            server.follow = Follow(fdtrace, capture, server.lines if live else None)
        yield server
        server.end()
    finally:
        if theirs is not None:
            theirs.close()
        try:
            server._kill()
        finally:
            if scratch:
                shutil.rmtree(scratch, ignore_errors=True)
