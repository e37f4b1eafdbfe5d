"""harness/fdlab/terminals.py: a terminal in which a command runs, and somebody types: what excerpts.py needs to do a handout as written.

    terminal = Terminal(tree, environment)
    terminal.run("make client")
    terminal.type("hello")
    terminal.type("Ctrl+D")
    terminal.text()                  # all that was to be seen since run(), what was typed included
"""
from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time
from typing import Dict, Optional

KEYS = {"Ctrl+C": b"\x03", "Ctrl+D": b"\x04"}
DEADLINE = 20.0      # for a command to end that should


class TerminalError(Exception):
    pass


class Terminal:
    def __init__(self, where: str, environment: Dict[str, str]) -> None:
        self.where = where
        self.environment = environment
        self.process: Optional[subprocess.Popen] = None
        self.seen = b""
        self.master = -1
        self.reader = threading.Thread()

    def run(self, command: str) -> None:
        """Starts it. What ran here before must have ended, or end now by itself."""
        self.wait()
        self.close()
        self.seen = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        try:
            self.process = subprocess.Popen(["/bin/sh", "-c", command], stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                                            cwd=self.where, env=self.environment, start_new_session=True,
                                            preexec_fn=_control_terminal)
        finally:
            os.close(slave)
        self.reader = threading.Thread(target=self._read, args=(self.master,), daemon=True)
        self.reader.start()

    def _read(self, master: int) -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # EIO: the last one has closed the other end
                return
            if not data:
                return
            self.seen += data

    def type(self, line: str) -> None:
        """A line, or a key with a name."""
        if self.process is None or self.process.poll() is not None:
            raise TerminalError("nothing runs there to type \"%s\" to" % line)
        os.write(self.master, KEYS.get(line, line.encode() + b"\n"))

    def text(self) -> str:
        if self.process is not None and self.process.poll() is not None:
            self.reader.join(2)  # its last words are on their way
        return self.seen.decode("utf-8", "replace")

    def wait(self) -> None:
        if not self.ends():
            raise TerminalError("what was started there before still runs")

    def ends(self) -> bool:
        """Gives it the time to end; False when it does not."""
        try:
            return self.process is None or self.process.wait(DEADLINE) is not None
        except subprocess.TimeoutExpired:
            return False

    def close(self) -> None:
        """As when its window is closed; and who does not heed that is killed."""
        if self.process is None:
            return
        for number in (signal.SIGHUP, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                break
            end = time.monotonic() + 2
            while self.process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
        self.process.wait()
        self.reader.join(2)
        os.close(self.master)
        self.process, self.master = None, -1


def _control_terminal() -> None:
    """In the child: Ctrl+C is for it, and it heeds it, whatever we were started by."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
