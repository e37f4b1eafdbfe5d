"""harness/checks/shared.py: what the checks of several labs do alike. What is expected stands in the labs' files."""
from __future__ import annotations

import re
import time
from typing import List, Sequence, Tuple

import pytest

from fdlab import proc
from fdlab.checking import SHORT, Bench, Play, letters
from fdlab.trace import Event

after = pytest.mark.after

READS = "recv,recvfrom,recvmsg,read,readv"
SENDS = "send,sendto,write"
WAITS = "select,pselect,poll,ppoll,epoll_wait,epoll_pwait"


# ---- how it starts

def usage(bench: Bench, wrong: Sequence[Sequence[str]]) -> None:
    for args in wrong:
        s = bench.start(args=args, serving=False)
        status = s.ends()
        shown = "server %s" % " ".join(args)
        s.should(status is not None, "`%s` should have ended with a usage line, but it goes on" % shown.strip())
        s.equal("the exit status of `%s`" % shown.strip(), 2, status)
        s.should(any("usage" in line.lower() for line in s.printed(source="stderr")),
                 "`%s` should have printed a usage line on stderr, but printed %s" % (
                     shown.strip(), " / ".join('"%s"' % line for line in s.printed()) or "nothing"))


def port_taken(bench: Bench, which: int) -> None:
    ports = bench.ports()
    bench.take_port(ports[which])
    s = bench.start(ports=ports, serving=False)
    s.steps.append("port %d is taken: somebody else listens there" % ports[which])
    status = s.ends()
    s.should(status is not None, "the server should have ended, as port %d is taken, but it goes on" % ports[which])
    s.equal("the exit status with port %d taken" % ports[which], 1, status)
    said = s.printed(source="stderr")
    s.should(any(str(ports[which]) in line and re.search("EADDRINUSE|in use", line) for line in said),
             "the server should have printed something like \"server: bind 127.0.0.1:%d: Address already in use "
             "(EADDRINUSE)\" on stderr, but printed %s" % (
                 ports[which], " / ".join('"%s"' % line for line in said) or "nothing"))


def loopback(bench: Bench) -> None:
    s = bench.start()
    for row in proc.tcp(s.server.pid, s.ports):
        if row.state == proc.LISTEN and row.local[1] in s.ports:
            s.equal("the address that it listens on", "127.0.0.1:%d" % row.local[1], "%s:%d" % row.local)


def restart(bench: Bench) -> None:
    s = bench.start()
    s.arrive("A")
    s.talk("A")
    s.end_server()
    s.leaves_after("A")
    again = bench.start(ports=s.ports, serving=False)
    again.steps.append("the same server on the same port, at once")
    if again.ends() is not None:
        again.should(False, "the server should have started again at once, although the port has a connection in TIME_WAIT, but "
                     "%s" % again._how_it_ended())
    again.serving()
    again.arrive("B")
    again.talk("B")


# ---- what it echoes

def binary(bench: Bench) -> None:
    s = bench.start()
    s.arrive("A")
    every = list(range(256))
    bench.chance.shuffle(every)
    for data in (b"\0", bytes(every), b"a\0b\0\0c", b"\xff\xfe\r\n\0\x1b[2J"):
        s.say("A", data)
        s.hears("A", data)
    s.hears_nothing("A")


def big_message(bench: Bench) -> None:
    s = bench.start()
    s.arrive("A")
    data = letters(bench.chance, 50000)
    s.say("A", data)
    s.hears("A", data)
    s.hears_nothing("A")


def short_send(bench: Bench) -> None:
    s = bench.start(inject=[SENDS + ":short=7:when=2+2"])
    s.steps.append("every second send() or write() takes 7 bytes at the most, as the kernel may do")
    s.arrive("A")
    for n in range(4):
        data = letters(bench.chance, 200)
        s.say("A", data)
        s.hears("A", data)
    s.stop()
    idle = bench.start()
    idle.connect("A", idle.ports[0], small_buffers=True)
    said = idle.fill("A")
    idle.hears("A", said)
    idle.talk("A")


def half_close(bench: Bench) -> None:
    s = bench.start()
    s.arrive("A")
    with s.held():
        s.say("A", "my last words")
        s.half_closes("A")
    s.hears("A", "my last words")
    s.hears_end("A")
    s.leaves("A")
    s.connect("B", s.ports[0], small_buffers=True)
    said = s.fill("B")
    s.half_closes("B")
    s.hears("B", said)
    s.hears_end("B")


# ---- clients that leave

def end_of_file(bench: Bench) -> None:
    s = bench.start()
    s.arrive("A")
    s.talk("A")
    s.leaves("A")
    s.arrive("B")
    s.talk("B")
    s.half_closes("B")
    s.hears_end("B")
    s.leaves("B")
    s.arrive("C")
    s.talk("C")


def sigpipe(bench: Bench, staying: Sequence[str] = ()) -> None:
    s = bench.start(inject=[READS + ":short=1000"], most_events=20000)
    s.steps.append("each recv() or read() gets 1000 bytes at the most")
    s.arrive(*staying)
    s.talk(*staying)
    s.arrive("X")
    with s.held():
        s.say("X", letters(bench.chance, 32000))
        s.leaves("X")
    if not staying:
        s.arrive("Y")
    s.talk(*(staying or "Y"))


