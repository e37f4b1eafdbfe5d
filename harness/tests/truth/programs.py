"""harness/tests/truth/programs.py: the programs that fdtrace is held against, each with a bounded load on loopback.

A scenario is a function of a Run and a free port; it starts the program, drives it, checks the tables at rest, and stops it.
"""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

from run import DEADLINE, Failure, Run

PROGRAMS = Path(__file__).parent
ROOT = PROGRAMS.parents[2]


class Scenario(NamedTuple):
    name: str
    needs: Sequence[Tuple[str, str]]  # (tool, Debian package)
    play: Callable[[Run, int], None]


# ---- clients


def talk(port: int, *lines: bytes) -> List[bytes]:
    """A client: sends each line, waits for the whole answer line, closes."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.settimeout(DEADLINE)
        with client.makefile("rwb") as stream:
            for line in lines:
                stream.write(line + b"\n")
                stream.flush()
                answers.append(stream.readline())
    return answers


def fetch(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.settimeout(DEADLINE)
        client.sendall(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        return b"".join(iter(lambda: client.recv(65536), b""))


def at_once(count: int, work: Callable[[], object]) -> None:
    """So many clients at the same time. An exception in one of them is raised here."""
    wrong: List[BaseException] = []

    def one() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 (handed on below)
            wrong.append(error)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    if wrong:
        raise wrong[0]


def expect(got: object, wanted: object) -> None:
    if got != wanted:
        raise Failure(f"a client got {got!r} and not {wanted!r}")


# ---- scenarios

SOCKETSERVER = """
import socketserver, sys, signal, threading
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)
kind = {"threads": socketserver.ThreadingTCPServer, "forks": socketserver.ForkingTCPServer}[sys.argv[1]]
kind.allow_reuse_address = True
kind.daemon_threads = True
with kind(("127.0.0.1", int(sys.argv[2])), Echo) as server:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
"""


def socketserver(kind: str) -> Callable[[Run, int], None]:
    def play(run: Run, port: int) -> None:
        run.start(["/usr/bin/python3", "-I", "-S", "-c", SOCKETSERVER, kind, port])
        run.wait_for_port(port)
        run.checkpoint("listening")
        at_once(3, lambda: expect(talk(port, b"one", b"two"), [b"one\n", b"two\n"]))
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
            client.sendall(b"held\n")
            expect(client.recv(5), b"held\n")
            run.checkpoint("one client connected")
        run.checkpoint("all gone")
        expect(run.stop(), 0)

    return play


def socat(run: Run, port: int) -> None:
    run.start(["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", "EXEC:cat"])
    run.wait_for_port(port)
    run.checkpoint("listening")
    at_once(3, lambda: expect(talk(port, b"one", b"two"), [b"one\n", b"two\n"]))
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
        client.sendall(b"held\n")
        expect(client.recv(5), b"held\n")
        run.checkpoint("one client connected")
    run.checkpoint("all gone")
    expect(run.stop(), 143)


def redis(run: Run, port: int) -> None:
    run.start(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", run.folder, "--hz", "1"])
    run.wait_for_port(port)
    run.checkpoint("listening")
    command = ["redis-benchmark", "-p", str(port), "-c", "4", "-n", "40", "-t", "ping_inline,set,get,lpush", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    expect(done.returncode, 0)
    run.checkpoint("after redis-benchmark")
    expect(run.stop(), 0)


NGINX = """
daemon off;
worker_processes 2;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {folder}/html; }}
}}
"""


def nginx_files(folder: Path, port: int) -> List[str]:
    (folder / "html").mkdir()
    (folder / "html" / "index.html").write_text("<p>hello</p>\n" * 2000)
    os.chmod(folder, 0o755)
    for above in list(folder.parents)[:-1]:
        try:
            os.chmod(above, above.stat().st_mode | 0o011)  # its workers are another user's
        except PermissionError:
            pass
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port) if os.getuid() else "user root;" + NGINX.format(folder=folder, port=port))
    return ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def nginx(run: Run, port: int) -> None:
    run.start(nginx_files(run.folder, port))
    run.wait_for_port(port)
    run.checkpoint("listening")
    at_once(4, lambda: [expect(fetch(port)[-13:], b"<p>hello</p>\n") for _ in range(6)])
    with socket.create_connection(("127.0.0.1", port), DEADLINE):
        run.checkpoint("one client connected")
    run.checkpoint("all gone")
    expect(run.stop(signal.SIGQUIT), 0)


def nginx_check(run: Run, port: int) -> None:
    run.start([*nginx_files(run.folder, port), "-t"])
    expect(run.wait(), 0)


def memcached(run: Run, port: int) -> None:
    run.start(["memcached", "-l", "127.0.0.1", "-p", port, "-U", 0, "-t", 4, "-u", "root", "-m", 8])
    run.wait_for_port(port)
    run.checkpoint("listening")
    at_once(4, lambda: expect(talk(port, *[b"set k 0 0 1\r\nv\r"] * 5, b"get k\r")[:5], [b"STORED\r\n"] * 5))
    run.checkpoint("all gone")
    expect(run.stop(), 0)


def sshd(run: Run, port: int) -> None:
    key = run.folder / "key"
    Path("/run/sshd").mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=DEADLINE)
    (run.folder / "sshd_config").write_text(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\n")
    run.start([shutil.which("sshd", path="/usr/sbin:" + os.environ["PATH"]), "-t", "-f", run.folder / "sshd_config"])
    expect(run.wait(), 0)


def curl(run: Run, port: int) -> None:
    server = subprocess.Popen(nginx_files(run.folder, port), stderr=subprocess.DEVNULL)
    try:
        run.wait_for_port(port)
        run.start(["curl", "-s", "-o", run.folder / "got", f"http://127.0.0.1:{port}/index.html"])
        expect(run.wait(), 0)
        expect((run.folder / "got").read_bytes(), (run.folder / "html" / "index.html").read_bytes())
    finally:
        server.terminate()
        server.wait(DEADLINE)


PIPELINE = """
seq 1 300 | sort -rn | head -n 5 | tee first > /dev/null
x=$(echo substituted)
cat <<< "$x" >> first
exec 7< first
read -u 7 line
exec 7<&-
( exec 8> second; echo in a subshell >&8 )
while read -r l; do echo "$l"; done < first | wc -l
"""


def bash(run: Run, port: int) -> None:
    run.start(["bash", "--norc", "--noprofile", "-c", PIPELINE], cwd=run.folder)
    expect(run.wait(), 0)
    expect(run.output.read_bytes().strip(), b"6")


def lab(name: str) -> Callable[[Run, int], None]:
    """A lab's own session, played by the harness, with a fdtrace in its place that runs under strace."""

    def play(run: Run, port: int) -> None:
        build = Path(run.fdtrace).parent
        fake = run.folder / "build"
        fake.mkdir()
        for file in [*build.glob("libfdtrace*.so"), build / "keeper"]:
            (fake / file.name).symlink_to(file)
        words = " ".join("'%s'" % word for word in run.prefix())
        script = fake / "fdtrace"
        script.write_text(f'#!/bin/sh\n[ "$1" = run ] && exec {words} {run.fdtrace} "$@"\nexec {run.fdtrace} "$@"\n')
        script.chmod(0o755)
        run.watch, other = os.pipe()
        command = [sys.executable, str(PROGRAMS / "play_traced.py"), run.fdtrace, name, "--build", str(fake), "--server", str(build / name / "server"), "--timeout", "2", "--port", str(port)]
        with open(run.output, "wb") as output:
            run.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                           pass_fds=[other], env={**os.environ, "PYTHONPATH": str(ROOT / "harness")})
        os.close(other)
        run.capture = fake / name / "trace.fdt"
        expect(run.wait(), 0)

    return play


