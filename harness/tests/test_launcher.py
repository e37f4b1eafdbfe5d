"""harness/tests/test_launcher.py: a server starts clean, is heard, and never outlives the harness."""
from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest

from conftest import heeds_ctrl_c
from fdlab import launcher, proc
from fdlab.launcher import LaunchError, launch


def wait_until(fact, what: str, deadline: float = 10.0) -> None:
    end = time.monotonic() + deadline
    while not fact():
        assert time.monotonic() < end, "not within %g s: %s" % (deadline, what)
        time.sleep(0.002)


def is_gone(pid: int) -> bool:
    try:
        return proc.state(pid) in "ZX"
    except proc.Gone:
        return True


def lab2(build: Path, ports: List[int], timeout: str = "5") -> List[str]:
    return [str(build / "lab2" / "server"), timeout, *map(str, ports)]


# ---- what it prints, and how it ends

def test_lines_are_heard_and_waited_for(build, ports):
    one, = ports(1)
    with launch(lab2(build, [one], "0.2")) as server:
        at = server.wait_for_line("listening on 127.0.0.1:%d fd 3" % one)
        first = server.wait_for_line("time out!", start=at)
        assert server.wait_for_line("time out!", start=first + 1) > first
    assert server.status == 128 + signal.SIGTERM


def test_a_line_that_never_comes(build, ports):
    with launch(lab2(build, ports(1))) as server:
        server.wait_for_line("listening")
        with pytest.raises(LaunchError, match='"no such line"; it has not within 0.1 s; its last lines: listening'):
            server.wait_for_line("no such line", deadline=0.1)


def test_the_end_is_told_with_the_last_words(build):
    with launch([str(build / "lab2" / "server"), "1", "0"]) as server:
        with pytest.raises(LaunchError, match="it ended with exit status 2: usage: server TIMEOUT PORT"):
            server.wait_for_line("listening")
        assert server.wait() == 2


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(LaunchError, match="No such file or directory"):
        with launch([str(tmp_path / "server")]):
            pass


def test_a_program_that_may_not_run(tmp_path):
    (tmp_path / "server").write_text("")
    with pytest.raises(LaunchError, match="Permission denied"):
        with launch([str(tmp_path / "server")]):
            pass


def test_a_server_that_never_stops_printing_is_not_held_up(compile_c, ports):
    one, = ports(1)
    with launch([compile_c("wrong.c", "-DCHATTY", "-pthread"), "5", str(one)]) as server:
        server.wait_for_line("listening")
        with socket.create_connection(("127.0.0.1", one), timeout=10) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"  # after its 100,000 lines
        wait_until(lambda: server.lines.dropped == 100001 - launcher.LINES_KEPT, "all lines read")
        assert len(server.lines.all) == launcher.LINES_KEPT


# ---- a clean start

def test_only_0_1_2_are_open_whatever_was_leaked(build, ports):
    leaked = [os.open(os.devnull, os.O_RDONLY) for _ in range(40)]
    try:
        for fd in leaked:
            os.set_inheritable(fd, True)
        with launch(lab2(build, ports(1))) as server:
            server.wait_for_line("fd 3")
            assert list(proc.descriptors(server.pid)) == [0, 1, 2, 3]
    finally:
        for fd in leaked:
            os.close(fd)


PRINT_TABLE = """
import sys
sys.path.insert(0, {harness!r})
from fdlab import launcher, proc
held = launcher.free_ports(1)
with launcher.launch([{server!r}, "5", str(held.numbers[0])]) as server:
    server.wait_for_line("listening")
    sys.stdout.write("open: %s\\n" % " ".join(map(str, proc.descriptors(server.pid))))  # in one piece
"""


def test_only_0_1_2_are_open_under_parallel_make(build, root, tmp_path):
    (tmp_path / "table.py").write_text(PRINT_TABLE.format(
        harness=str(root / "harness"), server=str(build / "lab2" / "server")))
    # `+` makes this a recursive make's recipe, which gets the job server's descriptors; and one more is leaked by the shell.
    (tmp_path / "Makefile").write_text("all: a b c\na b c:\n\t+@exec 7</dev/null; %s table.py\n" % sys.executable)
    done = subprocess.run(["make", "-j4", "-C", str(tmp_path), "--no-print-directory"], capture_output=True, text=True,
                          timeout=60)
    assert done.stdout.splitlines() == ["open: 0 1 2 3"] * 3, done.stderr


def test_signals_are_as_a_shell_would_have_them(build, ports):
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        with launch(lab2(build, ports(1))) as server:
            server.wait_for_line("listening")
            status = dict(line.split(":\t") for line in Path("/proc/%d/status" % server.pid).read_text().splitlines()
                          if line.startswith("Sig"))
            libc_s_own = 1 << 31 | 1 << 32          # signals 32 and 33: not for programs (nptl(7)), and not ours to reset
            assert int(status["SigIgn"], 16) & ~libc_s_own == 0   # Python itself ignores SIGPIPE
            assert int(status["SigBlk"], 16) == 0
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        signal.signal(signal.SIGHUP, old)


def test_scratch_directory_session_and_group_of_its_own(build, ports):
    with launch(lab2(build, ports(1))) as server:
        assert os.readlink("/proc/%d/cwd" % server.pid) == os.path.realpath(server.cwd)
        assert os.getsid(server.pid) == os.getpgid(server.pid) == server.pid
    assert not os.path.exists(server.cwd)


