"""harness/fdlab/checking.py: what a check works with: a bench that starts servers, and a session at one, with more words.

    def test_reuse__lowest_hole(bench):
        \"\"\"The next client gets the number of the one who has left.\"\"\"
        s = bench.start()
        s.arrive("A", "B", "C")
        hole = s.fd("B")
        s.leaves("B")
        s.arrive("D")
        s.equal("the descriptor of D", hole, s.fd("D"))

A check never asks what a program looks like inside. What it asks is known from the kernel (/proc/PID/fd, /proc/net/tcp, where
a thread is blocked), from the clients and from the trace; from what is printed only where the printing is the subject.

No check is decided by how long something took. A step ends when the server has come to rest, and what has not come by then
does not come. So a machine that is busy makes a check slower and changes nothing else.
"""
from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from . import barrier, isolate, launcher, proc, trace, witness
from .client import Client, ClientError, quoted
from .launcher import DEADLINE, Server
from .session import Session, SessionError

IDLE = 600.0        # a timer that does not fire while a check runs
SHORT = 0.2         # one that is to fire
FIRST_PORT = 50000
FIRST_OF_CLIENTS, LAST_OF_CLIENTS = 33000, 45000   # below the labs' ports, and too large for who takes them for a short
AT_ONCE = 4         # clients of a crowd: no more than the shortest queue that a lab's server might have
SAT = 0.15          # seconds: a call that takes longer keeps others waiting
SHORT_QUEUE = 0.5   # seconds: who does not fit into the queue knocks again after one
NAP = 2.5           # with input that it has not taken, a server may be resting for a moment: for so long at the most
MOST_EVENTS = 50000     # slots of a capture, 64 bytes each
OPEN_FILES = 1024   # as a shell has it
PROCESSES = 512     # and threads; a server may have one for each client
MANY_PROCESSES = 2048   # where more than a thousand clients come
MEMORY = 2 << 30    # bytes, of all its processes together
LIMITS = {resource.RLIMIT_NOFILE: OPEN_FILES, resource.RLIMIT_AS: 1 << 30, resource.RLIMIT_FSIZE: 64 << 20,
          resource.RLIMIT_CORE: 0}
_TIME_OUT = re.compile("time[ -]?out", re.IGNORECASE)


class Wrong(AssertionError):
    """What the check says is not so. `at` are the numbers of the events that show it."""

    def __init__(self, text: str, at: Sequence[int] = ()) -> None:
        super().__init__(text)
        self.at = list(at)


class NotJudged(Exception):
    """The check could not be made here, and that is not the program's fault."""


def says_time_out(line: str) -> bool:
    return _TIME_OUT.search(line) is not None


