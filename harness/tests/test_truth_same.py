"""A traced program behaves as an untraced one: status, signal, output, errno, descriptor numbers; and the tests of real programs come
out the same."""
from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List

import pytest

from conftest import ROOT, need

DEADLINE = 120
SUITE = ROOT / "harness" / "tests" / "truth" / "suite.py"


def both(fdtrace: str, folder: Path, words: List[str], **how) -> List["subprocess.CompletedProcess[bytes]"]:
    """The same command at the same time untraced and traced. In both 0, 1 and 2 alone are open."""
    runs = []
    for number, command in enumerate((words, [fdtrace, "run", "-o", str(folder / "trace.fdt"), "--", *words])):
        runs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how))
    done = []
    for run in runs:
        try:
            out, err = run.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            for each in runs:
                each.kill()
            raise
        done.append(subprocess.CompletedProcess(run.args, run.returncode, out, err))
    return done


# ---- small programs


@pytest.mark.parametrize("mode", ["errors", "numbers", "siginfo", "sigpipe", "abort", "segv", "usr1", "exit"])
def test_what_a_program_sees(fdtrace, compile_c, tmp_path, mode):
    plain, traced = both(fdtrace, tmp_path, [compile_c("truth/same.c", "-pthread"), mode])
    expected = 128 - plain.returncode if plain.returncode < 0 else plain.returncode
    assert traced.stdout.decode() == plain.stdout.decode()
    assert traced.stderr == plain.stderr
    assert traced.returncode == expected
    assert plain.stdout or mode not in ("errors", "numbers", "siginfo")


def test_musl_sees_the_same(fdtrace, compile_c, tmp_path):
    need("musl-gcc", "musl-tools")
    plain, traced = both(fdtrace, tmp_path, [compile_c("truth/same.c", "-DMUSL", cc="musl-gcc"), "errors"])
    assert (traced.returncode, traced.stdout, traced.stderr) == (plain.returncode, plain.stdout, plain.stderr)
    assert plain.stdout


# ---- real ones


@pytest.mark.parametrize("suite", ["test_selectors", "test_socket"])
def test_python_s_own_tests(fdtrace, tmp_path, suite):
    python = need("/usr/bin/python3", "python3")
    if subprocess.run([python, "-c", f"import test.{suite}"], capture_output=True).returncode != 0:
        need("libpython3.11-testsuite")
    plain, traced = both(fdtrace, tmp_path, [python, "-I", str(SUITE), suite], cwd=tmp_path)
    assert traced.stdout.decode().splitlines() == plain.stdout.decode().splitlines()
    assert (plain.returncode, traced.returncode) == (0, 0), plain.stdout.decode()[-2000:] + plain.stderr.decode()[-2000:]
    assert plain.stdout.count(b" ok\n") > 30


def test_nginx_checks_its_configuration(fdtrace, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin:/usr/bin:/bin")
    need("nginx", "nginx-light")
    (tmp_path / "good.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; server {{ listen 127.0.0.1:1; }} }}")
    (tmp_path / "bad.conf").write_text("events { nonsense; }")
    for name, status in (("good", 0), ("bad", 1)):
        plain, traced = both(fdtrace, tmp_path, ["nginx", "-t", "-e", "stderr", "-c", str(tmp_path / f"{name}.conf")])
        assert (traced.returncode, drop_times(traced.stderr)) == (plain.returncode, drop_times(plain.stderr))
        assert plain.returncode == status


def drop_times(text: bytes) -> List[bytes]:
    """nginx's lines without date and pid."""
    return [line.split(b": ", 1)[-1] for line in text.splitlines()]


def test_redis_benchmark_comes_to_its_end(fdtrace, tmp_path, ports):
    """Both of them traced: the server, and the client that loads it; all commands are measured, none fails."""
    server, client = need("redis-server"), need("redis-benchmark", "redis-tools")
    port = str(ports(1)[0])
    command = [fdtrace, "run", "-o", str(tmp_path / "server.fdt"), "--", server, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        try:
            while "Ready to accept connections" not in run.stdout.readline():
                assert run.poll() is None
            words = [client, "-p", port, "-n", "2000", "-c", "10", "-q", "--csv"]
            plain = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE)
            traced = subprocess.run([fdtrace, "run", "-o", str(tmp_path / "client.fdt"), "--", *words], capture_output=True, text=True, timeout=DEADLINE)
            assert [line.split(",")[0] for line in traced.stdout.splitlines()] == [line.split(",")[0] for line in plain.stdout.splitlines()]
            assert (traced.returncode, traced.stderr, plain.returncode) == (0, plain.stderr, 0)
            assert len(plain.stdout.splitlines()) > 15
        finally:
            run.terminate()
        run.stdout.read()
        assert run.wait(DEADLINE) == 0
