"""harness/checks/lab1.py: what is graded in lab 1: select() over several listeners, and one client served at a time.

    make grade LAB=lab1 SRC=my.c CHECK=one_at_a_time

Each check is one statement, and its docstring says it. harness/points/lab1.txt has the points. That only one client is
served at a time is what this lab is to show: a server that serves all of them is a good lab 2.
"""
from __future__ import annotations

import shared
from fdlab import proc
from fdlab.checking import SHORT, Bench
from shared import after

# Where to read about a check that failed: sections of handouts/lab1.md.
HANDOUT = {"one_at_a_time": "Observe", "queued_then_served": "Break it", "same_number_again": "Observe",
           "no_timeout_while_serving": "Observe", "*": "Pitfalls"}

# ---- how it starts

def test_args__usage(bench: Bench) -> None:
    """Bad arguments print a usage line on stderr and end the server with 2."""
    ports = list(map(str, bench.ports()))
    shared.usage(bench, [[], ["2"], ["soon", *ports], ["2", ports[0], "http", ports[2]], ["2", ports[0], "0"],
                         ["2", "65536", ports[1]], ["-1", *ports]])


@after("listen.three")
def test_port_taken__error(bench: Bench) -> None:
    """A port that is taken is told on stderr with its number and the reason, and ends the server with 1."""
    shared.port_taken(bench, 1)


@after("listen.three")
def test_bind__loopback(bench: Bench) -> None:
    """The server listens on 127.0.0.1 and on no other address of the machine."""
    shared.loopback(bench)


def test_listen__three(bench: Bench) -> None:
    """Three ports on the command line give three listening sockets."""
    s = bench.start(serving=False)
    s.come_to_rest()
    listening = {row.local[1] for row in proc.tcp(s.server.pid, s.ports) if row.state == proc.LISTEN}
    s.equal("the ports that the server listens on", set(s.ports), listening)


@after("connect.first")
def test_restart__reuseaddr(bench: Bench) -> None:
    """A server that was ended while a client was connected can be started again at once, on the same ports."""
    shared.restart(bench)


# ---- one client at a time

@after("listen.three")
def test_connect__first(bench: Bench) -> None:
    """The first client is served: it hears each thing that it says."""
    s = bench.start()
    s.arrive("A")
    s.talk("A", "A", "A")
    s.hears_nothing("A")


@after("connect.first")
def test_one_at_a_time(bench: Bench) -> None:
    """While a client is served the others are connected by the kernel, but not accepted, and hear nothing."""
    s = bench.start()
    first, second, third = s.ports
    s.arrive("A", port=first)
    s.talk("A")
    for name, port in (("B", second), ("C", third), ("D", first)):
        s.arrive(name, port=port)
        s.say(name, "is anybody there?")
        s.should(s.find_fd(name) is None, "%s should have been left waiting in the kernel's queue while A is served, but "
                 "was accepted" % name)
        s.hears_nothing(name)
    s.talk("A")


@after("one_at_a_time", "eof.closes")
def test_queued_then_served(bench: Bench) -> None:
    """When a client leaves, one of those that wait is served at once, with what it said long ago; then the next one."""
    s = bench.start()
    first, second, third = s.ports
    s.arrive("A", port=first)
    s.talk("A")
    waiting = {"B": second, "C": third, "D": first}
    for name, port in waiting.items():
        s.arrive(name, port=port)
        s.say(name, "%s was here" % name)
    s.leaves("A")
    while waiting:
        accepted = [name for name in waiting if s.find_fd(name) is not None]
        s.should(accepted, "one of %s should have been accepted when nobody else was served any more, but none was; the "
                 "server rests in %s" % (", ".join(waiting), s.rest))
        name = accepted[0]
        s.hears(name, "%s was here" % name)
        s.talk(name)
        s.leaves(name)
        del waiting[name]


@after("queued_then_served")
def test_same_number_again(bench: Bench) -> None:
    """Each client gets the descriptor that the one before it had: the lowest that is free."""
    s = bench.start()
    s.arrive("A", port=s.ports[1])
    number = s.fd("A")
    s.arrive("B", port=s.ports[0])
    s.leaves("A")
    s.equal("the descriptor of B, which waited,", number, s.fd("B"))
    s.leaves("B")
    s.arrive("C", port=s.ports[2])
    s.equal("the descriptor of C", number, s.fd("C"))
    s.talk("C")


@after("one_at_a_time", "timeout.fires")
def test_no_timeout_while_serving(bench: Bench) -> None:
    """While a client is served there is no "time out!", however long it is silent: the timer belongs to select()."""
    s = bench.start(SHORT)
    with s.hurried():
        s.arrive("A")
        s.talk("A")
    before = len(s.printed())
    s.pause(1.5 * SHORT)
    s.no_time_out(before, "while A was served")
    s.talk("A")


