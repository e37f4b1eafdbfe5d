"""harness/tests/test_findings_servers.py: no false alarm: `fdtrace check` on servers that many people use, each started, loaded on
loopback with a bounded number of requests, and stopped properly. What is found there and is true is listed in TRUE, with the reason;
trace/rules/README.md says more about it."""
from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conftest import need  # noqa: E402  (found by the line above)
from fdlab import proc  # noqa: E402
from test_launcher import wait_until  # noqa: E402

DEADLINE = 60

# Findings of weight "risk" that are true of the program.
TRUE = {
    "nginx": {"leak"},              # a worker holds the channels to its siblings, which only the master writes to
    "socat-exec": {"inherited"},    # the end of the pair that it talks to cat with goes along into cat
    "lab1": {"starved"},            # one client at a time: that is its subject
    "python-iterative": {"starved"},
}


def clients(port, count, each, play):
    """So many at once, one connection after the other; what one of them raises is raised here."""
    wrong = []

    def one(seed):
        try:
            for n in range(each):
                with socket.create_connection(("127.0.0.1", port), DEADLINE) as client:
                    client.settimeout(DEADLINE)
                    play(client, random.Random(seed * 1000 + n))
        except BaseException as error:  # noqa: B902  (handed on below)
            wrong.append(error)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    if wrong:
        raise wrong[0]


def receive(client, size):
    while size > 0:
        got = client.recv(min(size, 65536))
        assert got, "the server closed too early"
        size -= len(got)


def echo(client, chance):
    for _ in range(8):
        text = b"x" * chance.choice((1, 100, 5000)) + b"\n"
        client.sendall(text)
        receive(client, len(text))
    if chance.random() < 0.3:
        client.shutdown(socket.SHUT_WR)


