"""harness/tests/test_barrier.py: "at rest" is said neither too early nor too late, on a busy machine too."""
from __future__ import annotations

import os
import signal
import socket
import time

import pytest

from fdlab import barrier, proc
from fdlab.barrier import IN_VAIN, NotAtRest, Rest, Spins, Toil, on_its_way, wait_for_rest
from fdlab.client import Client
from fdlab.launcher import launch

ROUNDS = 50

SLOW = r"""
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[argc - 1]))};
	int listener = socket(AF_INET, SOCK_STREAM, 0), client;
	char byte;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 1) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	client = accept(listener, NULL, NULL);
	while (read(client, &byte, 1) == 1) {
		clock_t end = clock() + CLOCKS_PER_SEC / 25; /* of the processor, not of the day */

		while (clock() < end)
			continue;
		if (write(client, &byte, 1) != 1)
			break;
	}
	return 0;
}
"""


def start(program: str, *ports: int):
    return launch([program, "30", *map(str, ports)], deadline=100)


def test_where_lab1_rests(build, ports):
    numbers = ports(2)
    with start(str(build / "lab1" / "server"), *numbers) as server:
        server.wait_for_line(str(numbers[1]))
        assert wait_for_rest(server.pid, numbers) == Rest("select", None)
        a, b = Client("A", numbers[0]), Client("B", numbers[1])
        a.connect()
        assert wait_for_rest(server.pid, numbers) == Rest("recv", 5)
        assert str(Rest("recv", 5)) == "recv fd 5"
        b.connect()
        b.say(b"is anybody there?")
        # The unread bytes and the queue of B's listener do not keep it from being at rest: it is blocked elsewhere.
        assert wait_for_rest(server.pid, numbers) == Rest("recv", 5)
        b.hear_nothing()
        a.leave()
        assert wait_for_rest(server.pid, numbers) == Rest("recv", 5)
        b.hear(b"is anybody there?")
        b.reset()
        assert wait_for_rest(server.pid, numbers) == Rest("select", None)


def rounds_at_lab2(build, number: int) -> None:
    """At each rest, what the server was to do is done: seen from outside, in its table and in what the client has got."""
    with start(str(build / "lab2" / "server"), number) as server:
        server.wait_for_line("listening")
        wait_for_rest(server.pid, [number])
        for n in range(ROUNDS):
            client = Client("A", number)
            client.connect()
            assert wait_for_rest(server.pid, [number]) == Rest("select", None)
            assert 4 in proc.descriptors(server.pid), "round %d: not accepted yet" % n
            client.say(b"round %d" % n)
            assert wait_for_rest(server.pid, [number]) == Rest("select", None)
            client._take()  # without waiting: it must have come
            assert client._unheard == b"round %d" % n
            client.leave() if n % 2 else client.reset()
            assert wait_for_rest(server.pid, [number]) == Rest("select", None)
            assert 4 not in proc.descriptors(server.pid), "round %d: not closed yet" % n


def test_never_too_early(build, ports):
    rounds_at_lab2(build, *ports(1))


def test_never_too_early_with_all_cores_busy(build, ports, busy_cores):
    rounds_at_lab2(build, *ports(1))


