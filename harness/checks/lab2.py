"""harness/checks/lab2.py: what is graded in lab 2: one listener, and select() over it and all its clients.

    make grade LAB=lab2 SRC=my.c CHECK=reuse.lowest_hole

Each check is one statement, and its docstring says it. harness/points/lab2.txt has the points.
"""
from __future__ import annotations

import shared
from fdlab.checking import SHORT, Bench, letters
from shared import after

FD_SETSIZE = 1024

# Where to read about a check that failed: sections of handouts/lab2.md.
HANDOUT = {"reuse.*": "Observe", "no_leak": "Break it", "restart.*": "Change", "*": "Pitfalls"}

# ---- how it starts

def test_args__usage(bench: Bench) -> None:
    """Bad arguments print a usage line on stderr and end the server with 2."""
    port = str(bench.ports()[0])
    shared.usage(bench, [[], ["2"], ["soon", port], ["2", "http"], ["2", "0"], ["2", "65536"], ["-1", port]])


def test_port_taken__error(bench: Bench) -> None:
    """A port that is taken is told on stderr with its number and the reason, and ends the server with 1."""
    shared.port_taken(bench, 0)


def test_bind__loopback(bench: Bench) -> None:
    """The server listens on 127.0.0.1 and on no other address of the machine."""
    shared.loopback(bench)


@after("echo.all")
def test_restart__reuseaddr(bench: Bench) -> None:
    """A server that was ended while clients were connected can be started again at once, on the same port."""
    shared.restart(bench)


# ---- many clients at once

def test_connect__three(bench: Bench) -> None:
    """Three clients connect and say nothing: each has a descriptor of its own in the server."""
    s = bench.start()
    for name in "ABC":
        s.arrive(name)
        s.fd(name)


@after("connect.three")
def test_echo__all(bench: Bench) -> None:
    """Three clients are connected; each says something and hears exactly that, while the others are there."""
    s = bench.start()
    s.arrive("A", "B", "C")
    s.talk("A", "B", "C")
    for name in "ABC":
        s.hears_nothing(name)
    s.talk("A", "B", "C")


@after("echo.all")
def test_order__any(bench: Bench) -> None:
    """Clients are served in whatever order they speak, not in the order in which they came."""
    s = bench.start()
    s.arrive("A", "B", "C")
    s.talk("C", "A", "B", "B", "C")
    s.arrive("D")
    s.talk("A", "D", "C")


@after("order.any")
def test_order__fair(bench: Bench) -> None:
    """A client that talks without a pause does not keep the server from one who says a single word."""
    s = bench.start(inject=[shared.READS + ":short=16"])
    s.steps.append("each recv() or read() gets 16 bytes at the most")
    s.arrive("A", "B", "C")
    much = letters(bench.chance, 1600)
    with s.held():
        s.say("A", much)
        s.say("B", "a word")
        s.say("C", much)
    s.read_all("A", "B", "C")
    s.hears("B", "a word")
    s.hears("A", much)
    s.hears("C", much)
    life = s.run().life_of("B")
    passed_over = []
    for event in s.run().events:
        if event["call"] in shared.READS.split(",") and life and event.get("life") == life.name:
            break
        if life and life.name in (event.get("ready") or {}).get("r", []):
            passed_over.append(event["seq"])
    s.should(len(passed_over) <= 8, "B should have been read from soon after it was reported ready, but was passed over "
             "%d times" % len(passed_over), at=passed_over[:2])


@after("order.any")
def test_many_clients(bench: Bench) -> None:
    """Forty clients are connected at once, and each is served."""
    s = bench.start()
    names = ["A%d" % n for n in range(1, 41)]
    s.arrive(*names)
    s.talk(*names)
    s.talk(*reversed(names))


@after("many_clients")
def test_table_full__refused(bench: Bench) -> None:
    """However many clients come: each is served, or its connection is closed. None is left to hang."""
    bench.start().crowd(300)


# ---- what is echoed

@after("order.any")
def test_binary_safe(bench: Bench) -> None:
    """Bytes of any value are echoed, zero bytes too."""
    shared.binary(bench)


@after("order.any")
def test_big_message__whole(bench: Bench) -> None:
    """50,000 bytes in one go are echoed whole and in order."""
    shared.big_message(bench)