def no_leak(bench: Bench, rounds: int = 5) -> None:
    s = bench.start()
    before = s.open_fds()
    for n in range(1, rounds + 1):
        for name, leave in (("A", s.leaves), ("B", s.resets), ("C", s.half_closes), ("D", s.leaves)):
            who = "%s%d" % (name, n)
            s.arrive(who)
            if name != "D":
                s.talk(who)
            leave(who)
            if name == "C":
                s.leaves(who)
    s.equal("the open descriptors, after %d clients have come and gone," % (4 * rounds), before, s.open_fds())


# ---- the timer

def timer_fires(bench: Bench) -> None:
    begin = time.monotonic()
    s = bench.start(SHORT, most_events=20000)
    s.times_out(1)
    took = time.monotonic() - begin  # from before it was there to after it was heard
    s.should(took >= SHORT, "\"time out!\" should have come after %g s, but came %.3f s after the server was started" % (SHORT, took))
    for event in real_time_outs(s)[:1]:
        waited_whole_timer(s, event)


def timer_and_alive(bench: Bench) -> None:
    s = bench.start(SHORT)
    s.times_out(1)
    with s.hurried(0.3):  # one that runs and runs is alive too
        s.come_to_rest()
        s.arrive("A")
        s.talk("A")


def timer_rearmed(bench: Bench) -> None:
    begin = time.monotonic()
    s = bench.start(SHORT, most_events=20000)
    s.times_out(3)
    said = s.time_outs()
    took = time.monotonic() - begin  # from before the first one could be counted to after the last one was
    for event in real_time_outs(s)[:3]:
        waited_whole_timer(s, event)
    most = int(took / SHORT) + 1
    s.should(said <= most, "the server should have printed \"time out!\" %d times at the most in %.1f s, with a timer of %g s, "
             "but printed it %d times" % (most, took, SHORT, said))


def real_time_outs(s: Play) -> List[Event]:
    """The waits that ended because their time was over, of those that watch something. (A wait on nothing is a nap.)"""
    return [event for event in s.run().timeouts() if any(event["watch"].values())]


def waited_whole_timer(s: Play, event: Event) -> None:
    s.should(event["dur"] >= s.timeout * 0.99,
             "%s() should have waited for %g s before it timed out, but waited for %.3f s (it was given a timer of %g s)" % (
                 event["call"], s.timeout, event["dur"], event["timeout"] or 0), at=[event["seq"]])


def no_timer(bench: Bench) -> None:
    s = bench.start(0.0)
    s.pause(0.3)
    s.should(s.rests(), "the server should wait for clients without a timer (TIMEOUT is 0), but it runs and runs: a timer "
             "of zero is not \"no timer\"")
    s.no_time_out(0, "without a timer")
    s.arrive("A")
    s.talk("A")


# ---- errors that are nobody's end

def accept_failures(s: Play) -> List[Event]:
    return [event for event in s.run().calls("accept", "accept4") if event["err"] in ("EMFILE", "ENFILE")]


FEW = 200    # in 0.4 s: a server may try again now and then, and not as fast as it can


def emfile_no_spin(s: Play) -> None:
    """After the server has met the limit: it is not to try again and again."""
    s.pause(0.4)
    s.unlimit_files()
    s.stop()
    failures = accept_failures(s)
    s.should(len(failures) <= FEW, "accept() should have failed a few times while the server had no descriptor left, but "
             "failed more than %d times in 0.4 s: the listener stays readable, and select() reports it at once, again and again" % (
                 FEW), at=[event["seq"] for event in failures[:2]])


# ---- what it prints

LISTENING = re.compile(r"listening\s+on\s+(\S+):(-?\d+)", re.IGNORECASE)
ACCEPTED = re.compile(r"client\s+(\S+):(-?\d+)\s+accepted\s+fd\s+(-?\d+)", re.IGNORECASE)


def accepted_lines(s: Play, one_by_one: bool) -> List[Tuple[str, int, int, int, int]]:
    """For each of three clients: host, port and number in its line, and port and number as they are."""
    found = []
    for name in "ABC":
        start = len(s.server.lines.all)
        s.arrive(name)
        fd = s.fd(name)
        text = s.line(lambda line: ACCEPTED.search(line) is not None,
                      "a line like \"client 127.0.0.1:%d accepted fd %d\"" % (s.clients[name].address[1], fd), start)
        match = ACCEPTED.search(text)
        found.append((match.group(1), int(match.group(2)), int(match.group(3)), s.clients[name].address[1], fd))
        if one_by_one:
            s.leaves(name)
    return found


def lines_accepted(bench: Bench, one_by_one: bool = False) -> None:
    s = bench.start()
    for host, _, number, _, fd in accepted_lines(s, one_by_one):
        s.equal("the address in the line about a new client", "127.0.0.1", host)
        s.equal("the descriptor in the line about a new client", fd, number)


def ports_printed(bench: Bench, one_by_one: bool = False) -> None:
    s = bench.start()
    for port in s.ports:
        s.line(lambda line: str(port) in [match.group(2) for match in [LISTENING.search(line)] if match],
               "\"listening on 127.0.0.1:%d ...\"" % port)
    for _, printed, _, port, _ in accepted_lines(s, one_by_one):
        s.equal("the port in the line about a new client", port, printed)


def flushed(bench: Bench) -> None:
    s = bench.start(terminal=False)
    s.steps.append("the server's output is a pipe, not a terminal")
    s.line(lambda line: True, "\"listening on 127.0.0.1:%d ...\" as soon as it listened" % s.ports[0])
    start = len(s.server.lines.all)
    s.arrive("A")
    s.line(lambda line: True, "a line about its new client at once", start)
