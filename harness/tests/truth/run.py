"""harness/tests/truth/run.py: runs a program under strace and fdtrace at once, and asks three witnesses: the capture, strace and
/proc/PID/fd.

    with Run(folder, fdtrace) as run:
        run.start(["nginx", "-c", "nginx.conf"])
        run.wait_for_port(port)
        ...                            # load
        run.checkpoint("after the load")
        run.stop()
    run.verdict()                      # strace.Verdict

Everything that a run starts is in one session of processes and dies with it.
"""
from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import strace as compare

DEADLINE = 60.0  # strace with stacks takes milliseconds a call, and CI has two cores
KERNEL = ",".join("?" + name for name in compare.libc.NUMBERS if name not in ("bpf", "fcntl")) + ",?fcntl,restart_syscall"


class Failure(Exception):
    """A run that did not come to its end, in words."""


class Run:
    def __init__(self, folder: Path, fdtrace: str, options: Sequence[str] = ()) -> None:
        self.folder = folder
        self.fdtrace = fdtrace
        self.options = list(options)
        self.capture = folder / "trace.fdt"
        self.logs = folder / "strace"
        self.process: Optional[subprocess.Popen] = None
        self.watch = -1  # end of file here: strace has written its last line
        self.output = folder / "output"
        self.differences: List[str] = []  # of checkpoints
        self.checkpoints: List[str] = []

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            for pid in self.alive():  # those that made a session of their own
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()
        if self.watch >= 0:
            os.close(self.watch)
            self.watch = -1

    # ---- the program

    def prefix(self) -> List[str]:
        """-D: the tracer is a grandchild, so that the process that we start is fdtrace itself."""
        return ["strace", "-D", "-ff", "-k", "-s", "0", "-a", "1", "--seccomp-bpf", "-e", f"trace={KERNEL}", "-e", "signal=none", "-o", str(self.logs)]

    def start(self, argv: Sequence[object], **how) -> None:
        self.watch, other = os.pipe()
        words = self.prefix() + [self.fdtrace, "run", "-o", str(self.capture), *self.options, "--", *map(str, argv)]
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, pass_fds=[other],
                                            start_new_session=True, **how)
        os.close(other)

    def wait_for(self, fact: Callable[[], bool], what: str) -> None:
        limit = time.monotonic() + DEADLINE
        while not fact():
            if time.monotonic() > limit:
                raise Failure(f"{what} did not happen within {DEADLINE:.0f} s; output: {self.output.read_bytes()[-500:]!r}")
            if self.process is not None and self.process.poll() is not None:
                raise Failure(f"{what} did not happen: fdtrace has ended with {self.process.returncode}; output: {self.output.read_bytes()[-500:]!r}")
            time.sleep(0.01)  # between two looks

    def wait_for_port(self, port: int) -> None:
        """Until somebody listens there: seen in the kernel's table, so that no connection disturbs the run."""
        entry = f":{port:04X} "
        self.wait_for(lambda: any(entry in line.split("rem")[0][:30] and line.split()[3] == "0A" for line in tcp_table()), f"a listener on {port}")

    def wait(self) -> int:
        """The program ends by itself. Returns fdtrace's status."""
        assert self.process is not None
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise Failure(f"the program did not end within {DEADLINE:.0f} s; output: {self.output.read_bytes()[-500:]!r}") from None
        os.set_blocking(self.watch, False)
        limit = time.monotonic() + DEADLINE
        while True:  # strace's last words
            try:
                if os.read(self.watch, 1) == b"":
                    return status
            except BlockingIOError:
                if time.monotonic() > limit:
                    raise Failure("strace did not end") from None
                time.sleep(0.01)

    def stop(self, number: int = signal.SIGTERM) -> int:
        os.kill(self.first_pid(), number)
        return self.wait()

    def first_pid(self) -> int:
        return next(event["pid"] for event in self.events() if event["call"] == "start")

    # ---- the witnesses

    def events(self) -> List[dict]:
        if not self.capture.exists():
            return []
        done = subprocess.run([self.fdtrace, "json", "--no-where", str(self.capture)], capture_output=True, text=True, timeout=DEADLINE)
        if done.returncode != 0:
            raise Failure(f"fdtrace json: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def alive(self) -> List[int]:
        """The processes of the capture that still live."""
        return sorted(pid for pid in {event["pid"] for event in self.events() if event["call"] not in ("note", "queue", "ended")} if open_in_kernel(pid) is not None)

    def checkpoint(self, name: str, patience: float = 10) -> None:
        """Holds the reader's table of every process against /proc/PID/fd. The program is at rest, or comes to rest: what both say
        is compared until they agree, or until a deadline has passed, and then the difference is kept."""
        limit = time.monotonic() + patience
        while True:
            before = {pid: open_in_kernel(pid) for pid in self.alive()}
            tables = open_in_capture(self.events())
            after = {pid: open_in_kernel(pid) for pid in before}
            wrong = [text for pid in before for text in self.hold(pid, before[pid], tables.get(pid, {}))]
            if before == after and before and not wrong:
                break
            if time.monotonic() > limit:
                self.differences += [f"{name}: {text}" for text in wrong or ["the program did not come to rest"]]
                break
            time.sleep(0.02)
        self.checkpoints.append(f"{name}: {len(before)} processes, {sum(len(fds or ()) for fds in before.values())} descriptors")

    @staticmethod
    def hold(pid: int, kernel: Optional[Dict[int, str]], capture: Dict[int, str]) -> List[str]:
        if kernel is None:
            return []
        wrong = [f"process {pid}: {fd} is {kernel[fd]} in the kernel, and not open in the capture" for fd in kernel if fd not in capture]
        return wrong + [f"process {pid}: {fd} ({capture[fd]}) is open in the capture, and not in the kernel" for fd in capture if fd not in kernel]

    def verdict(self) -> compare.Verdict:
        return compare.compare(self.events(), self.logs, libc_names())


_names: List[compare.Libc] = []


def libc_names() -> compare.Libc:
    """Names for addresses in this machine's glibc: worked out once."""
    if not _names:
        _names.append(compare.Libc(next(path for path in compare.libc.at_hand() if path.name == "libc.so.6")))
    return _names[0]


def tcp_table() -> List[str]:
    return Path("/proc/net/tcp").read_text().splitlines()[1:]


def open_in_kernel(pid: int) -> Optional[Dict[int, str]]:
    """/proc/PID/fd, or None when the process is gone (or is a zombie)."""
    found = {}
    try:
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX":
            return None
        for name in os.listdir(f"/proc/{pid}/fd"):
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return found


def open_in_capture(events: List[dict]) -> Dict[int, Dict[int, str]]:
    """What the capture says is open in each process: born and not ended. The lines stand in the order in which calls began, so
    births and ends of different threads may stand crosswise; a life's name is used once in a process."""
    born: Dict[int, Dict[str, Tuple[int, str]]] = {}
    for event in events:
        for life in event["opened"]:
            born.setdefault(event["pid"], {})[life["life"]] = (life["fd"], life["kind"] + (" " + life["how"] if "how" in life else ""))
    for event in events:
        for life in event["closed"]:
            born.get(event["pid"], {}).pop(life["life"], None)
    return {pid: {fd: f"{name} {what}" for name, (fd, what) in lives.items()} for pid, lives in born.items()}
