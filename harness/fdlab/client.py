"""harness/fdlab/client.py: a client that does one thing at a time, each with a deadline, and says what went wrong.

    a = Client("A", 50000)
    a.connect(); a.say(b"hello"); a.hear(b"hello"); a.leave()

It never waits longer than its deadline, and what it has received and not yet been asked about it keeps.
"""
from __future__ import annotations

import errno
import itertools
import os
import select
import socket
import struct
import time
from typing import Callable, Iterator, Optional

from .launcher import DEADLINE, readable


UNASKED_MOST = 16 << 20   # bytes: of a server that sends and sends, so much is taken and no more


class ClientError(Exception):
    """A step that did not go as it should. The text says who, what should have been, and what was."""


def quoted(data: bytes) -> str:
    """Bytes for a reader: in quotation marks, long ones cut and measured."""
    if len(data) > 40:
        return '"%s..." (%d bytes)' % (readable(data[:32]), len(data))
    return '"%s"' % readable(data)


def error_name(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0, "")
    return "%s (%s)" % (os.strerror(error.errno), name) if name else str(error)


class Client:
    def __init__(self, name: str, port: int, host: str = "127.0.0.1", deadline: float = DEADLINE,
                 own_ports: Optional[Iterator[int]] = None) -> None:
        """It has the next of `own_ports` that nobody has; without them one that the kernel chooses."""
        self.name = name
        self._own_ports = own_ports or itertools.repeat(0)
        self.server = (host, port)
        self.deadline = deadline
        self.address: Optional[tuple] = None   # ours, once bound
        self.sent = 0                          # bytes that the kernel took from us
        self.said = b""                        # all that was sent
        self.heard = b""                       # all that was expected and came
        self.left = False
        self._unheard = b""                    # has come, nobody has asked for it yet
        self._ended: Optional[str] = None      # why nothing more can come
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def bind(self) -> tuple:
        """Takes a port before it connects, so that the trace can be told whose connection it will be."""
        while self.address is None:
            port = next(self._own_ports)
            try:
                self._socket.bind((self.server[0] if self.server[0].startswith("127.") else "", port))
                self.address = self._socket.getsockname()
            except OSError as error:
                if port == 0 or error.errno != errno.EADDRINUSE:
                    raise
        return self.address

    def connect(self) -> None:
        self.bind()
        self._socket.settimeout(self.deadline)
        try:
            self._socket.connect(self.server)
        except socket.timeout:
            raise ClientError("%s cannot connect to %s:%d: no answer within %g s" % (
                self.name, *self.server, self.deadline)) from None
        except OSError as error:
            hint = ": nothing listens there" if error.errno == errno.ECONNREFUSED else ""
            raise ClientError("%s cannot connect to %s:%d: %s%s" % (
                self.name, *self.server, error_name(error), hint)) from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # small things go out at once
        self._socket.setblocking(False)

    def small_buffers(self) -> None:
        """Before connect(): little room on the way to us, so that a server soon feels that we do not read. (It sends small
        segments, and the kernel gives a connection buffers by the size of its segments.)"""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    @property
    def unheard(self) -> bytes:
        """What has come and was not asked for yet."""
        return self._unheard

    @property
    def ended(self) -> Optional[str]:
        """Why nothing more can come; None while something can."""
        return self._ended

    def listen(self, fact: Callable[[], bool], seconds: float) -> None:
        """Takes what comes until the fact holds, the connection ends, or so many seconds have passed."""
        deadline, self.deadline = self.deadline, seconds
        try:
            self._take()
            self._until(fact)
        finally:
            self.deadline = deadline

    # ---- moving bytes. Both directions at once, so that a large echo cannot lock us and the server up.

    def _take(self) -> None:
        """Takes what has come, without waiting."""
        while self._ended is None:
            try:
                more = self._socket.recv(65536)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._ended = "the connection was lost: %s" % error_name(error)
                return
            if not more:
                self._ended = "the server closed the connection"
            self._unheard += more
            if len(self._unheard) > UNASKED_MOST:
                self._ended = "the server sent more than %d MB that nobody had asked for" % (UNASKED_MOST >> 20)

    def _until(self, fact: Callable[[], bool], sending: bytes = b"") -> bytes:
        """Sends and receives until the fact holds and all is sent; what could not be sent before the deadline."""
        end = time.monotonic() + self.deadline
        while sending or not fact():
            left = end - time.monotonic()
            if left <= 0 or (self._ended is not None and not sending):
                break
            if sending:
                try:
                    took = self._socket.send(sending[:1 << 20], socket.MSG_NOSIGNAL)
                    self.sent += took
                    sending = sending[took:]
                    continue
                except (BlockingIOError, InterruptedError):
                    pass  # it takes no more, perhaps because we do not read
                except OSError as error:
                    self._take()
                    raise ClientError("%s cannot send: %s" % (self.name, error_name(error))) from None
            poll = select.poll()  # not select(): the harness, too, may have descriptors above 1023
            poll.register(self._socket, (select.POLLOUT if sending else 0) | (0 if self._ended else select.POLLIN))
            if poll.poll(left * 1000) and not self._ended:
                self._take()
        return sending

    def say(self, data: bytes) -> None:
        left = self._until(lambda: True, data)
        self.said += data[:len(data) - len(left)]
        if left:
            raise ClientError("%s could send only %d of %d bytes within %g s: the server does not read" % (
                self.name, len(data) - len(left), len(data), self.deadline))

    def push(self, data: bytes) -> int:
        """Says as much of it as the kernel takes at once, and reads nothing meanwhile; how much that was."""
        done = 0
        try:
            while done < len(data):
                took = self._socket.send(data[done:], socket.MSG_NOSIGNAL)
                self.sent += took
                done += took
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            raise ClientError("%s cannot send: %s" % (self.name, error_name(error))) from None
        self.said += data[:done]
        return done

    def hear(self, data: bytes) -> None:
        """Exactly these bytes are to come next."""
        self._take()
        self._until(lambda: len(self._unheard) >= len(data) or not data.startswith(self._unheard))
        got = self._unheard[:len(data)]
        if got == data:
            self.heard += data
            self._unheard = self._unheard[len(data):]
            return
        what = "heard " + quoted(got) if got else "heard nothing"
        if data.startswith(got):
            what += " and then " if got else "; "
            what += self._ended or ("nothing more for %g s" if got else "waited for %g s") % self.deadline
        raise ClientError("%s should have heard %s, but %s" % (self.name, quoted(data), what))

    def hear_nothing(self) -> None:
        """Nothing has come. Worth something only when the server has come to rest."""
        self._take()
        if self._unheard:
            raise ClientError("%s should have heard nothing, but heard %s" % (self.name, quoted(self._unheard)))
        if self._ended:
            raise ClientError("%s should still be connected, but %s" % (self.name, self._ended))

    def hear_end(self) -> None:
        """The server closes the connection: end of file, and nothing before it."""
        self._take()
        self._until(lambda: False)
        if self._unheard:
            raise ClientError("%s should have heard nothing more, but heard %s" % (self.name, quoted(self._unheard)))
        if self._ended is None:
            raise ClientError("%s should have seen the end of the connection, but it was open for %g s" % (
                self.name, self.deadline))

    def burst(self, size: int) -> bytes:
        """Says `size` bytes, of every value, in one go; they are returned for hear()."""
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        self.say(data)
        return data

    # ---- leaving

    def half_close(self) -> None:
        """Says that nothing more will come from here, and still listens."""
        self._socket.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """As Ctrl+C does it: the kernel closes the connection in good order."""
        self._take()  # close() with unread bytes would send a reset instead of an end of file
        self._socket.close()
        self.left = True

    def reset(self) -> None:
        """Leaves without a good-bye: the server gets ECONNRESET."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        self.left = True

    def discard(self) -> None:
        """The end of a session that went wrong: by a reset, so that no TIME_WAIT holds the server's port."""
        if not self.left:
            try:
                self.reset()
            except OSError:
                self._socket.close()
