"""harness/tests/test_client.py: build/client, the one to type into, and the harness's own scripted client."""
from __future__ import annotations

import itertools
import select
import signal
import socket
import subprocess

import pytest

from conftest import heeds_ctrl_c
from fdlab.checking import _client_ports
from fdlab.client import Client, ClientError, quoted
from fdlab.launcher import launch


def run_client(build, *arguments: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([str(build / "client"), *arguments], input=text, capture_output=True, text=True, timeout=20)


@pytest.fixture
def served(build, ports):
    number, = ports(1)
    with launch([str(build / "lab2" / "server"), "30", str(number)]) as server:
        server.wait_for_line("listening")
        yield server, number


# ---- build/client

def test_what_is_typed_comes_back(build, served):
    server, number = served
    text = "".join("line %d\n" % n for n in range(20000))
    done = run_client(build, str(number), text=text)
    assert (done.returncode, done.stdout) == (0, text)
    server.wait_for_line("client fd 4 closed")


def test_ctrl_c_leaves(build, served):
    server, number = served
    with subprocess.Popen([str(build / "client"), "127.0.0.1", str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, preexec_fn=heeds_ctrl_c) as client:
        client.stdin.write(b"hello\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"hello\n"
        client.send_signal(signal.SIGINT)
        assert client.wait(10) == -signal.SIGINT
    server.wait_for_line("client fd 4 closed")


def test_nothing_listens(build, ports):
    number, = ports(1)
    done = run_client(build, str(number))
    assert done.returncode == 1 and done.stdout == ""
    assert "connect 127.0.0.1:%d: Connection refused (ECONNREFUSED)" % number in done.stderr


def test_the_server_ends(build, served):
    server, number = served
    with subprocess.Popen([str(build / "client"), str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as client:
        client.stdin.write("hello\n")
        client.stdin.flush()
        assert client.stdout.readline() == "hello\n"
        server.end()
        assert client.wait(10) == 1
        assert "the server closed the connection" in client.stderr.read()


@pytest.mark.parametrize("arguments", [[], ["x"], ["0"], ["70000"], ["127.0.0.1", "5", "6"]])
def test_bad_arguments(build, arguments):
    done = run_client(build, *arguments)
    assert done.returncode == 2 and done.stderr == "usage: client [HOST] PORT\n"


# ---- the scripted client says what was wrong

@pytest.fixture
def other_side(ports):
    """A listener of our own, and a client that is connected to it: (client, the socket at the other end)."""
    number, = ports(1)
    with socket.create_server(("127.0.0.1", number)) as listener:
        client = Client("A", number, deadline=0.2)
        client.connect()
        server_side, _ = listener.accept()
        with server_side:
            yield client, server_side
        client.discard()


def test_ports_of_its_own_are_taken_in_turn(ports):
    """Each once, the taken ones not at all, and none that is the same with its bytes exchanged."""
    first, second, third = ports(3)
    numbers = iter([first, second, third])
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        a, b = (Client(name, 1, own_ports=numbers) for name in "AB")
        assert a.bind() == a.bind() == ("127.0.0.1", second)
        assert b.bind() == ("127.0.0.1", third)
    some = list(itertools.islice(_client_ports(0x8181 - 1), 300))
    assert some[0] == 0x8180 and len(set(some)) == 300 and all(port >> 8 != port & 255 for port in some)
    a.discard()
    b.discard()


def test_hears_what_comes_in_pieces(other_side):
    client, server = other_side
    server.sendall(b"hel")
    server.sendall(b"lo and more")
    client.hear(b"hello")
    client.hear(b" and ")
    client.hear(b"more")
    client.hear_nothing()


@pytest.mark.parametrize("sent, closes, expected", [
    (b"", False, 'A should have heard "hello", but heard nothing; waited for 0.2 s'),
    (b"he", False, 'A should have heard "hello", but heard "he" and then nothing more for 0.2 s'),
    (b"HELLO", False, 'A should have heard "hello", but heard "HELLO"'),
    (b"he", True, 'A should have heard "hello", but heard "he" and then the server closed the connection'),
    (b"", True, 'A should have heard "hello", but heard nothing; the server closed the connection'),
])
def test_hears_something_else(other_side, sent, closes, expected):
    client, server = other_side
    server.sendall(sent)
    if closes:
        server.close()
    with pytest.raises(ClientError) as error:
        client.hear(b"hello")
    assert str(error.value) == expected


def test_hears_something_where_nothing_should_come(other_side):
    client, server = other_side
    server.sendall(b"boo\n")
    assert select.select([client._socket], [], [], 5)[0]  # it has come
    with pytest.raises(ClientError, match='A should have heard nothing, but heard "boo'):
        client.hear_nothing()


def test_nothing_listens_for_the_scripted_one(ports):
    with pytest.raises(ClientError, match=r"Connection refused \(ECONNREFUSED\): nothing listens there"):
        Client("A", ports(1)[0]).connect()


def test_what_came_is_safe_to_print():
    assert quoted(b'\x1b[31m"\n\\') == r'"\x1b[31m"\x0a\\"'
    assert quoted(b"x" * 100) == '"' + "x" * 32 + '..." (100 bytes)'