def waits_without_clients(run: Run) -> bool:
    """Is every connection that was accepted closed, and the server in a call that has not returned?"""
    events = [event for event in run.events() if event["call"] not in ("note", "queue")]
    taken = sum(event["call"] in ("accept", "accept4") and bool(event["opened"]) for event in events)
    return taken > 0 and taken == sum(event["call"] == "close" and bool(event["closed"]) for event in events) and "unfinished" in events[-1]


def lab_tables(name: str) -> Callable[[Run, int], None]:
    """A lab's server alone: the session above owns its run, and cannot be asked in between."""

    def play(run: Run, port: int) -> None:
        run.start([Path(run.fdtrace).parent / name / "server", 30, port])
        run.wait_for_port(port)
        run.checkpoint("listening")
        for turn in ("first", "second"):
            with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
                client.sendall(b"held")
                expect(client.recv(4), b"held")
                run.checkpoint(f"the {turn} client connected")
            # Until then both tables still have its descriptor, and a signal would cut the close.
            run.wait_for(lambda: waits_without_clients(run), f"the end of the {turn} client in the server")
            run.checkpoint(f"the {turn} client gone")
        expect(run.stop(), 143)

    return play


SCENARIOS: Dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in [
        Scenario("socketserver-threads", [("/usr/bin/python3", "python3")], socketserver("threads")),
        Scenario("socketserver-forks", [("/usr/bin/python3", "python3")], socketserver("forks")),
        Scenario("socat", [("socat", "socat")], socat),
        Scenario("redis", [("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")], redis),
        Scenario("nginx", [("nginx", "nginx-light")], nginx),
        Scenario("nginx-t", [("nginx", "nginx-light")], nginx_check),
        Scenario("memcached", [("memcached", "memcached")], memcached),
        Scenario("sshd", [("sshd", "openssh-server"), ("ssh-keygen", "openssh-client")], sshd),
        Scenario("curl", [("curl", "curl"), ("nginx", "nginx-light")], curl),
        Scenario("bash", [("bash", "bash")], bash),
        Scenario("lab1", [], lab("lab1")),
        Scenario("lab2", [], lab("lab2")),
        Scenario("lab1-tables", [], lab_tables("lab1")),
        Scenario("lab2-tables", [], lab_tables("lab2")),
    ]
}
