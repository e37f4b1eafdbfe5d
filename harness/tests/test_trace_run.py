"""fdtrace run: what it promises about the program it starts, the capture it leaves, and its own exit status."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import need

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("FDLAB_BUILD", ROOT / "build"))
FDTRACE = BUILD / "fdtrace"
PROGRAMS = Path(__file__).with_name("programs")
DEADLINE = 30


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Compiles the small programs once; programs('busy') is the path of one."""
    out = tmp_path_factory.mktemp("programs")
    made: dict[tuple[str, ...], Path] = {}

    def build(name: str, *flags: str, cc: str = "cc") -> Path:
        key = (name, cc, *flags)
        if key not in made:
            made[key] = out / "-".join([name, cc, *flags]).replace("/", "_")
            command = [cc, "-g", "-O1", "-D_DEFAULT_SOURCE", "-pthread", *flags, str(PROGRAMS / f"{name}.c"), "-o", str(made[key])]
            subprocess.run(command, check=True, timeout=DEADLINE)
        return made[key]

    return build


def trace(tmp_path: Path, *command: object, options: tuple[str, ...] = (), **how) -> subprocess.CompletedProcess:
    """Runs a command under fdtrace; the capture is tmp_path/trace.fdt."""
    words = [str(FDTRACE), "run", "-o", str(tmp_path / "trace.fdt"), *options, "--", *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, **how)


