"""harness/tests/test_labs.py: what both servers must do, whoever the clients are: arguments, limits, rude clients."""
from __future__ import annotations

import random
import resource
import signal
import socket
import subprocess
from typing import List

import pytest

from fdlab import proc
from fdlab.barrier import Rest, wait_for_rest
from fdlab.client import Client
from fdlab.launcher import launch

LABS = ("lab1", "lab2")
both = pytest.mark.parametrize("lab", LABS)


def start(build, lab: str, port: int, timeout: str = "30", before: str = ""):
    """`before` is shell: a limit, say."""
    argv = [str(build / lab / "server"), timeout, str(port)]
    return launch(["/bin/sh", "-c", before + ' exec "$0" "$@"', *argv] if before else argv)


def texts(server) -> List[str]:
    return [text for _, text in server.lines.all]


# ---- how it is started

@both
@pytest.mark.parametrize("arguments", [
    [], ["2"], ["2", ""], ["", "50000"], ["-1", "50000"], ["x", "50000"], ["2s", "50000"], ["nan", "50000"],
    ["2", "0"], ["2", "65536"], ["2", "-5"], ["2", "http"], ["2", "50000x"], ["1e3", "50000"], ["1e999", "50000"],
])
def test_bad_arguments(build, lab, arguments):
    done = subprocess.run([str(build / lab / "server"), *arguments], capture_output=True, text=True, timeout=10)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("usage: server TIMEOUT PORT") and done.stderr.count("\n") == 1