class Play(Session):
    """A session at one server, that says at each step what should have been and what was."""

    def __init__(self, server: Server, ports: Sequence[int], timeout: float, chance: random.Random, fdtrace: str) -> None:
        super().__init__(server, ports, timeout)
        self.chance = chance
        self.fdtrace = fdtrace
        self.frozen = False                     # the server is stopped
        self.hurry: Optional[float] = None      # seconds: for so long steps wait for the server to rest; None: it must rest
        self.most_events = MOST_EVENTS          # slots that its capture may have
        self.faults: List[str] = []             # that fdtrace was to inject
        self.needs_trace = False                # what the check says rests on the trace, or on a fault in it
        self.seen_numbers: List[Tuple[str, int]] = []   # of clients, as the kernel had them
        self.tracer_lost = ""                   # how it came that the tracer was not there any more
        self.last_look: Optional[witness.LastLook] = None
        self._run: Optional[trace.Run] = None
        self._read: Optional[trace.Run] = None
        self._read_sets = False

    # ---- several words at once

    def arrive(self, *names: str, port: Optional[int] = None) -> None:
        for name in names:
            self.connect(name, port or self.ports[0])

    def talk(self, *names: str) -> None:
        """Each of them says something and hears it, in this order."""
        for name in names:
            text = "hello from %s, %d" % (name, self.chance.randrange(1000, 10000))
            self.say(name, text)
            self.hears(name, text)

    # ---- the client's side

    def hears(self, name: str, text: Any) -> None:
        """Exactly this comes next. What has not come when the server rests, and nothing is on its way, does not come."""
        data = text if isinstance(text, bytes) else text.encode()
        self.steps.append("%s hears %s" % (name, quoted(data)))
        client = self.clients[name]
        why = self._await(client, lambda: len(client.unheard) >= len(data) or not data.startswith(client.unheard))
        got = client.unheard[:len(data)]
        if got != data:
            self._has_gone_on(True)
            self._fail("%s should have heard %s, but heard %s" % (name, quoted(data), _heard_instead(data, got, why)))
        client.hear(data)
        self._note(name, "hears", quoted(data))

    def read_all(self, *names: str) -> None:
        """All of them read at once, until nothing more comes: for a server that may wait in send() for one of them."""
        clients = [self.clients[name] for name in names]
        end = time.monotonic() + self.deadline
        arrived = False
        while time.monotonic() < end:
            before = [len(client.unheard) for client in clients]
            for client in clients:
                client.listen(lambda: False, 0.002)
            try:
                barrier.wait_for_rest(self.server.pid, self.ports, 0.05)
            except barrier.NotAtRest:
                arrived = False
                continue
            barrier.wait_for_arrival(self.server.pid, self.ports, self.deadline)
            for client in clients:
                client.listen(lambda: False, 0.0)
            if before != [len(client.unheard) for client in clients]:
                arrived = False
            elif arrived:  # and it has come to rest after that, see _await()
                return
            else:
                arrived = True

    def hears_end(self, name: str) -> None:
        self.steps.append("%s sees the server close the connection" % name)
        client = self.clients[name]
        why = self._await(client, lambda: bool(client.unheard))
        if client.unheard:
            self._fail("%s should have heard nothing more, but heard %s" % (name, quoted(client.unheard)))
        if client.ended is None:
            self._fail("%s should have seen the end of the connection, but it is still open; %s" % (name, why))
        self._note(name, "hears", "the end")

    def answered(self, name: str) -> bool:
        """Says one byte. True: it comes back. False: the server closed the connection. Neither is a failure."""
        client = self.clients[name]
        self.steps.append("%s says \"?\": it is to be answered, or sent away" % name)
        self._note(name, "says", '"?"')
        with contextlib.suppress(ClientError):  # it may have been sent away before
            client.say(b"?")
        return self._is_answered(client)

    def _is_answered(self, client: Client) -> bool:
        why = self._await(client, lambda: bool(client.unheard))
        if client.unheard:
            client.hear(b"?")
        elif client.ended is None:
            self._has_gone_on(True)
            self._fail("%s should have been answered, or its connection closed, but nothing came; %s" % (client.name, why))
        return client.ended is None

    def crowd(self, count: int) -> int:
        """So many clients connect, and stay; each says one byte, and is to be answered or sent away. How many were answered.
        They come by fours: each step of a server that has a thousand clients costs it a look at all of them."""
        self._step("%d clients connect, and stay; each says \"?\": it is to be answered, or sent away" % count,
                   ("a crowd", "connects", "%d clients" % count))
        answered, at_once, first = 0, AT_ONCE, 1
        while first <= count:
            some = [Client("number %d of them" % n, self.ports[0], deadline=self.deadline, own_ports=self.own_ports)
                    for n in range(first, min(first + at_once, count + 1))]
            self.clients.update({client.name: client for client in some})
            self.everybody += some
            begin = time.monotonic()
            for client in some:
                self._or_sent_away(client, client.connect)
            if time.monotonic() - begin > SHORT_QUEUE:
                at_once = 1
            for client in some:
                self._or_sent_away(client, lambda: client.say(b"?"))
            answered += sum(map(self._is_answered, some))
            first += len(some)
        self.steps[-1] += " (%d were answered)" % answered
        return answered

    def _or_sent_away(self, client: Client, action: Callable[[], Any]) -> None:
        try:
            action()
        except ClientError as error:
            self._has_gone_on(True)
            if client.ended is None:
                self._fail(str(error))

    def _await(self, client: Client, done: Callable[[], bool]) -> str:
        """Until it is done, or nothing more can come; why not, then. A server that rests with input that it has not
        taken may only have taken a nap, where its call has an end of its own. One that spins does not rest. And what
        arrives at the client while we wait (its acknowledgement, up to 40 ms late) makes room for more: so it must have
        come to rest after that, too."""
        end = time.monotonic() + self.deadline
        resting_since: Optional[float] = None
        arrived = False             # all that was on its way, when we looked last
        toil = barrier.Toil()
        patience = 0.03
        while not done() and client.ended is None:
            client.listen(done, patience)
            if done() or client.ended is not None:
                break
            now, had = time.monotonic(), len(client.unheard)
            if now > end:
                return "waited for %g s" % self.deadline
            try:
                rest = barrier.wait_for_rest(self.server.pid, self.ports, 0.3, toil=toil)
            except barrier.Spins as error:
                client.listen(done, 0.0)
                return client.ended or str(error)
            except barrier.NotAtRest:
                resting_since, arrived = None, False
                continue
            barrier.wait_for_arrival(self.server.pid, self.ports, self.deadline)
            client.listen(done, 0.0)
            if done() or client.ended is not None:
                break
            if len(client.unheard) > had:  # that made room, and more may come
                resting_since, arrived, toil = None, False, barrier.Toil()
                continue
            if not arrived:
                arrived = True
                continue
            resting_since = resting_since or now
            naps = rest.call in barrier.WATCHING and barrier._unread(proc.tcp(self.server.pid, self.ports), self.ports)
            if not naps or now - resting_since > NAP:
                return "the server has come to rest, in %s" % str(rest)
            patience = min(2 * patience, 0.5)   # what comes is heard at once all the same
        return client.ended or ""

    def fill(self, name: str) -> bytes:
        """Says more and more and reads nothing, until the server cannot send it all back. Returns what was said."""
        self._step("%s says more and more, and reads nothing, until the server cannot send it all back" % name,
                   (name, "says", "more and more, and reads nothing"))
        client = self.clients[name]
        said = b""
        while len(said) < 4 << 20:
            chunk = letters(self.chance, 2048)
            took = self._try(lambda: client.push(chunk))
            said += chunk[:took]
            self._try(lambda: barrier.wait_for_rest(self.server.pid, (), self.deadline))
            if self._held(client, len(said)) > 0:
                self._come_to_rest()
                barrier.wait_for_arrival(self.server.pid, self.ports, self.deadline)
                if self._held(client, len(said)) > 0:
                    break
            if took == 0:
                break
        self.steps[-1] += ": %d bytes" % len(said)
        return said

    def _held(self, client: Client, said: int) -> int:
        """How much of what a client said is neither on its way nor back: the server's program has it."""
        rows = proc.tcp(self.server.pid, self.ports)
        for row in rows:
            if row.local == client.address:
                said -= row.unread + row.unsent
            elif row.peer == client.address:
                said -= row.unread + row.unsent
        return said

    # ---- the server's side

    def fd(self, name: str) -> int:
        """The number that the server has for this client, as the kernel knows it. It must have one."""
        found = self.find_fd(name)
        if found is None:
            self._fail("%s should have been accepted: no descriptor of the server is its connection" % name)
        return found

    def find_fd(self, name: str) -> Optional[int]:
        address = self.clients[name].address
        links = {"socket:[%d]" % row.inode for row in proc.tcp(self.server.pid, self.ports)
                 if row.peer == address and row.local[1] in self.ports and row.inode}
        for pid in [self.server.pid] + proc.descendants(self.server.pid):
            with contextlib.suppress(proc.Gone):
                for number, what in proc.descriptors(pid).items():
                    if what in links:
                        self.seen_numbers.append((name, number))
                        return number
        return None

    def open_fds(self) -> Set[int]:
        with contextlib.suppress(proc.Gone):
            return set(proc.descriptors(self.server.pid))
        self._fail("the server should have gone on, but %s" % self._how_it_ended())

    def limit_files(self, more: int) -> None:
        """From now on the server can open so many descriptors more, and then no other (as with `ulimit -n`)."""
        self._step("the server may have %d more descriptor%s, and then no other" % (more, "" if more == 1 else "s"),
                   ("session", "limits", "the server to %d more descriptors" % more))
        fds = self.open_fds()
        limit, free = 0, more
        while limit in fds or free > 0:
            free -= limit not in fds
            limit += 1
        self._set_limit(limit)

    def unlimit_files(self) -> None:
        self._step("the server may have %d descriptors again" % OPEN_FILES, ("session", "limits", "the server no more"))
        self._set_limit(OPEN_FILES)

    def _set_limit(self, limit: int) -> None:
        try:
            for pid in [self.server.pid] + proc.descendants(self.server.pid):
                hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
        except ProcessLookupError:
            self._fail("the server should have gone on, but %s" % self._how_it_ended())
        except OSError as error:
            raise NotJudged("the limit of the server's descriptors could not be changed here: %s" % error) from None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside, the server is stopped: what the clients do waits for it in the kernel, and it finds all of it at once."""
        self._step("the server is held, so that it finds all of the next steps at once", ("session", "holds", "the server"))
        pids = [self.server.pid] + proc.descendants(self.server.pid)
        self._signal(pids, signal.SIGSTOP)
        end = time.monotonic() + self.deadline
        while any(state not in "TtZX" for state in self._states(pids)) and time.monotonic() < end:
            time.sleep(0.001)  # between two looks at a fact
        self.frozen = True
        try:
            yield
        finally:
            self.frozen = False
            self._step("the server goes on", ("session", "lets go", "of the server"))
            self._signal(pids, signal.SIGCONT)
        self._come_to_rest()

    def _freeze(self) -> None:
        self._signal([self.server.pid], signal.SIGSTOP)
        end = time.monotonic() + 1.0
        while any(state not in "TtZX" for state in self._states([self.server.pid])) and time.monotonic() < end:
            time.sleep(0.0005)  # between two looks at a fact

    @staticmethod
    def _states(pids: Sequence[int]) -> Iterator[str]:
        for pid in pids:
            with contextlib.suppress(proc.Gone):
                yield from (thread.state for thread in proc.threads(pid))

    @staticmethod
    def _signal(pids: Sequence[int], number: int) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _come_to_rest(self) -> None:
        if self.frozen:
            barrier.wait_for_arrival(self.server.pid, self.ports, self.deadline)
        elif self.hurry is None:
            super()._come_to_rest()
        elif self.hurry > 0.0:
            try:
                barrier.wait_for_rest(self.server.pid, self.ports, self.hurry)
            except barrier.NotAtRest as error:
                self._has_gone_on(isinstance(error, barrier.Ended))
        self._is_itself()

    def _is_itself(self) -> None:
        """A check judges the program that was compiled, not what that has become."""
        runs = proc.program(self.server.pid)
        if runs and runs.replace(" (deleted)", "") != os.path.realpath(self.server.argv[0]):
            raise Wrong("the server should have been the program that was compiled, but it has become another one by exec: "
                        "%s" % launcher.readable(runs.encode("utf-8", "replace")))

    def come_to_rest(self) -> None:
        """It is to be at rest now; it fails if it runs and runs."""
        self._come_to_rest()

    @contextlib.contextmanager
    def hurried(self, seconds: float = 0.0) -> Iterator[None]:
        """Inside, a step waits so long at the most for the server to come to rest: for a server that may have a reason not to."""
        self.hurry = seconds
        yield
        self.hurry = None

    def end_server(self) -> None:
        """As by Ctrl+C at the server. Its side closes the connections first."""
        self.steps.append("the server is ended, its clients are still connected")
        self.server.end()

    def leaves_after(self, name: str) -> None:
        """Leaves when the server has gone; the server's port then has a connection in TIME_WAIT."""
        self.steps.append("%s leaves" % name)
        self.clients[name].leave()
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            states = {row.state for row in proc.tcp(None, self.ports) if row.local[1] in self.ports}
            if not states or proc.TIME_WAIT in states:
                break
            time.sleep(0.001)  # between two looks at a fact

    def rests(self) -> bool:
        """Whether the server is at rest, or comes to it soon. One that runs on and on, or has ended, is not."""
        try:
            barrier.wait_for_rest(self.server.pid, self.ports, 1.0)
        except barrier.NotAtRest:
            return False
        return True

    def ends(self) -> Optional[int]:
        """The exit status of a server that ends by itself, and all that it printed is there; None for one that goes on."""
        end = time.monotonic() + self.deadline
        toil = barrier.Toil()
        while self.server.wait(0.05) is None and time.monotonic() < end:
            try:
                barrier.wait_for_rest(self.server.pid, self.ports, 0.3, toil=toil)
                break
            except barrier.Spins:
                break
            except barrier.NotAtRest:   # (or it has ended)
                continue
        status = self.server.wait(0.0)
        if status is not None:
            self.server.lines.wait_for_end(self.deadline)
        return status

    # ---- what it prints, and its timer

    def printed(self, start: int = 0, source: Optional[str] = None) -> List[str]:
        return [text for who, text in self.server.lines.all[start:] if source in (None, who)]

    def line(self, wanted: Callable[[str], bool], what: str, start: int = 0, deadline: float = 2.0) -> str:
        """The first line from `start` on that is as wanted. The server rests: it was printed already, or will not be."""
        index = self.server.lines.wait(wanted, deadline, start, lambda: True)
        if index is None:
            said = self.printed(start)
            self._fail("the server should have printed %s, but it printed %s" % (
                what, " / ".join('"%s"' % text for text in said[:5]) or "nothing"))
        return self.server.lines.all[index][1]

    def time_outs(self, start: int = 0) -> int:
        """How often the server has said so."""
        return sum(says_time_out(text) for text in self.printed(start))

    def no_time_out(self, start: int, why: str) -> None:
        """The server has not said so, and as it rests it does not; what it has printed has a moment to get here."""
        self.come_to_rest()
        if self.server.lines.wait(says_time_out, 0.3, start, lambda: True) is not None:
            self._fail("the server should not have printed \"time out!\" %s, but did" % why)

    def times_out(self, times: int = 1) -> float:
        """Nobody does anything until the server has said `time out!` so many times. Returns how long that took. A server
        that rests again although the time was over for long does not say it any more."""
        self._step("silence until the server has printed \"time out!\" %s" % _times(times),
                   ("session", "silence", "of %g s, %s" % (self.timeout, _times(times))))
        begin = time.monotonic()
        heard = len(self.server.lines.all)
        self.silent += times * self.timeout
        for n in range(1, times + 1):
            over = begin + n * self.timeout + 0.5
            index = None
            while index is None:
                index = self.server.lines.wait(says_time_out, 0.05, heard, lambda: self.server.alive)
                if index is not None:
                    break
                if not self.server.alive:
                    how = self._how_it_ended()  # all that it printed is there now
                    index = self.server.lines.wait(says_time_out, 0.0, heard)
                    if index is not None:
                        break
                    self._fail("the server should have printed \"time out!\", but %s" % how)
                late = time.monotonic() - over
                if late > self.deadline or late > 0 and self.rests() and self.server.lines.wait(
                        says_time_out, 0.5, heard, lambda: True) is None:
                    self._fail("the server should have printed \"time out!\" after %g s of silence; after %.1f s its last lines "
                               "are %s" % (
                        self.timeout, time.monotonic() - begin,
                        " / ".join('"%s"' % text for text in self.printed()[-3:]) or "missing: it has printed nothing"))
            heard = index + 1
        return time.monotonic() - begin

    def pause(self, seconds: float) -> None:
        """Silence is the subject: that nothing happens in this time is what is to be seen."""
        self._step("silence for %g s" % seconds, ("session", "silence", "of %g s" % seconds))
        self.silent += seconds
        self.server.wait(seconds)

    def _note(self, who: str, verb: str, text: str) -> None:
        try:
            super()._note(who, verb, text)
        except SessionError:
            # fdtrace ends with its program, perhaps a moment before we know that: the next step tells the story.
            if self.server.wait(1.0) is None:
                self.tracer_lost = ("fdtrace took no more notes, and the server was still there: was it stopped or ended from "
                                    "within?")
                raise NotJudged("fdtrace does not take notes any more") from None

    # ---- what should have been

    def should(self, true: Any, text: str, at: Sequence[int] = ()) -> None:
        """`text` reads "X should have been ..., but was ..."."""
        if not true:
            raise Wrong(text, at)

    def equal(self, what: str, wanted: Any, was: Any, at: Sequence[int] = ()) -> None:
        self.should(wanted == was, "%s should have been %s, but was %s" % (what, _shown(wanted), _shown(was)), at)

    # ---- the trace

    def run(self) -> trace.Run:
        """Ends the server and reads its trace. Traces are for what the kernel does not show from outside."""
        self.needs_trace = True
        if self._run is None:
            self.stop()
            self._whole_capture()
            try:
                self._run = self.read_trace()
            except trace.TraceError as error:
                raise NotJudged("the trace cannot be read: %s" % error) from None
        return self._run

    def read_trace(self, sets: bool = True) -> trace.Run:
        """Once. Who does not ask what the waits watched may get it all the same, if somebody has asked before."""
        if self._read is None or sets and not self._read_sets:
            assert self.server.capture is not None
            self._read, self._read_sets = trace.load(self.fdtrace, self.server.capture, sets), sets
        return self._read

    def _whole_capture(self) -> None:
        problem = witness.capture_problem(self.server.capture, self.most_events)
        if problem:
            raise NotJudged("the trace of this run cannot be used: %s" % problem)

    def findings(self, *options: str) -> List[Dict[str, Any]]:
        """Ends the server; what fdtrace's rules find in its trace, the weightiest first."""
        self.needs_trace = True
        self.stop()
        self._whole_capture()
        assert self.server.capture is not None
        done = subprocess.run([self.fdtrace, "check", "--format=json", *options, self.server.capture],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if done.returncode not in (0, 1):
            raise NotJudged("the trace cannot be checked: %s" % done.stderr.strip())
        weight = {"bug": 0, "risk": 1, "note": 2}
        return sorted(json.loads(done.stdout), key=lambda one: weight.get(one["severity"], 3))

    def part(self) -> None:
        """The session has failed: the clients are gone, and the trace shows what the server makes of that too. What it sits in
        meanwhile it has sat in for a while then, so that the rules see it (trace/rules/starved.c), on a quick machine too."""
        self.hurry = 0.0
        self.server.wait(SAT)
        with contextlib.suppress(SessionError, Wrong, NotJudged), self.held():  # all at once: so it is the same each time
            self.end()
        self.end()
        with contextlib.suppress(barrier.NotAtRest):
            barrier.wait_for_rest(self.server.pid, self.ports, 1.0)

    def stop(self) -> None:
        """The session is over. The server is killed: what it would do on its way out is not asked for."""
        if self.server.alive:
            with contextlib.suppress(SessionError, NotJudged):
                self._note("session", "ends", "here")
            if self.server.pid:
                self.last_look = witness.LastLook(self.server.pid, self.ports, self._freeze)
                self._signal([self.server.pid] + proc.descendants(self.server.pid), signal.SIGKILL)
                self.server.wait(DEADLINE)  # fdtrace closes the capture and ends
        self.end()
        self.server.end()


_LETTERS = bytes(ord("a") + n % 26 for n in range(256))


def letters(chance: random.Random, count: int) -> bytes:
    """Text that is nowhere like itself, so that a piece that is missing or in the wrong place is seen."""
    return chance.randbytes(count).translate(_LETTERS)


def _heard_instead(wanted: bytes, got: bytes, why: str) -> str:
    if not got:
        return "nothing; " + why
    if wanted.startswith(got):
        return "only %s; %s" % (quoted(got) if len(wanted) <= 40 else "%d of them" % len(got), why)
    if len(wanted) <= 40:
        return quoted(got)
    first = next(n for n, (one, other) in enumerate(zip(wanted, got)) if one != other)
    return "other ones from byte %d on" % (first + 1)


def _client_ports(first: int) -> Iterator[int]:
    """Where a check has a network of its own its clients have the same ports each time: so a grade is the same each time. All of
    them are other ones when their two bytes are exchanged (htons)."""
    return (port for port in itertools.count(first) if port >> 8 != port & 255)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, "%d times" % count)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return quoted(value)
    if isinstance(value, (list, tuple, set)):
        return ", ".join(map(_shown, sorted(value) if isinstance(value, set) else value)) or "none"
    return str(value)