@after("big_message.whole")
def test_short_send__completed(bench: Bench) -> None:
    """When send() takes only a part, the rest is sent too: nothing is lost, nothing is sent twice."""
    shared.short_send(bench)


@after("short_send.completed", "eof.closes", "reset.survives")
def test_slow_reader__delays_only(bench: Bench) -> None:
    """A client that does not read may hold up the others, but when it reads or leaves, all get what is theirs."""
    s = bench.start()
    s.arrive("B")
    s.connect("A", s.ports[0], small_buffers=True)
    said = s.fill("A")
    s.say("B", "and me?")
    s.hears("A", said)
    s.hears("B", "and me?")
    s.fill("A")
    s.say("B", "and me now?")
    s.resets("A")
    s.hears("B", "and me now?")


# ---- clients that leave, and their numbers

@after("order.any")
def test_eof__closes(bench: Bench) -> None:
    """When a client leaves, the server ends the connection too and goes on."""
    shared.end_of_file(bench)


@after("eof.closes", "short_send.completed")
def test_half_close__echoed(bench: Bench) -> None:
    """A client that says it will say no more still hears the echo of all that it said, and then the end."""
    shared.half_close(bench)


@after("eof.closes")
def test_reuse__same_numbers(bench: Bench) -> None:
    """When three clients have left, the next three get the same descriptors again, and are served."""
    s = bench.start()
    s.arrive("A", "B", "C")
    before = sorted(s.fd(name) for name in "ABC")
    for name in "BCA":
        s.leaves(name)
    s.arrive("D", "E", "F")
    s.equal("the descriptors of D, E and F", before, sorted(s.fd(name) for name in "DEF"))
    s.talk("E", "F", "D")


@after("reuse.same_numbers")
def test_reuse__lowest_hole(bench: Bench) -> None:
    """The next client gets the lowest number that has become free, whichever client it was that left."""
    s = bench.start()
    s.arrive("A", "B", "C", "D")
    fd = {name: s.fd(name) for name in "ABC"}
    s.leaves("B")
    s.arrive("E")
    s.equal("the descriptor of E, after B has left,", fd["B"], s.fd("E"))
    s.leaves("C")
    s.leaves("A")
    s.arrive("F", "G")
    s.equal("the descriptor of F, after C and A have left,", min(fd["A"], fd["C"]), s.fd("F"))
    s.talk("G", "F", "E", "D")


@after("reuse.lowest_hole")
def test_reuse__same_turn(bench: Bench) -> None:
    """A client who leaves and one who comes, seen in the same turn: the new one is served, and nobody else is held up."""
    s = bench.start()
    s.arrive("A", "B")
    s.talk("A", "B")
    with s.held():
        s.leaves("A")
        s.arrive("C")
    s.fd("C")
    s.talk("B", "C")
    s.hears_nothing("C")


@after("reuse.lowest_hole", "slow_reader.delays_only")
def test_reuse__fresh_state(bench: Bench) -> None:
    """A client who gets the number of another one gets nothing else of it: no old bytes, no old errors."""
    s = bench.start()
    s.connect("A", s.ports[0], small_buffers=True)
    s.fill("A")
    s.resets("A")
    s.arrive("B")
    s.hears_nothing("B")
    s.talk("B")
    s.hears_nothing("B")


@after("reuse.same_numbers", "reset.survives")
def test_no_leak(bench: Bench) -> None:
    """Twenty clients come and go, in all the ways there are; then the same descriptors are open as before."""
    shared.no_leak(bench)


@after("eof.closes")
def test_reset__survives(bench: Bench) -> None:
    """A client that resets its connection, before or after it was accepted, ends nobody's service but its own."""
    s = bench.start()
    s.arrive("A", "B")
    s.talk("A", "B")
    s.resets("B")
    s.talk("A")
    with s.held():
        s.arrive("C")
        s.resets("C")
    s.arrive("D")
    s.talk("D", "A")


@after("reset.survives", "big_message.whole")
def test_sigpipe__survives(bench: Bench) -> None:
    """A client that leaves before its echo is sent does not end the server (SIGPIPE)."""
    shared.sigpipe(bench, ["A"])


# ---- the timer