@pytest.mark.parametrize("kinds", [["-DSLOW"], ["-DTHREADS"], ["-DSLOW", "-DTHREADS"]], ids=" ".join)
def test_never_too_early_with_other_servers(compile_c, ports, kinds):
    """One that computes and naps before it answers, one whose threads answer, and both in one."""
    number, = ports(1)
    with start(compile_c("wrong.c", *kinds, "-pthread"), number) as server:
        server.wait_for_line("listening")
        clients = [Client(name, number) for name in "ABC"]
        for client in clients:
            client.connect()
            assert wait_for_rest(server.pid, [number]) == Rest("select", None)
        for n in range(ROUNDS // 5):
            for some in ([clients[0]], clients):
                for client in some:
                    client.say(b"%d" % n)
                wait_for_rest(server.pid, [number])
                for client in some:
                    client._take()
                    assert client._unheard == b"%d" % n
                    client.hear(b"%d" % n)


def test_large_input_that_nobody_reads(build, ports):
    """C's bytes fill every buffer while lab 1 stays with A. They are on their way for ever, and that is rest."""
    number, = ports(1)
    with start(str(build / "lab1" / "server"), number) as server:
        server.wait_for_line("listening")
        a, c = Client("A", number), Client("C", number, deadline=0.2)
        a.connect()
        wait_for_rest(server.pid, [number])
        c.connect()
        with pytest.raises(Exception, match="the server does not read"):
            c.burst(32 << 20)
        assert wait_for_rest(server.pid, [number]) == Rest("recv", 4)


# ---- what is not rest

def test_a_server_that_spins_is_told(compile_c, ports):
    with launch([compile_c("wrong.c", "-DSPIN", "-pthread"), "0.05", str(ports(1)[0])]) as server:
        server.wait_for_line("time out!")
        with pytest.raises(Spins, match="nothing comes of it: running; a wait that returns at once, again and again"):
            wait_for_rest(server.pid)


def test_toil_is_in_vain_when_no_connection_changes():
    """Time does not count, what has run does; and whatever a connection has sent or taken is something that came of it."""
    def thread(ran: float) -> proc.Thread:
        return proc.Thread(1, 1, "R", None, (), 0, True, ran)

    def row(unread: int) -> proc.Tcp:
        return proc.Tcp(("127.0.0.1", 50000), ("127.0.0.1", 40001), proc.ESTABLISHED, 0, unread, 7)

    spins, works, rests, forks = Toil(), Toil(), Toil(), Toil()
    looks = range(4)
    assert [spins.in_vain([thread(n * IN_VAIN)], lambda: [row(0)]) for n in looks] == [False, False, True, True]
    assert not any(works.in_vain([thread(n * IN_VAIN)], lambda: [row(n)]) for n in looks)
    assert not any(rests.in_vain([thread(5.0)], lambda: [row(0)]) for n in looks)
    assert not any(forks.in_vain([thread(5.0)] + [thread(IN_VAIN)] * (n % 2), lambda: [row(0)]) for n in looks)


def test_a_server_that_works_for_long_does_not_spin(compile_c, ports):
    """It computes for more than is enough to be taken for one that spins; but it takes a byte at a time, and sends it back."""
    number = ports(1)[0]
    with launch([compile_c(SLOW), str(number)]) as server:
        a = Client("A", number)
        server.wait_for_line("listening")
        a.connect()
        a.say(b"x" * 32)
        assert wait_for_rest(server.pid, [number], 60.0) == Rest("read", 4)
        assert sum(thread.ran for thread in proc.threads(server.pid)) > 4 * IN_VAIN
        a.hear(b"x" * 32)
        a.leave()


def test_a_stopped_server_is_not_at_rest(build, ports):
    with start(str(build / "lab2" / "server"), *ports(1)) as server:
        server.wait_for_line("listening")
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(NotAtRest, match="stopped"):
            wait_for_rest(server.pid, deadline=0.2)
        os.kill(server.pid, signal.SIGCONT)
        assert wait_for_rest(server.pid).call in ("select", "restart")


def test_one_that_waits_for_room_in_its_capture_is_not_at_rest():
    """That wait is the tracer's: without it, it would run. A thread that waits for another one is another matter."""
    def thread(operation: int, timeout: int) -> proc.Thread:
        number = next(number for number, name in proc.CALLS.items() if name == "futex")
        return proc.Thread(1, 1, "S", number, (0x7f0000001000, operation, 0, timeout, 0, 0), 0)

    private, bitset = 128, 9
    assert barrier._name(thread(0, 0x7ffd00000000), None) == ("running", None)
    for other in (thread(0 | private, 0x7ffd00000000), thread(0, 0), thread(bitset | private, 0x7ffd00000000), thread(bitset, 0)):
        assert barrier._name(other, None) == ("futex", None)


def test_one_that_sleeps_is_not_at_rest(compile_c):
    with launch([compile_c("#include <unistd.h>\nint main(void) { sleep(60); }")]) as server:
        with pytest.raises(NotAtRest, match="in nanosleep.*it sleeps instead of waiting"):
            wait_for_rest(server.pid, deadline=0.3)


def test_one_that_has_ended(build, ports):
    with start(str(build / "lab2" / "server"), *ports(1)) as server:
        server.wait_for_line("listening")
        server.end()
        with pytest.raises(NotAtRest, match="the server has ended"):
            wait_for_rest(server.pid, deadline=0.2)


POLLER = r"""
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
/* Takes naps in select() and looks by itself: a wait that has unread input beside it is not rest here. */
int main(int argc, char *argv[])
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(argv[argc - 1])),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listen_fd = socket(AF_INET, SOCK_STREAM, 0), client_fd;
	char buffer[512];

	bind(listen_fd, (struct sockaddr *)&address, sizeof address);
	listen(listen_fd, 5);
	write(1, "listening\n", 10);
	client_fd = accept(listen_fd, NULL, NULL);
	for (;;) {
		ssize_t size = recv(client_fd, buffer, sizeof buffer, MSG_DONTWAIT);
		if (size > 0)
			send(client_fd, buffer, (size_t)size, 0);
		select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = 40000});
	}
}
"""


def test_a_nap_beside_unread_input_is_not_rest(compile_c, ports):
    number, = ports(1)
    with launch([compile_c(POLLER, "-Wno-unused-result"), str(number)]) as server:
        server.wait_for_line("listening")
        assert wait_for_rest(server.pid, [number]) == Rest("accept", 3)
        client = Client("A", number)
        client.connect()
        wait_for_rest(server.pid, [number])
        for n in range(5):
            client.say(b"%d" % n)
            wait_for_rest(server.pid, [number])
            client._take()
            assert client._unheard == b"%d" % n
            client.hear(b"%d" % n)


# ---- without /proc/PID/syscall

def test_without_the_kernels_word_on_the_call(build, ports, monkeypatch):
    """Where /proc/PID/syscall may not be read, the trace says which call it is; without a trace: asleep."""
    real = proc.look

    def blind(pid: int, tid: int) -> proc.Thread:
        seen = real(pid, tid)
        return proc.Thread(seen.pid, seen.tid, seen.state, None, (), seen.switches, readable=False)

    monkeypatch.setattr(barrier.proc, "look", blind)
    number, = ports(1)
    with start(str(build / "lab2" / "server"), number) as server:
        server.wait_for_line("listening")
        assert wait_for_rest(server.pid, [number], unfinished=lambda tid: ("select", None)) == Rest("select", None)
        assert wait_for_rest(server.pid, [number]) == Rest("asleep", None)
        client = Client("A", number)
        for n in range(5):
            client = Client("A", number)
            client.connect()
            wait_for_rest(server.pid, [number])
            assert 4 in proc.descriptors(server.pid)
            client.leave()
            wait_for_rest(server.pid, [number])


# ---- the pieces

SERVER, CLIENT = ("127.0.0.1", 50000), ("127.0.0.1", 41234)


def in_select(switches: int) -> proc.Thread:
    return proc.Thread(7, 7, "S", 270, (4, 1, 0, 0, 1, 0), switches)


def seen_by_barrier(monkeypatch, looks, tables) -> int:
    """Shows the barrier these looks and these TCP tables, one after the other, the last ones for ever. How many looks it
    needed."""
    taken = []

    def next_look(pid):
        taken.append(pid)
        return [looks[min(len(taken), len(looks)) - 1]]

    monkeypatch.setattr(barrier, "_look", next_look)
    monkeypatch.setattr(barrier.proc, "tcp", lambda pid, numbers: tables.pop(0) if len(tables) > 1 else tables[0])
    monkeypatch.setattr(barrier.proc, "CALLS", {270: "select"})
    assert wait_for_rest(7, [50000]) == Rest("select", None)
    return len(taken)


def test_one_look_is_not_enough(monkeypatch):
    """Between the first two looks it has run; between the next two as well; then it was still."""
    assert seen_by_barrier(monkeypatch, [in_select(1)], [[]]) == 2
    assert seen_by_barrier(monkeypatch, [in_select(n) for n in (1, 2, 3, 4, 5, 5)], [[]]) == 6


def test_it_waits_for_what_is_on_its_way(monkeypatch):
    coming = [row(SERVER, CLIENT, proc.ESTABLISHED), row(CLIENT, SERVER, proc.ESTABLISHED, 5)]
    there = [row(SERVER, CLIENT, proc.ESTABLISHED), row(CLIENT, SERVER, proc.ESTABLISHED)]
    assert seen_by_barrier(monkeypatch, [in_select(1)], [coming, coming, coming, there]) == 8


def row(local, peer, state, unsent=0, unread=0):
    return proc.Tcp(local, peer, state, unsent, unread, 1)


@pytest.mark.parametrize("table, expected", [
    ([row(SERVER, CLIENT, proc.ESTABLISHED), row(CLIENT, SERVER, proc.ESTABLISHED)], []),
    ([row(SERVER, CLIENT, proc.SYN_RECV), row(CLIENT, SERVER, proc.ESTABLISHED)], ["the handshake of client port 41234"]),
    ([row(SERVER, CLIENT, proc.ESTABLISHED), row(CLIENT, SERVER, proc.ESTABLISHED, 5)], ["5 bytes of client port 41234"]),
    ([row(SERVER, CLIENT, proc.ESTABLISHED, 0, 9), row(CLIENT, SERVER, proc.ESTABLISHED, 5)], []),
    ([row(SERVER, CLIENT, proc.ESTABLISHED), row(CLIENT, SERVER, proc.FIN_WAIT1, 1)], ["the end of client port 41234"]),
    ([row(SERVER, CLIENT, proc.CLOSE_WAIT), row(CLIENT, SERVER, proc.FIN_WAIT2)], []),
    ([row(SERVER, CLIENT, proc.ESTABLISHED)], ["the reset of client port 41234"]),
])
def test_what_is_on_its_way(table, expected):
    assert on_its_way(table, [50000]) == expected


def test_the_tcp_table_is_read_right(ports):
    number, = ports(1)
    with socket.create_server(("127.0.0.1", number)), socket.create_connection(("127.0.0.1", number)) as client:
        client.sendall(b"12345")
        local = client.getsockname()
        end = time.monotonic() + 5
        while True:
            rows = {(one.local, one.peer): one for one in proc.tcp(None, [number])}
            there = rows.get((("127.0.0.1", number), local))
            if there and there.unread == 5:
                break
            assert time.monotonic() < end, rows
        assert there.state == proc.ESTABLISHED
        assert rows[(("127.0.0.1", number), ("0.0.0.0", 0))].state == proc.LISTEN
        assert rows[(("127.0.0.1", number), ("0.0.0.0", 0))].unread == 1  # one in its queue
    assert "process %d" % os.getpid() not in proc.who_listens(number)


def test_an_ipv6_server_is_seen_too(ports):
    number, = ports(1)
    try:
        listener = socket.create_server(("::", number), family=socket.AF_INET6, dualstack_ipv6=True)
    except (OSError, ValueError):
        pytest.skip("no IPv6 on this machine")
    with listener, socket.create_connection(("127.0.0.1", number)) as client:
        rows = {(one.local, one.peer) for one in proc.tcp(None, [number])}
        assert (("127.0.0.1", number), client.getsockname()) in rows
