"""harness/fdlab/session.py: a session, the script of several clients at one server. harness/sessions/ has one per lab.

    def play(s):
        s.serving()
        s.connect("A", s.ports[0])
        s.say("A", "hello")
        s.hears("A", "hello")
        s.leaves("A")
        s.silence(timeouts=1)

Each step that gives the server something to do ends when it has come to rest again (barrier.py), so steps never overtake
each other; each step has a deadline. What the clients do is written into the capture, where there is one.
"""
from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from . import barrier, proc
from .client import Client, ClientError, quoted
from .launcher import DEADLINE, LaunchError, Server

TIMEOUT_LINE = "time out!"


class SessionError(Exception):
    """A step that did not go as the lab says. `steps` are those taken, the last one being the one that failed."""

    def __init__(self, text: str, steps: Sequence[str]) -> None:
        super().__init__(text)
        self.steps = list(steps)


class Session:
    def __init__(self, server: Server, ports: Sequence[int], timeout: float, deadline: float = DEADLINE) -> None:
        self.server = server
        self.ports = list(ports)
        self.timeout = timeout                 # the server's timer
        self.deadline = deadline               # of one step
        self.clients: Dict[str, Client] = {}
        self.own_ports: Optional[Iterator[int]] = None   # of the clients, one after the other; None: whatever the kernel gives
        self.everybody: List[Client] = []      # also those whose name somebody else has by now
        self.steps: List[str] = []
        self.rest: Optional[barrier.Rest] = None
        self.silent = 0.0                      # seconds that were silence on purpose

    # ---- the server

    def serving(self) -> None:
        """The server listens on all its ports, and waits for what comes."""
        self.steps.append("the server listens on " + ", ".join(map(str, self.ports)))
        end = time.monotonic() + self.deadline
        while True:
            listening = {row.local[1] for row in proc.tcp(self.server.pid, self.ports) if row.state == proc.LISTEN}
            missing = [port for port in self.ports if port not in listening]
            if not self.server.alive:
                how = self._how_it_ended()
                listened = not missing or any("listening" in text.lower() for _, text in self.server.lines.all)
                self._fail("the server should have gone on, but %s" % how if listened else
                           "the server should listen on port %d, but %s" % (missing[0], how))
            if not missing:
                break
            if self._has_left():
                self._fail("the server should listen on port %d, but its first process has ended, and has left others behind" %
                           missing[0])
            if time.monotonic() > end:
                self._fail("the server should listen on port %d; it does not after %g s" % (missing[0], self.deadline))
            time.sleep(0.001)  # between two looks at a fact
        self._come_to_rest()

    def _has_left(self) -> bool:
        """Only what the program has started is still there, as with a daemon."""
        try:
            gone = proc.state(self.server.pid) in "ZX"
        except proc.Gone:
            gone = True
        return gone and self.server.wait(0.5) is None and not self.server.over  # (that is being killed, and it takes a while)

    def silence(self, timeouts: int = 0) -> None:
        """Nobody does anything until the server has said `time out!` so many times. Without a number: for longer than
        its timer, and it says nothing."""
        if timeouts:
            times = {1: "once", 2: "twice"}.get(timeouts, "%d times" % timeouts)
            self._step("silence until the server has printed \"%s\" %s" % (TIMEOUT_LINE, times),
                       ("session", "silence", "of %g s%s" % (self.timeout, "" if timeouts == 1 else ", " + times)))
            heard = len(self.server.lines.all)
            for _ in range(timeouts):
                heard = 1 + self._try(lambda: self.server.wait_for_line(
                    TIMEOUT_LINE, self.timeout + self.deadline, heard))
            self.silent += timeouts * self.timeout
            self._come_to_rest()
        else:
            # The one pause of the kit: that nothing happens in this time is what is to be seen.
            pause = self.timeout * 1.25
            self._step("silence for %g s, longer than the timer: no \"%s\"" % (pause, TIMEOUT_LINE),
                       ("session", "silence", "of %g s, longer than the timer" % pause))
            heard = len(self.server.lines.all)
            index = self.server.lines.wait(lambda line: TIMEOUT_LINE in line, pause, heard, lambda: self.server.alive)
            self.silent += pause
            if index is not None:
                self._fail("the server printed \"%s\" while it was serving a client" % TIMEOUT_LINE)
            self._come_to_rest()

    # ---- the clients

    def connect(self, name: str, port: int, small_buffers: bool = False) -> None:
        client = self.clients[name] = Client(name, port, deadline=self.deadline, own_ports=self.own_ports)
        self.everybody.append(client)
        if small_buffers:
            client.small_buffers()
        self._step("%s connects to 127.0.0.1:%d" % (name, port), (name, "is", "%s:%d" % client.bind()),
                   (name, "connects to", "127.0.0.1:%d" % port))
        self._try(client.connect)
        self._come_to_rest()

    def say(self, name: str, text: Any) -> None:
        data = _bytes(text)
        self._step("%s says %s" % (name, quoted(data)), (name, "says", quoted(data)))
        self._try(lambda: self.clients[name].say(data))
        self._come_to_rest()

    def hears(self, name: str, text: Any) -> None:
        data = _bytes(text)
        self.steps.append("%s hears %s" % (name, quoted(data)))
        self._try(lambda: self.clients[name].hear(data))
        self._note(name, "hears", quoted(data))

    def hears_nothing(self, name: str) -> None:
        """Nothing came, and as the server rests and nothing is on its way, nothing will."""
        self.steps.append("%s hears nothing" % name)
        barrier.wait_for_arrival(self.server.pid, self.ports, self.deadline)
        self._try(self.clients[name].hear_nothing)
        self._note(name, "hears", "nothing")

    def hears_end(self, name: str) -> None:
        self.steps.append("%s sees the server close the connection" % name)
        self._try(self.clients[name].hear_end)
        self._note(name, "hears", "the end")

    def burst(self, name: str, size: int) -> bytes:
        self._step("%s says %d bytes in one go" % (name, size), (name, "says", "%d bytes" % size))
        data = self._try(lambda: self.clients[name].burst(size))
        self._come_to_rest()
        return data

    def half_closes(self, name: str) -> None:
        self._step("%s says that it will say no more, and listens on" % name, (name, "half-closes", ""))
        self.clients[name].half_close()
        self._come_to_rest()

    def leaves(self, name: str) -> None:
        """As by Ctrl+C in the client."""
        self._step("%s leaves" % name, (name, "leaves", ""))
        self.clients[name].leave()
        self._come_to_rest()

    def resets(self, name: str) -> None:
        self._step("%s leaves by a reset" % name, (name, "resets", ""))
        self.clients[name].reset()
        self._come_to_rest()

    # ---- underneath

    def _note(self, who: str, verb: str, text: str) -> None:
        if self.server.notes is not None and self.server.alive:
            self._try(lambda: self.server.notes.add(who, verb, text))

    def _step(self, text: str, *notes: Tuple[str, str, str]) -> None:
        self.steps.append(text)
        self._has_gone_on(False)
        for note in notes:
            self._note(*note)

    def _try(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except (ClientError, LaunchError, barrier.NotAtRest) as error:
            if "it was killed" not in str(error) and "it ended" not in str(error):
                self._has_gone_on(isinstance(error, (ClientError, barrier.Ended)))
            self._fail(str(error))

    def _fail(self, text: str) -> None:
        raise SessionError(text, self.steps) from None

    def _how_it_ended(self) -> str:
        self.server.lines.wait_for_end(1.0)  # its last words
        return self.server.how_it_ended()

    def _come_to_rest(self) -> None:
        follow = self.server.follow
        try:
            self.rest = barrier.wait_for_rest(self.server.pid, self.ports, self.deadline,
                                              _unfinished(follow) if follow else None)
        except barrier.NotAtRest as error:
            self._has_gone_on(isinstance(error, barrier.Ended))
            self._fail(str(error))

    def _has_gone_on(self, doubted: bool) -> None:
        """Fails when it has ended: that is the reason then, whoever has noticed it first, and in whatever way. Where it is
        doubted, its end has a moment to be known."""
        if not self.server.alive or doubted and self.server.wait(0.2) is not None:
            self._fail("the server should have gone on, but %s" % self._how_it_ended())

    def end(self) -> None:
        """Whoever is still there leaves, in a way that leaves nothing behind."""
        for client in self.clients.values():
            client.discard()


def _bytes(text: Any) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _unfinished(follow: Any) -> barrier.Unfinished:
    def ask(tid: int) -> Optional[Tuple[str, Optional[int]]]:
        event = follow.unfinished.get(tid)
        return (event["call"], event.get("fd")) if event else None
    return ask


def play(script: Callable[[Session], None], server: Server, ports: Sequence[int], timeout: float,
         deadline: float = DEADLINE) -> Session:
    """Plays a script against a server that runs. Raises SessionError; the clients are gone afterwards in any case."""
    session = Session(server, ports, timeout, deadline)
    try:
        script(session)
    finally:
        session.end()
    return session