def test_timeout__fires(bench: Bench) -> None:
    """After TIMEOUT seconds without an event, a fraction too, the server prints "time out!"."""
    shared.timer_fires(bench)


@after("timeout.fires", "echo.all")
def test_timeout__still_alive(bench: Bench) -> None:
    """After "time out!" the server takes clients and serves them as before."""
    shared.timer_and_alive(bench)


@after("timeout.still_alive")
def test_timeout__rearmed(bench: Bench) -> None:
    """Each "time out!" comes after a whole TIMEOUT: the timer is set again before each select()."""
    shared.timer_rearmed(bench)


@after("timeout.rearmed", "eof.closes")
def test_timeout__only_when_idle(bench: Bench) -> None:
    """An event starts the timer anew: "time out!" is printed TIMEOUT seconds after the last one, and not before."""
    s = bench.start(2 * SHORT)
    for name in "ABCDE":
        s.arrive(name)
        s.pause(SHORT)
    s.times_out(1)
    last = 0.0
    for event in s.run().waits():
        watched = event["watch"] and any(event["watch"].values())
        if event["ret"] == 0 and watched:
            idle = event["t"] + event["dur"] - last
            s.should(idle >= s.timeout * 0.99, "\"time out!\" should have come %g s after the last event, but came after "
                     "%.3f s: this time-out was given what was left of an older timer" % (s.timeout, idle), at=[event["seq"]])
        elif event["ret"]:
            last = event["t"] + event["dur"]


@after("echo.all")
def test_timeout__zero_is_no_timer(bench: Bench) -> None:
    """With TIMEOUT 0 there is no timer: the server waits for ever, and does not spin."""
    shared.no_timer(bench)


# ---- limits and errors

@after("reuse.same_numbers")
def test_emfile__survives(bench: Bench) -> None:
    """Out of descriptors, the server serves those it has, and goes on with new ones when one has left."""
    s = bench.start(most_events=20000)
    s.arrive("A")
    s.limit_files(0)
    with s.hurried(0.3):
        s.arrive("B")
        s.talk("A")
        s.leaves("A")
        s.unlimit_files()  # where a process serves each client, nothing has become free for the one that accepts
        if s.answered("B"):
            s.leaves("B")
        s.arrive("C")
        s.talk("C")


@after("emfile.survives")
def test_emfile__no_spin(bench: Bench) -> None:
    """Out of descriptors, the server does not try to accept again and again, thousands of times a second."""
    s = bench.start(most_events=20000)
    s.arrive("A")
    s.limit_files(0)
    with s.hurried():
        s.arrive("B")
        shared.emfile_no_spin(s)


@after("table_full.refused")
def test_fdset__bound(bench: Bench) -> None:
    """A descriptor of FD_SETSIZE (1024) or more is not put into an fd_set: such a client is served otherwise or sent away."""
    s = bench.start(open_files=FD_SETSIZE + 100, most_events=300000)
    s.arrive("A", "B")
    s.crowd(FD_SETSIZE)
    s.talk("A", "B")
    for found in s.findings("--only=number-too-big"):
        s.should(False, "no descriptor of %d or more should have been put into an fd_set; %s" % (FD_SETSIZE, found["message"]))


@after("order.any")
def test_eintr__survives(bench: Bench) -> None:
    """A wait or a read that a signal interrupts (EINTR) is done again; it is not an error, and nobody is ready then."""
    s = bench.start(inject=[shared.WAITS + ":error=EINTR:when=2+2", shared.READS + ":error=EINTR:when=1+2"])
    s.steps.append("every second wait, and every second recv() or read(), is interrupted by a signal")
    s.arrive("A", "B", "C")
    s.talk("B", "C", "A", "C", "A", "B")


# ---- what is printed

@after("connect.three")
def test_lines__accepted(bench: Bench) -> None:
    """For each new client a line says who it is: `client 127.0.0.1:41234 accepted fd 4`."""
    shared.lines_accepted(bench)


@after("lines.accepted")
def test_ports__printed(bench: Bench) -> None:
    """The port in that line is the client's port."""
    shared.ports_printed(bench)


@after("connect.three")
def test_output__flushed(bench: Bench) -> None:
    """Each line is printed at once, also when the output is a file or a pipe."""
    shared.flushed(bench)