class Bench:
    """What one check gets: it starts servers, and knows all that was done with them."""

    def __init__(self, program: str, port_count: int, fdtrace: str, folder: str, tier: str, seed: str) -> None:
        self.program = program
        self.port_count = port_count
        self.fdtrace = fdtrace
        self.folder = folder
        self.tier = tier
        self.chance = random.Random(seed)
        first = random.Random("ports of " + seed).randrange(FIRST_OF_CLIENTS, LAST_OF_CLIENTS)
        self.own_ports = _client_ports(first) if tier != "free ports" else None    # of all its clients
        self.plays: List[Play] = []
        self._stack = contextlib.ExitStack()
        self._held: List[launcher.Ports] = []

    def ports(self) -> List[int]:
        """The lab's own ports, where this check has a network of its own."""
        if self.tier != "free ports":
            return list(range(FIRST_PORT, FIRST_PORT + self.port_count))
        self._held.append(launcher.free_ports(self.port_count))
        return self._held[-1].numbers

    def start(self, timeout: float = IDLE, *, ports: Optional[List[int]] = None, args: Optional[Sequence[str]] = None,
              inject: Sequence[str] = (), open_files: int = OPEN_FILES, terminal: bool = True, serving: bool = True,
              most_events: int = MOST_EVENTS) -> Play:
        """A server, and a session at it. `args` instead of the usual ones; `inject` faults for fdtrace; `open_files`: its
        limit; `terminal`: for its output."""
        ports = self.ports() if ports is None else ports
        args = ["%g" % timeout, *map(str, ports)] if args is None else list(args)
        options = ["--max-events=%d" % most_events, *("--inject=" + spec for spec in inject)]
        limits = {**LIMITS, resource.RLIMIT_NOFILE: open_files}
        processes = PROCESSES if open_files <= OPEN_FILES else MANY_PROCESSES
        if self.tier != "free ports":  # there they cannot be counted apart from those of the same user
            limits[resource.RLIMIT_NPROC] = processes + 64  # of the sandbox too; who reaches `processes` is ended, and told so
        if open_files > OPEN_FILES:
            self._may_open(open_files + 100)
        capture = os.path.join(self.folder, "%d.fdt" % (len(self.plays) + 1))
        os.makedirs(self.folder, exist_ok=True)
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        server = self._stack.enter_context(launcher.launch(
            [self.program, *args], fdtrace=self.fdtrace, capture=capture, options=options, environment=environment,
            sandbox=isolate.sandbox(self.tier), limits=limits, terminal=terminal, deadline=90.0,
            most_processes=processes, most_memory=MEMORY))
        play = Play(server, ports, timeout, self.chance, self.fdtrace)
        play.own_ports = self.own_ports
        play.most_events, play.faults, play.needs_trace = most_events, list(inject), bool(inject)
        self.plays.append(play)
        self._stack.callback(play.end)
        play.steps.append("server %s%s" % (" ".join(args), "" if open_files == OPEN_FILES else
                                           ", which may have %d descriptors" % open_files))
        if serving:
            play.serving()
        return play

    @staticmethod
    def _may_open(wanted: int) -> None:
        """So many files at once, for us and for what we start."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < wanted:
            raise NotJudged("the limit of open files here is %d (ulimit -Hn): this check needs %d" % (hard, wanted))
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    def take_port(self, port: int) -> None:
        """Somebody else listens there."""
        other = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._stack.callback(other.close)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen(1)

    def contradictions(self) -> List[str]:
        """Of the sessions whose trace the check rests on: what in the trace does not fit what was seen from outside."""
        found: List[str] = []
        for play in self.plays:
            if play.needs_trace:
                with contextlib.suppress(SessionError, launcher.LaunchError):
                    play.stop()
                found += witness.contradictions(play)
        return found

    def becoming(self) -> List[str]:
        """What programs the server replaced itself by, as far as traces were read."""
        return sorted({path for play in self.plays if play._read for path in witness.becoming(play._read)})

    def stop(self) -> None:
        """Ends all servers in good order, so that their captures are whole."""
        for play in self.plays:
            with contextlib.suppress(SessionError, launcher.LaunchError):
                play.stop()

    def close(self) -> None:
        self._stack.close()
        for held in self._held:
            for lock in held.locks:
                lock.close()