def http(client, chance):
    """One to three requests on a connection; some leave before they have read the answer."""
    count = chance.choice((1, 3))
    for n in range(count):
        last = b"Connection: close\r\n" if n == count - 1 else b""
        client.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (chance.choice((b"/", b"/big", b"/none", b"/proxy/", b"/proxy/big")), last))
        if chance.random() < 0.1:
            return
        head = b""
        while b"\r\n\r\n" not in head:
            got = client.recv(65536)
            if not got:
                return
            head += got
        head, _, body = head.partition(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        receive(client, (length or [0])[0] - len(body))


def memcache(client, chance):
    for n in range(10):
        value = b"x" * chance.choice((10, 1000, 200000))
        client.sendall(b"set k%d 0 0 %d\r\n%s\r\n" % (n, len(value), value))
        receive(client, len(b"STORED\r\n"))
        client.sendall(b"get k%d\r\n" % n)
        got = b""
        while not got.endswith(b"END\r\n"):
            got += client.recv(65536)


@contextlib.contextmanager
def traced(fdtrace, file, port, *command, stop=signal.SIGTERM, **more):
    """The program under fdtrace, listening on the port; at the end it is asked to stop, and does."""
    run = subprocess.Popen([fdtrace, "run", "-o", str(file), "--", *map(str, command)], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, **more)
    try:
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert run.poll() is None and time.monotonic() < deadline, "%s does not listen" % command[0]
                time.sleep(0.02)
        yield run
    finally:
        if run.poll() is None:
            run.send_signal(stop)
        try:
            run.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            raise


def judge(fdtrace, name, file):
    """No bug; no risk but those that are known to be true."""
    done = subprocess.run([fdtrace, "check", "--format=json", str(file)], capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode in (0, 1), done.stderr
    said = ["%s %s at %s: %s" % (f["severity"], f["rule"], f["at"], f["message"]) for f in json.loads(done.stdout)
            if f["severity"] == "bug" or (f["severity"] == "risk" and f["rule"] not in TRUE.get(name, ()))]
    assert said == [], name


def test_redis_server_under_redis_benchmark(fdtrace, tmp_path, ports):
    server, load, port = need("redis-server"), need("redis-benchmark", "redis-tools"), ports(1)[0]
    with traced(fdtrace, tmp_path / "server.fdt", port, server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path):
        for options in (["-c", "20", "-t", "ping,set,get,lpush,lrange_100"], ["-c", "10", "-P", "16", "-t", "set,get"]):
            subprocess.run([load, "-p", str(port), "-q", "-n", "3000", *options], check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE)
    judge(fdtrace, "redis", tmp_path / "server.fdt")


NGINX = """
daemon off; worker_processes 2; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {0}/access.log; root {0}/html;
    client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
    server {{ listen 127.0.0.1:{1}; location / {{ }} location /proxy/ {{ proxy_pass http://127.0.0.1:{2}/; }} }}
    server {{ listen 127.0.0.1:{2}; location / {{ }} }}
}}
"""


def test_nginx_with_two_workers(fdtrace, tmp_path, ports, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/bin")
    server, (port, behind) = need("nginx", "nginx-light"), ports(2)
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "index.html").write_text("hello\n")
    (tmp_path / "html" / "big").write_bytes(b"x" * 1000000)
    os.chmod(tmp_path, 0o755)
    (tmp_path / "conf").write_text(NGINX.format(tmp_path, port, behind))
    with traced(fdtrace, tmp_path / "nginx.fdt", port, server, "-c", tmp_path / "conf", "-e", tmp_path / "error.log") as run:
        clients(port, 6, 10, http)
        master = int((tmp_path / "pid").read_text())
        before = set(proc.children(master))
        os.kill(master, signal.SIGHUP)
        wait_until(lambda: len(set(proc.children(master)) - before) == 2 and not before.intersection(proc.children(master)),
                   "two new workers, and none of the old ones", DEADLINE)
        clients(port, 6, 10, http)
        os.kill(master, signal.SIGQUIT)
        run.wait(DEADLINE)
    judge(fdtrace, "nginx", tmp_path / "nginx.fdt")


def test_memcached_with_four_threads(fdtrace, tmp_path, ports):
    server, port = need("memcached"), ports(1)[0]
    user = ["-u", "root"] if os.getuid() == 0 else []
    with traced(fdtrace, tmp_path / "memcached.fdt", port, server, *user, "-l", "127.0.0.1", "-p", port, "-t", "4", "-U", "0"):
        clients(port, 6, 8, memcache)
    judge(fdtrace, "memcached", tmp_path / "memcached.fdt")


@pytest.mark.parametrize("what", ["EXEC:cat", "PIPE"])
def test_socat_with_a_process_for_each_client(fdtrace, tmp_path, ports, what):
    server, port = need("socat"), ports(1)[0]
    with traced(fdtrace, tmp_path / "socat.fdt", port, server, "TCP-LISTEN:%d,bind=127.0.0.1,fork,reuseaddr" % port, what):
        clients(port, 4, 5, echo)
    judge(fdtrace, "socat-exec" if what.startswith("EXEC") else "socat", tmp_path / "socat.fdt")


PYTHON = """
import asyncio, signal, socketserver, sys, threading
kind, port = sys.argv[1], int(sys.argv[2])

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

def serve(base):
    base.allow_reuse_address, base.daemon_threads, base.request_queue_size = True, True, 64
    with base(("127.0.0.1", port), Echo) as server:
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever(0.05)

async def echo(reader, writer):
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()
    writer.close()

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await asyncio.start_server(echo, "127.0.0.1", port):
        await stop.wait()

kinds = {"iterative": socketserver.TCPServer, "threads": socketserver.ThreadingTCPServer, "processes": socketserver.ForkingTCPServer}
asyncio.run(main()) if kind == "asyncio" else serve(kinds[kind])
"""


@pytest.mark.parametrize("kind", ["iterative", "threads", "processes", "asyncio"])
def test_python(fdtrace, tmp_path, ports, kind):
    port = ports(1)[0]
    with traced(fdtrace, tmp_path / "python.fdt", port, "/usr/bin/python3", "-I", "-c", PYTHON, kind, port):
        clients(port, 4, 5, echo)
    judge(fdtrace, "python-" + kind, tmp_path / "python.fdt")


@pytest.mark.parametrize("lab, count", [("lab1", 2), ("lab2", 8)])
def test_labs(fdtrace, build, tmp_path, ports, lab, count):
    port = ports(1)[0]
    with traced(fdtrace, tmp_path / "lab.fdt", port, build / lab / "server", "2", port):
        clients(port, count, 10, echo)
    judge(fdtrace, lab, tmp_path / "lab.fdt")