@both
def test_a_port_that_is_taken(build, lab, ports):
    number, = ports(1)
    with socket.create_server(("127.0.0.1", number)):
        done = subprocess.run([str(build / lab / "server"), "2", str(number)], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "server: bind 127.0.0.1:%d: Address already in use (EADDRINUSE)\n" % number


@both
def test_it_listens_on_127_0_0_1_only(build, lab, ports):
    number, = ports(1)
    with start(build, lab, number) as server:
        server.wait_for_line("listening on 127.0.0.1:%d fd 3" % number)
        assert [row.local for row in proc.tcp(server.pid, [number]) if row.state == proc.LISTEN] == [("127.0.0.1", number)]


@both
@pytest.mark.parametrize("timeout, timer", [("0", False), ("0.0", False), ("30", True), ("0.25", True)])
def test_timeout_0_is_no_timer(build, lab, ports, timeout, timer):
    number, = ports(1)
    with start(build, lab, number, timeout) as server:
        server.wait_for_line("listening")
        assert wait_for_rest(server.pid, [number]) == Rest("select", None)
        has_timer = proc.threads(server.pid)[0].args[4] != 0  # select's fifth argument: the address of its timeval
        assert has_timer == timer


@both
def test_it_starts_again_at_once_where_it_was_killed(build, lab, ports):
    """SO_REUSEADDR: its connections were closed by its own end and are in TIME_WAIT."""
    number, = ports(1)
    client = None
    for _ in range(2):
        with start(build, lab, number) as server:
            server.wait_for_line("listening")
            client = Client("A", number)
            client.connect()
            client.say(b"x")
            client.hear(b"x")
            server.end()
            client.hear_end()
            client.leave()


# ---- what clients do to it

@both
@pytest.mark.parametrize("size", [1, 4096, 65536, 1 << 20])
def test_any_bytes_come_back(build, lab, ports, size):
    number, = ports(1)
    with start(build, lab, number) as server:
        server.wait_for_line("listening")
        client = Client("A", number, deadline=20)
        client.connect()
        client.hear(client.burst(size))
        client.half_close()
        client.hear_end()


@both
def test_a_client_that_resets_ends_alone(build, lab, ports):
    number, = ports(1)
    with start(build, lab, number) as server:
        server.wait_for_line("listening")
        for n in range(5):
            rude = Client("A", number)
            rude.connect()
            rude.say(b"x" * n)
            rude.reset()
            wait_for_rest(server.pid, [number])
            assert list(proc.descriptors(server.pid)) == [0, 1, 2, 3]
        kind = Client("B", number)
        kind.connect()
        kind.say(b"still there?")
        kind.hear(b"still there?")


@both
def test_a_client_that_is_gone_before_the_answer(build, lab, ports):
    """A burst, and a reset while the server is still echoing it: no SIGPIPE, no end."""
    number, = ports(1)
    with start(build, lab, number) as server:
        server.wait_for_line("listening")
        for _ in range(10):
            with socket.create_connection(("127.0.0.1", number)) as rude:
                rude.sendall(b"x" * 200000)
            # close() with unread bytes is a reset
        wait_for_rest(server.pid, [number])
        assert server.alive and list(proc.descriptors(server.pid)) == [0, 1, 2, 3]


@both
def test_a_signal_without_consequence(build, lab, ports):
    """EINTR: a stop and a continue interrupt select(), and a handler-less server goes on."""
    number, = ports(1)
    with start(build, lab, number) as server:
        server.wait_for_line("listening")
        wait_for_rest(server.pid, [number])
        server.signal(signal.SIGSTOP)
        server.signal(signal.SIGCONT)
        client = Client("A", number)
        client.connect()
        client.say(b"x")
        client.hear(b"x")


# ---- limits

@both
def test_out_of_descriptors(build, lab, ports):
    """With 8 descriptors lab 2 has room for four clients. The others wait, the server does not spin, and a place that
    becomes free is taken."""
    number, = ports(1)
    with start(build, lab, number, before="ulimit -n 8;") as server:
        server.wait_for_line("listening")
        clients = [Client(name, number) for name in "ABCDEF"]
        for client in clients:
            client.connect()
            client.say(client.name.encode())
        wait_for_rest(server.pid, [number])
        before = _ticks(server.pid)
        if lab == "lab2":
            assert any(text.startswith("accept: Too many open files (EMFILE)") for text in texts(server))
        for client in clients:
            client.hear(client.name.encode())
            client.leave()
        wait_for_rest(server.pid, [number])
        assert list(proc.descriptors(server.pid)) == [0, 1, 2, 3]
        assert _ticks(server.pid) - before < 20


def _ticks(pid: int) -> int:
    """Hundredths of a second of processor time."""
    with open("/proc/%d/stat" % pid) as file:
        words = file.read().rpartition(")")[2].split()
    return int(words[11]) + int(words[12])


def test_lab2_refuses_a_descriptor_that_select_cannot_watch(build, ports):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2200:
        pytest.skip("the hard limit of open files here is %d" % hard)
    number, = ports(1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2200, hard))
    try:
        with start(build, "lab2", number) as server:
            server.wait_for_line("listening")
            clients = [Client(str(n), number) for n in range(4, 1026)]
            for client in clients:
                client.connect()
            server.wait_for_line("refused: fd 1024 is too large", deadline=20)
            clients[-1].hear_end()
            last = clients[1023 - 4]
            last.say(b"the last one that fits")
            last.hear(b"the last one that fits")
            for client in clients:
                client.discard()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_lab2_gives_the_lowest_hole_in_any_order(build, ports):
    """POSIX's rule, from outside: whatever order they leave in, the next one gets the lowest number not in use."""
    choose = random.Random(7)
    number, = ports(1)
    with start(build, "lab2", number) as server:
        server.wait_for_line("listening")
        there = {}
        for n in range(60):
            if there and choose.random() < 0.5:
                fd = choose.choice(sorted(there))
                there.pop(fd).leave()
            else:
                fd = next(fd for fd in range(4, 100) if fd not in there)
                there[fd] = Client(str(n), number)
                there[fd].connect()
            wait_for_rest(server.pid, [number])
            assert list(proc.descriptors(server.pid)) == [0, 1, 2, 3] + sorted(there)
            for fd, client in there.items():
                client.say(b"%d" % fd)
                client.hear(b"%d" % fd)