# ---- what is echoed

@after("connect.first")
def test_binary_safe(bench: Bench) -> None:
    """Bytes of any value are echoed, zero bytes too."""
    shared.binary(bench)


@after("connect.first")
def test_big_message__whole(bench: Bench) -> None:
    """50,000 bytes in one go are echoed whole and in order."""
    shared.big_message(bench)


@after("big_message.whole")
def test_short_send__completed(bench: Bench) -> None:
    """When send() takes only a part, the rest is sent too: nothing is lost, nothing is sent twice."""
    shared.short_send(bench)


# ---- clients that leave

@after("connect.first")
def test_eof__closes(bench: Bench) -> None:
    """When the client leaves, the server ends the connection too and takes the next one."""
    shared.end_of_file(bench)


@after("eof.closes", "short_send.completed")
def test_half_close__echoed(bench: Bench) -> None:
    """A client that says it will say no more still hears the echo of all that it said, and then the end."""
    shared.half_close(bench)


@after("eof.closes")
def test_reset__survives(bench: Bench) -> None:
    """A client that resets its connection, while it is served or while it waits, ends nobody's service but its own."""
    s = bench.start()
    s.arrive("A")
    s.talk("A")
    s.resets("A")
    s.arrive("B")
    s.talk("B")
    s.arrive("C")
    s.say("C", "never mind")
    s.resets("C")
    s.talk("B")
    s.leaves("B")
    s.arrive("D")
    s.talk("D")


@after("reset.survives", "big_message.whole")
def test_sigpipe__survives(bench: Bench) -> None:
    """A client that leaves before its echo is sent does not end the server (SIGPIPE)."""
    shared.sigpipe(bench)


@after("same_number_again", "reset.survives")
def test_no_leak(bench: Bench) -> None:
    """Twenty clients come and go, in all the ways there are; then the same descriptors are open as before."""
    shared.no_leak(bench)


# ---- the timer

@after("listen.three")
def test_timeout__fires(bench: Bench) -> None:
    """After TIMEOUT seconds without an event, a fraction too, the server prints "time out!"."""
    shared.timer_fires(bench)


@after("timeout.fires", "queued_then_served")
def test_timeout__still_alive(bench: Bench) -> None:
    """After "time out!" the server takes a client and serves it as before."""
    shared.timer_and_alive(bench)


@after("timeout.still_alive")
def test_timeout__rearmed(bench: Bench) -> None:
    """Each "time out!" comes after a whole TIMEOUT: the timer is set again before each select()."""
    shared.timer_rearmed(bench)


@after("connect.first")
def test_timeout__zero_is_no_timer(bench: Bench) -> None:
    """With TIMEOUT 0 there is no timer: the server waits for ever, and does not spin."""
    shared.no_timer(bench)


# ---- limits and errors

@after("eof.closes")
def test_emfile__survives(bench: Bench) -> None:
    """Out of descriptors, the server goes on: the client that waits is served, or sent away, when there are some again."""
    s = bench.start(most_events=20000)
    s.limit_files(0)
    with s.hurried(0.3):
        s.arrive("A")
        s.unlimit_files()
        if s.answered("A"):
            s.leaves("A")
        s.arrive("B")
        s.talk("B")


@after("emfile.survives")
def test_emfile__no_spin(bench: Bench) -> None:
    """Out of descriptors, the server does not try to accept again and again, thousands of times a second."""
    s = bench.start(most_events=20000)
    s.limit_files(0)
    with s.hurried():
        s.arrive("A")
        shared.emfile_no_spin(s)


@after("eof.closes")
def test_eintr__survives(bench: Bench) -> None:
    """A wait or a read that a signal interrupts (EINTR) is done again; it is not an error, and nobody is ready then."""
    s = bench.start(inject=[shared.WAITS + ":error=EINTR:when=1+2", shared.READS + ":error=EINTR:when=1+2"])
    s.steps.append("every second wait, and every second recv() or read(), is interrupted by a signal")
    for name in "AB":
        s.arrive(name)
        s.talk(name, name)
        s.leaves(name)


# ---- what is printed

@after("eof.closes")
def test_lines__accepted(bench: Bench) -> None:
    """For each new client a line says who it is: `client 127.0.0.1:41234 accepted fd 6`."""
    shared.lines_accepted(bench, one_by_one=True)


@after("lines.accepted")
def test_ports__printed(bench: Bench) -> None:
    """The port in that line is the client's port."""
    shared.ports_printed(bench, one_by_one=True)


@after("connect.first")
def test_output__flushed(bench: Bench) -> None:
    """Each line is printed at once, also when the output is a file or a pipe."""
    shared.flushed(bench)
