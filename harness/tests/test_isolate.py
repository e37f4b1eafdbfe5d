"""harness/tests/test_isolate.py: what a graded program can reach, tier by tier."""
from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import Callable, List

import pytest

from fdlab import isolate, proc
from fdlab.launcher import launch


def need_tier(tier: str) -> None:
    why = isolate.works(tier)
    if why is not None:
        if os.environ.get("CI"):
            pytest.fail("the tier %s does not work here: %s" % (tier, why))
        pytest.skip("the tier %s does not work here: %s" % (tier, why))


def apart(tier: str, work: Callable[[], List[str]]) -> List[str]:
    """What `work` says in a process of its own that has entered the tier."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            isolate.enter(tier)
            said = work()
        except BaseException as error:  # noqa: B902
            said = ["%s: %s" % (type(error).__name__, error)]
        os.write(writing, "\n".join(said).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read().decode()
    os.waitpid(pid, 0)
    return text.split("\n")


def run_inside(tier: str, program: str, *args: str, **options) -> List[str]:
    def work() -> List[str]:
        with launch([program, *args], sandbox=isolate.sandbox(tier), **options) as server:
            server.wait(20)
            server.lines.wait_for_end(5)
            return [text for _, text in server.lines.all] + ["status %s" % server.status]
    return apart(tier, work)


PROBE = r"""
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int processes = 0;
	while ((e = readdir(d)) != NULL)
		processes += e->d_name[0] >= '0' && e->d_name[0] <= '9';
	printf("processes %d\n", processes);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_WRONLY | O_CREAT, 0600);
		printf("%s %s\n", argv[i], fd >= 0 ? "written" : strerror(errno));
	}
	int fd = open("here", O_WRONLY | O_CREAT, 0600);
	printf("here %s\n", fd >= 0 ? "written" : strerror(errno));
	return 7;
}
"""


def test_in_bubblewrap_it_sees_itself_and_writes_in_its_own_folder(compile_c, tmp_path, root):
    need_tier("bubblewrap")
    secret = tmp_path / "points.txt"
    secret.write_text("100\tall")
    said = run_inside("bubblewrap", compile_c(PROBE), "/usr/x", str(secret), str(root / "harness" / "x"), "/etc/passwd")
    assert int(said[0].split()[1]) <= 3
    assert said[1:5] == ["/usr/x Read-only file system", "%s No such file or directory" % secret,
                         "%s/harness/x No such file or directory" % root, said[4]]
    assert "written" not in said[1] + said[2] + said[3]
    assert said[5:] == ["here written", "status 7"]
    assert secret.read_text() == "100\tall"


CALLER = r"""
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[argc - 1]))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	puts(connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? "connected" : strerror(errno));
	a.sin_addr.s_addr = inet_addr("192.0.2.1");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	puts(connect(fd, (struct sockaddr *)&a, sizeof a) == 0 ? "connected" : strerror(errno));
	return 0;
}
"""


@pytest.mark.parametrize("tier", ["bubblewrap", "unshare"])
def test_it_has_a_network_of_its_own(compile_c, tier):
    need_tier(tier)
    program = compile_c(CALLER)
    with socket.create_server(("127.0.0.1", 0)) as outside:
        said = run_inside(tier, program, str(outside.getsockname()[1]))
    assert said == ["Connection refused", "Network is unreachable", "status 0"]


@pytest.mark.parametrize("tier", ["bubblewrap", "unshare"])
def test_any_number_of_servers_have_the_same_port(build, tier):
    need_tier(tier)

    def serve() -> List[str]:
        with launch([str(build / "lab2" / "server"), "5", "50000"], sandbox=isolate.sandbox(tier)) as server:
            server.wait_for_line("listening on 127.0.0.1:50000 fd 3")
            with socket.create_connection(("127.0.0.1", 50000), timeout=10) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"
            inner = apart(tier, serve) if len(depth) < 3 and not depth.append(1) else []  # while this one still runs
            return ["served"] + inner

    depth: List[int] = []
    assert apart(tier, serve) == ["served"] * 4


def test_its_signals_reach_the_server_and_its_end_is_told(build, compile_c):
    need_tier("bubblewrap")

    def work() -> List[str]:
        with launch([str(build / "lab2" / "server"), "5", "50000"], sandbox=isolate.sandbox("bubblewrap")) as server:
            server.wait_for_line("listening")
            assert proc.program(server.pid) == str(build / "lab2" / "server")
            assert list(proc.descriptors(server.pid)) == [0, 1, 2, 3]
            server.signal(signal.SIGTERM)
            return [str(server.wait(10))]

    assert apart("bubblewrap", work) == [str(128 + signal.SIGTERM)]


def test_what_it_leaves_behind_dies_with_it(compile_c):
    need_tier("bubblewrap")
    program = compile_c("wrong.c", "-DSTUBBORN", "-pthread")

    def work() -> List[str]:
        with launch([program, "5", "50000"], sandbox=isolate.sandbox("bubblewrap")) as server:
            server.wait_for_line("left behind")
            below = proc.descendants(server._started)
            assert len(below) >= 2
        end = time.monotonic() + 10
        while time.monotonic() < end and any(proc.program(pid) == program for pid in below):
            time.sleep(0.002)
        return [proc.program(pid) for pid in below if proc.program(pid) == program]

    assert apart("bubblewrap", work) == [""]


GREEDY = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void)
{
	char *p = malloc((size_t)2 << 30);
	puts(p != NULL ? "2 GB" : strerror(errno));
	FILE *f = fopen("big", "w");
	setvbuf(f, NULL, _IONBF, 0);
	static char block[1 << 20];
	for (int i = 0; i < 100; i++)
		if (fwrite(block, sizeof block, 1, f) != 1)
			return 3;
	puts("100 MB");
	return 0;
}
"""


@pytest.mark.parametrize("tier", isolate.TIERS)
def test_limits_hold(compile_c, tier):
    need_tier(tier)
    said = run_inside(tier, compile_c(GREEDY), limits={resource.RLIMIT_AS: 1 << 30, resource.RLIMIT_FSIZE: 8 << 20},
                      terminal=True)
    assert said[0] == "Cannot allocate memory"
    assert said[-1] in ("status %d" % (128 + signal.SIGXFSZ), "status 3")


def test_its_output_may_be_a_terminal(compile_c):
    program = compile_c('#include <stdio.h>\n#include <unistd.h>\n'
                        'int main(void) { printf("%d %d\\n", isatty(1), isatty(2)); return 0; }')
    for terminal in (False, True):
        with launch([program], terminal=terminal) as server:
            server.wait(10)
            server.lines.wait_for_end(5)
        assert server.lines.all == [("stdout", "%d 0" % terminal)]


def test_a_machine_without_bubblewrap_has_the_next_tier(root, tmp_path):
    for name in ("true", "unshare"):
        (tmp_path / name).symlink_to(shutil.which(name) or "/bin/true")
    done = subprocess.run([sys.executable, "-c", "from fdlab import isolate\nprint(isolate.works('bubblewrap'))\nprint(isolate.best_tier())"],
                          env={"PATH": str(tmp_path), "PYTHONPATH": str(root / "harness")}, capture_output=True, text=True, timeout=60)
    why, tier = done.stdout.splitlines()
    assert "bwrap" in why and tier in ("unshare", "free ports") and done.stderr == ""