def events(tmp_path: Path) -> list[dict]:
    """The events of the capture."""
    done = subprocess.run([FDTRACE, "json", tmp_path / "trace.fdt"], capture_output=True, text=True, timeout=DEADLINE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def one_line(done: subprocess.CompletedProcess, status: int) -> str:
    """Asserts that a failure is one clear line and leaves nothing else; returns it."""
    lines = done.stderr.splitlines()
    assert done.returncode == status, done.stderr
    assert len(lines) == 1 and lines[0].startswith("fdtrace: "), lines
    return lines[0]


# ---- exit status


@pytest.mark.parametrize("status", [0, 1, 7, 124, 255])
def test_exit_status_is_the_program_s(tmp_path, status):
    assert trace(tmp_path, "sh", "-c", f"exit {status}").returncode == status


def test_a_signal_is_128_plus_its_number(tmp_path):
    assert trace(tmp_path, "sh", "-c", "kill -USR1 $$").returncode == 128 + signal.SIGUSR1


def test_a_program_that_is_not_there(tmp_path):
    assert "no-such-program" in one_line(trace(tmp_path, "no-such-program"), 127)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_executable(tmp_path):
    plain = tmp_path / "plain"
    plain.write_text("text")
    one_line(trace(tmp_path, plain), 126)


def test_without_a_program_it_says_how_to_call_it(tmp_path):
    assert "usage" in one_line(trace(tmp_path), 125)


# ---- programs that cannot be traced


def test_static_program(tmp_path, programs):
    line = one_line(trace(tmp_path, programs("table", "-static")), 125)
    assert "static" in line
    assert not (tmp_path / "trace.fdt").exists()


def test_setuid_program(tmp_path, programs):
    if os.getuid() != 0:
        pytest.skip("only root can give a file to another user")
    copy = tmp_path / "copy"
    shutil.copy(programs("table"), copy)
    os.chown(copy, 12345, 12345)
    copy.chmod(0o4755)
    assert "set-user-ID" in one_line(trace(tmp_path, copy), 125)


def test_program_that_drops_the_library(tmp_path):
    done = trace(tmp_path, "/usr/bin/env", "-i", "/bin/true")
    assert done.returncode == 0  # env itself was traced
    calls = [event["call"] for event in events(tmp_path)]
    assert "execve" in calls or "execvp" in calls
    assert calls.count("start") == 1  # the second image never joined


def test_script_is_traced_through_its_interpreter(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nexit 5\n")
    script.chmod(0o755)
    assert trace(tmp_path, script).returncode == 5
    assert events(tmp_path)[0]["call"] == "start"


def test_musl_programs_and_what_they_exec(tmp_path, programs):
    need("musl-gcc", "musl-tools")
    done = trace(tmp_path, programs("busy", cc="musl-gcc"), "20")
    assert done.returncode == 3 and done.stderr == ""
    assert sum(event["call"] == "start" for event in events(tmp_path)) == 2  # /bin/true is linked with glibc


# ---- the table


def test_clean_table_whatever_leaked(tmp_path, programs):
    leaked = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    try:
        done = trace(tmp_path, programs("table"), pass_fds=leaked)
    finally:
        for fd in leaked:
            os.close(fd)
    assert done.stdout.split() == ["0", "1", "2"]


def test_keep_fds(tmp_path, programs):
    fd = os.open("/dev/null", os.O_RDONLY)
    try:
        done = trace(tmp_path, programs("table"), options=("--keep-fds",), pass_fds=[fd])
    finally:
        os.close(fd)
    assert done.stdout.split() == ["0", "1", "2", str(fd)]


def test_closed_standard_descriptors_are_filled(tmp_path, programs):
    words = f"exec {FDTRACE} run -o {tmp_path / 'trace.fdt'} -- {programs('table')} <&-"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, timeout=DEADLINE)
    assert done.stdout.split() == ["0", "1", "2"]


# ---- completeness


def test_two_threads_a_fork_and_an_exec_lose_nothing(tmp_path, programs):
    rounds = 500
    done = trace(tmp_path, programs("busy"), rounds)
    assert done.returncode == 3
    got = events(tmp_path)
    assert [event["seq"] for event in got] == list(range(1, len(got) + 1))
    program = got[0]["pid"]
    child = next(event["pid"] for event in got if event["call"] == "forked")
    threads = {event["tid"] for event in got if event["call"] == "dup" and event["pid"] == program}
    assert len(threads) == 2
    for pid, tids in ((program, threads), (child, {child})):
        for tid in tids:
            for call in ("dup", "close"):
                assert sum(e["call"] == call and e["tid"] == tid and e["pid"] == pid for e in got) == rounds
    assert sum(event["call"] == "start" for event in got) == 2
    assert [event["args"]["status"] for event in got if event["call"] == "ended"] == [3]
    for tid in threads | {child}:
        times = [event["t"] for event in got if event["tid"] == tid]
        assert times == sorted(times)


def test_killed_inside_select(tmp_path, programs):
    """Every completed call is there, the unfinished one is shown, and the status is 137."""
    command = [FDTRACE, "run", "-o", tmp_path / "trace.fdt", programs("hold"), "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "waiting\n"
        pid = int(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()[0])
        wait_for_syscall(pid)
        os.kill(pid, signal.SIGKILL)
        assert run.wait(DEADLINE) == 137
    got = events(tmp_path)
    assert sum(event["call"] == "close" for event in got) == 1000
    unfinished = [event for event in got if event.get("unfinished")]
    assert [event["call"] for event in unfinished] == ["select"]
    assert unfinished[0]["watch"]["r"] == ["3"]
    assert got[-1]["call"] == "ended" and got[-1]["args"]["signal"] == "SIGKILL"


def wait_for_syscall(pid: int) -> None:
    """Until the kernel shows the process blocked in select(): its /proc/PID/syscall says "running" before."""
    limit = time.monotonic() + DEADLINE
    while not Path(f"/proc/{pid}/syscall").read_text().startswith(("270 ", "23 ", "72 ")):
        assert time.monotonic() < limit, "it never came to wait in select()"


# ---- the capture


def test_capture_cannot_be_written(tmp_path):
    done = subprocess.run([FDTRACE, "run", "-o", tmp_path / "no" / "such.fdt", "echo", "ran"], capture_output=True, text=True, timeout=DEADLINE)
    assert "No such file or directory" in one_line(done, 125)
    assert done.stdout == ""  # the program was not started


def test_capture_is_a_directory(tmp_path):
    (tmp_path / "trace.fdt").mkdir()
    one_line(trace(tmp_path, "true"), 125)


def test_file_size_limit(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    assert "ulimit -f" in one_line(trace(tmp_path, "true", preexec_fn=limit), 125)
    assert not list(tmp_path.iterdir())


def test_file_size_limit_in_the_middle(tmp_path, programs):
    """The program goes on, unhurt; what had no room is counted."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))

    done = trace(tmp_path, programs("busy"), "20000", preexec_fn=limit)
    assert done.returncode == 3
    log = subprocess.run([FDTRACE, "log", tmp_path / "trace.fdt"], capture_output=True, text=True, timeout=DEADLINE)
    assert "lost" in log.stdout + log.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system takes root")
def test_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "fdlab-test", disk], check=True)
    try:
        done = subprocess.run([FDTRACE, "run", "-o", disk / "trace.fdt", "echo", "ran"], capture_output=True, text=True, timeout=DEADLINE)
        assert "No space left on device" in one_line(done, 125)
        assert done.stdout == "" and not list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting a small file system takes root")
def test_disk_full_in_the_middle(tmp_path, programs):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "fdlab-test", disk], check=True)
    try:
        done = subprocess.run([FDTRACE, "run", "-o", disk / "trace.fdt", programs("busy"), "20000"], timeout=DEADLINE)
        assert done.returncode == 3
        log = subprocess.run([FDTRACE, "log", disk / "trace.fdt"], capture_output=True, text=True, timeout=DEADLINE)
        assert "lost" in log.stdout + log.stderr
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting takes root")
def test_a_file_mounted_into_a_folder_that_is_read_only(tmp_path):
    """All that a sandbox gives away of a folder."""
    folder, given = tmp_path / "folder", tmp_path / "given.fdt"
    folder.mkdir()
    for capture in (folder / "t.fdt", given):
        capture.touch()
    done = subprocess.run(["unshare", "--mount", "sh", "-ec",
                           'mount -t tmpfs none "$1"; touch "$1/t.fdt"; mount --bind "$2" "$1/t.fdt"; mount -o remount,ro "$1";'
                           'exec "$3" run -o "$1/t.fdt" -- true', "sh", folder, given, FDTRACE], capture_output=True, text=True,
                          timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (0, "")
    assert subprocess.run([FDTRACE, "log", given], stdout=subprocess.DEVNULL).returncode == 0
    assert given.stat().st_size > 0 and (folder / "t.fdt").stat().st_size == 0


def test_capture_that_vanishes(tmp_path):
    done = trace(tmp_path, "sh", "-c", f"rm {tmp_path / 'trace.fdt'}; exit 6")
    assert done.returncode == 6


def test_a_new_run_does_not_hurt_an_old_one(tmp_path, programs):
    """A run under the same name takes its place; the old program keeps the file it has mapped."""
    command = [FDTRACE, "run", "-o", tmp_path / "trace.fdt", programs("hold")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as old:
        assert old.stdout.readline() == "waiting\n"
        assert trace(tmp_path, "true").returncode == 0
        old.terminate()
        assert old.wait(DEADLINE) == 128 + signal.SIGTERM
    assert events(tmp_path)[-1]["args"]["status"] == 0


def test_folder_with_spaces_and_colons(tmp_path):
    folder = tmp_path / "my lab: one"
    folder.mkdir()
    for name in ("fdtrace", "libfdtrace.so"):
        shutil.copy(BUILD / name, folder / name)
    done = subprocess.run([folder / "fdtrace", "run", "-o", folder / "a b.fdt", "sh", "-c", "exit 4"], capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode, done.stderr) == (4, "")
    assert (folder / "a b.fdt").exists()


# ---- faults


def test_short_write_and_short_read_are_real(tmp_path, programs):
    done = trace(tmp_path, programs("faults"), options=("--inject=write:short=7:when=1", "--inject=read:short=5:when=1"))
    assert done.returncode == 0, done.stdout  # nothing is lost
    lines = done.stdout.split("\n")
    assert lines[0].startswith("write 7") and "read 30 " not in done.stdout
    injected = [event for event in events(tmp_path) if event.get("injected")]
    assert [(event["call"], event["ret"]) for event in injected][0] == ("write", 7)


def test_injected_error(tmp_path, programs):
    done = trace(tmp_path, programs("faults"), options=("--inject=write:error=EINTR:when=2", "--inject=write:short=7:when=1"))
    assert done.returncode == 0 and "write -1 EINTR" in done.stdout
    hits = [event for event in events(tmp_path) if event.get("injected") and event["err"] == "EINTR"]
    assert len(hits) == 1


def test_injected_signal(tmp_path, programs):
    assert trace(tmp_path, programs("faults"), options=("--inject=write:signal=SIGUSR1:when=1",)).returncode == 128 + signal.SIGUSR1


@pytest.mark.parametrize(
    "spec",
    ["", ":", "read", "read:", "read:error=ENOSUCH", "nosuch:error=EINTR", "%nosuch:error=EINTR", "read:short=0", "read:when=0:error=EIO",
     "read:error=EIO:when=3..2", "read:error=EIO:retval=1", "read:delay_enter=x", "read:error=EIO:when=1+0", "read:error=EIO:when=1x"],
)
def test_a_spec_that_does_not_parse(tmp_path, spec):
    one_line(trace(tmp_path, "true", options=(f"--inject={spec}",)), 125)
    assert not list(tmp_path.iterdir())


def test_only(tmp_path, programs):
    trace(tmp_path, programs("busy"), "10", options=("--only=dup",))
    calls = {event["call"] for event in events(tmp_path)}
    assert "dup" in calls and "close" not in calls and "start" in calls


def test_no_follow_forks(tmp_path, programs):
    done = trace(tmp_path, programs("busy"), "10", options=("--no-follow-forks",))
    assert done.returncode == 3  # its child has ended as it should, too
    got = events(tmp_path)
    assert {event["pid"] for event in got if event["call"] not in ("note",)} == {got[0]["pid"]}


# ---- notes


def test_notes_are_in_order_and_acknowledged(tmp_path, programs):
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE)
    command = [FDTRACE, "run", "-o", tmp_path / "trace.fdt", f"--notes={theirs.fileno()}", programs("hold")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()]) as run:
        theirs.close()
        assert run.stdout.readline() == "waiting\n"
        for n in range(20):
            ours.sendall(f"A\tsays\tline {n} \x1b[2J\n".encode())
            assert ours.recv(64).endswith(b"\n")
        run.terminate()
        assert run.wait(DEADLINE) == 128 + signal.SIGTERM
    notes = [event["args"] for event in events(tmp_path) if event["call"] == "note"]
    assert [note["text"] for note in notes] == [f"line {n} \\x1b[2J" for n in range(20)]
    assert {(note["who"], note["verb"]) for note in notes} == {("A", "says")}


LISTENS = """
import socket, sys
listener = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
listener.bind((sys.argv[1], 0))
listener.listen(5)
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_waits_in_front_of_a_listener_is_told(tmp_path, host):
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    ours, theirs = socket.socketpair()
    ours.settimeout(DEADLINE)
    command = [FDTRACE, "run", "-o", tmp_path / "trace.fdt", f"--notes={theirs.fileno()}", sys.executable, "-c", LISTENS, host]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()]) as run:
        theirs.close()
        port = int(run.stdout.readline())
        clients = []
        for n in range(3):
            ours.sendall(b"A\tconnects\t\n")
            assert ours.recv(64).endswith(b"\n")
            if n < 2:
                clients.append(socket.create_connection((host, port), DEADLINE))
        run.stdin.close()
        assert run.wait(DEADLINE) == 0
        for client in clients:
            client.close()
    got = events(tmp_path)
    listener = next(event["fd"] for event in got if event["call"] == "listen")
    assert [(event["fd"], event["args"]["queued"]) for event in got if event["call"] == "queue"] == [(listener, 1), (listener, 2)]