# ---- nothing is left

def stubborn(compile_c) -> str:
    return compile_c("wrong.c", "-DSTUBBORN", "-pthread")


def left_behind(server) -> int:
    return int(server.lines.all[server.wait_for_line("left behind")][1].split()[-1])


def test_one_that_ignores_sigterm_dies_with_what_it_left_behind(compile_c, ports):
    with launch([stubborn(compile_c), "5", str(ports(1)[0])]) as server:
        server.wait_for_line("listening")
        child = left_behind(server)
        assert os.getsid(child) != os.getsid(server.pid)
        server.end(deadline=0.4)
    assert server.status == 128 + signal.SIGKILL
    wait_until(lambda: is_gone(server.pid) and is_gone(child), "both are gone")


def test_the_overall_deadline_ends_it(compile_c, ports):
    with launch([stubborn(compile_c), "5", str(ports(1)[0])], deadline=0.5) as server:
        child = left_behind(server)
        assert server.wait(10) == 128 + signal.SIGKILL
        assert "the time for the whole session was over" in server.how_it_ended()
    wait_until(lambda: is_gone(child), "its child is gone")


def test_an_exception_in_the_middle_ends_it(build, ports):
    with pytest.raises(ZeroDivisionError):
        with launch(lab2(build, ports(1))) as server:
            1 / 0
    assert is_gone(server.pid)


HARNESS = """
import sys, time
sys.path.insert(0, {harness!r})
from fdlab import launcher
held = launcher.free_ports(1)
with launcher.launch([{server!r}, "5", str(held.numbers[0])]) as server:
    server.wait_for_line("listening")
    child = server.lines.all[server.wait_for_line("left behind")][1].split()[-1]
    print(server.pid, child, server._keeper.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_harness_that_is_killed_leaves_nothing(compile_c, root, number):
    script = HARNESS.format(harness=str(root / "harness"), server=stubborn(compile_c))
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, preexec_fn=heeds_ctrl_c) as harness:
        pids = [int(word) for word in harness.stdout.readline().split()]
        assert len(pids) == 3
        harness.send_signal(number)
        wait_until(lambda: all(map(is_gone, pids)), "server, child and keeper are gone")
        harness.stdin.close()


def test_a_keeper_that_is_killed_takes_the_server_with_it(build, ports):
    with launch(lab2(build, ports(1))) as server:
        server.wait_for_line("listening")
        server._keeper.kill()
        wait_until(lambda: is_gone(server.pid), "the server is gone")


FORKS = r"""
#include <signal.h>
#include <unistd.h>
int
main(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (int i = 0; i < 400; i++) {
		if (fork() == 0) {
			pause();
			_exit(0);
		}
	}
	pause();
}
"""


def group_of(pid: int) -> List[Path]:
    """The control group that its keeper has made for a process."""
    found = []
    for path in Path("/sys/fs/cgroup").glob("**/fdlab-*/cgroup.procs"):
        with contextlib.suppress(OSError):  # another keeper's may vanish meanwhile
            if str(pid) in path.read_text().split():
                found.append(path.parent)
    return found


def can_make_groups() -> bool:
    """Root may, where the kernel's groups are mounted and not read-only."""
    if os.getuid() != 0:
        return False
    with open("/proc/self/cgroup") as file:
        for line in file:
            names, path = line.rstrip("\n").split(":", 2)[1:]
            if names == "pids":
                return os.access("/sys/fs/cgroup/pids" + path, os.W_OK)
    handed = Path("/sys/fs/cgroup/cgroup.subtree_control")
    return handed.exists() and "pids" in handed.read_text() and os.access("/sys/fs/cgroup", os.W_OK)


@pytest.mark.skipif(not can_make_groups(), reason="needs root, and control groups that may be made")
def test_the_kernel_refuses_root_many_more_processes_than_are_counted(build, ports):
    with launch(lab2(build, ports(1)), most_processes=300) as server:
        server.wait_for_line("listening")
        made = group_of(server.pid)
        assert len(made) == 1 and (made[0] / "pids.max").read_text() == "364\n"
    assert not made[0].exists()


def test_more_processes_than_it_may_have_are_counted(compile_c):
    with launch([compile_c(FORKS)], most_processes=100) as server:
        assert server.wait(10.0) == 128 + signal.SIGKILL
        assert "it had started more than 100 processes" in server.how_it_ended()


# ---- ports

def test_free_ports_are_never_given_twice():
    held = [launcher.free_ports(3) for _ in range(50)]
    numbers = [number for each in held for number in each.numbers]
    assert len(set(numbers)) == 150
    for each in held:
        assert each.numbers == list(range(each.numbers[0], each.numbers[0] + 3))
        for lock in each.locks:
            lock.close()


def test_a_taken_port_is_named_with_its_owner(ports):
    numbers = ports(3)
    assert launcher.taken_port(numbers) is None
    with socket.create_server(("127.0.0.1", numbers[1])):
        text = launcher.taken_port(numbers)
        assert text.startswith("port %d is taken by " % numbers[1])
        assert "process %d" % os.getpid() in text and "PORT=" in text
    assert launcher.taken_port([65535, 65536]).startswith("port 65536: ports go from 1 to 65535")
