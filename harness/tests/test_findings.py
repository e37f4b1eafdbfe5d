"""harness/tests/test_findings.py: `fdtrace check` and `fdtrace explain`: each rule against its programs, the forms of output, the
exit status, what is not whole, how fast it is. The programs are in findings/; the table of them is made by findings/table.py."""
from __future__ import annotations

import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "harness" / "tests"), str(ROOT / "harness" / "tests" / "findings")]

import sarif  # noqa: E402  (found by the line above)
import table  # noqa: E402

PROGRAMS = table.programs()
GCC_LINE = re.compile(r"([^:\s]+:\d+|\S+\.fdt): (warning|note): (.+) \[([\w-]+)\]")


@pytest.fixture(scope="session")
def outcomes(fdtrace, tmp_path_factory):
    """All programs, built, run and judged, as many at once as there are cores."""
    folder = tmp_path_factory.mktemp("findings")
    return folder, {outcome.program.name: outcome for outcome in table.prove_all(fdtrace, folder)}


@pytest.fixture
def capture(outcomes):
    """capture("bug_leak_full"): its capture."""
    return lambda name: str(outcomes[0] / (name + ".fdt"))


def check(fdtrace, *arguments, **more):
    return subprocess.run([fdtrace, "check", *arguments], capture_output=True, text=True, **more)


# ---- the rules

@pytest.mark.parametrize("program", PROGRAMS, ids=[program.name for program in PROGRAMS])
def test_program_is_named_by_its_own_rule_at_the_right_line(outcomes, program):
    assert outcomes[1][program.name].wrong == []


def test_every_rule_has_two_bugs_and_two_near_misses(fdtrace):
    listed = {line.split()[0] for line in subprocess.run([fdtrace, "explain"], capture_output=True, text=True).stdout.splitlines()}
    for rule in listed:
        for is_bug in (True, False):
            assert sum(p.rule == rule and p.is_bug is is_bug for p in PROGRAMS) >= 2, (rule, is_bug)
    assert {p.rule for p in PROGRAMS} == listed


def test_table_in_the_readme_is_the_table(outcomes, capsys):
    made = table.table([outcomes[1][p.name] for p in PROGRAMS])
    with capsys.disabled():
        print("\n" + table.summary(list(outcomes[1].values())))
    kept = table.README.read_text().partition(table.BEGIN)[2].partition(table.END)[0]
    assert kept == made, "make it anew: python3 harness/tests/findings/table.py --write"


def test_findings_stand_at_the_descriptor_they_are_about(outcomes):
    """at, opened_at, life and process of one of them, in full."""
    found = [f for f in outcomes[1]["bug_wrong_life_epoll"].findings if f["rule"] == "wrong-life"]
    program = next(p for p in PROGRAMS if p.name == "bug_wrong_life_epoll")
    assert len(found) == 1 and found[0]["life"].endswith("#2") and found[0]["times"] == 1
    assert {(found[0]["at"], "wrong-life")} == program.marks
    assert re.fullmatch(r"bug_wrong_life_epoll\.c:\d+", found[0]["opened_at"])
    assert found[0]["severity"] == "bug" and found[0]["event"] > 0 and found[0]["pid"] > 0


def test_a_spin_is_explained_by_what_failed_first(fdtrace, tmp_path):
    """accept fails, and then close(-1), which is about no descriptor at all: what the listener is ready for is accept."""
    source = (table.HERE / "bug_spin_emfile_select.c").read_text()
    wrong = source.replace("continue; /* surely", "{\n\t\t\t\tclose(client_fd);\n\t\t\t\tcontinue;\n\t\t\t} /* surely")
    assert wrong != source
    (tmp_path / "wrong.c").write_text(wrong)
    subprocess.run(["cc", "-std=gnu11", "-g", "-I", str(table.HERE), "-o", tmp_path / "wrong", tmp_path / "wrong.c",
                    str(table.HERE / "prove.c"), "-pthread"], check=True)
    capture = tmp_path / "wrong.fdt"
    subprocess.run([fdtrace, "run", "-o", capture, "--", tmp_path / "wrong"], check=True)
    spins = [found["message"] for found in table.check(fdtrace, str(capture), "--only=spin")]
    assert spins and all("accept on 3 failed with EMFILE each time, at wrong.c:" in text for text in spins), spins


# ---- the forms

def test_json_has_the_agreed_keys(fdtrace, capture):
    done = check(fdtrace, "--format=json", capture("bug_leak_full"))
    findings = json.loads(done.stdout)
    assert findings
    for finding in findings:
        assert {"rule", "severity", "at", "opened_at", "event", "life", "pid", "message", "advice"} <= set(finding)
        assert finding["severity"] in ("bug", "risk", "note") and finding["message"] and finding["advice"]
    nothing = check(fdtrace, "--format=json", "--only=spin", capture("bug_leak_full"))
    assert json.loads(nothing.stdout) == [] and nothing.returncode == 0


def test_gcc_form_is_what_editors_understand(fdtrace, capture):
    done = check(fdtrace, "--format=gcc", capture("bug_leak_fork"), cwd=ROOT)
    lines = done.stdout.splitlines()
    assert lines and all(GCC_LINE.fullmatch(line) for line in lines), done.stdout
    first = GCC_LINE.fullmatch(lines[0])
    assert (ROOT / first[1].rpartition(":")[0]).exists(), "the path can be opened from where it was asked"
    assert first[2] == "warning" and first[4] == "leak"


def test_sarif_keeps_the_specification(fdtrace, outcomes, capture):
    for name in outcomes[1]:
        log = json.loads(check(fdtrace, "--format=sarif", capture(name), cwd=ROOT).stdout)
        assert sarif.problems(log) == [], name
    results = json.loads(check(fdtrace, "--format=sarif", capture("bug_spin_again")).stdout)["runs"][0]["results"]
    assert [result["ruleId"] for result in results] == ["spin"] and results[0]["level"] == "error"


def test_sarif_keeps_its_schema(fdtrace, outcomes, capture, build):
    whole = sarif.schema(build)
    for name in outcomes[1]:
        log = json.loads(check(fdtrace, "--format=sarif", capture(name)).stdout)
        assert sarif.against_schema(log, whole, whole) == [], name
    assert sarif.against_schema({"version": "2.1.0", "runs": [{"results": []}]}, whole, whole), "the validator finds what is wrong"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_text_fits_the_terminal(fdtrace, outcomes, capture, width):
    for name in outcomes[1]:
        for line in check(fdtrace, "--width=%d" % width, capture(name)).stdout.splitlines():
            assert len(line) <= width or len(max(line.split(), key=len)) > width - 10 or line[:1] not in (" ", ""), line


def test_text_names_what_to_do_and_where_to_read(fdtrace, capture):
    text = check(fdtrace, "--width=100", capture("bug_double_close_error")).stdout
    for part in ("double-close", "bug_double_close_error.c:", "Why:", "Do:", "handouts/findings.md#double-close", "1 bug, "):
        assert part in text
    assert "nothing was found in" in check(fdtrace, "--only=spin", capture("bug_double_close_error")).stdout


def test_colour_is_for_terminals_alone(fdtrace, capture):
    name = capture("bug_double_close_error")
    assert "\033" not in check(fdtrace, name).stdout
    assert "\033" in check(fdtrace, "--color=always", name).stdout
    assert "\033" not in check(fdtrace, "--color=auto", name, env={**os.environ, "NO_COLOR": "1"}).stdout


def test_output_goes_into_a_file(fdtrace, capture, tmp_path):
    file = tmp_path / "findings.json"
    done = check(fdtrace, "--format=json", "-o", str(file), capture("bug_leak_full"))
    assert done.returncode == 1 and done.stdout == "" and json.loads(file.read_text())


# ---- status and options

@pytest.mark.parametrize("options, status", [
    ([], 0), (["--fail-on=bug"], 0), (["--fail-on=risk"], 1), (["--fail-on=note"], 1),
    (["--fail-on=risk", "--except=starved"], 0), (["--fail-on=risk", "--only=leak,spin"], 0), (["--fail-on=risk", "--only=starved"], 1),
])
def test_status_says_how_much_was_found(fdtrace, capture, options, status):
    assert check(fdtrace, *options, capture("bug_starved_handler")).returncode == status


def test_a_bug_is_status_1(fdtrace, capture):
    assert check(fdtrace, capture("bug_leak_full")).returncode == 1
    assert check(fdtrace, capture("near_leak_busy")).returncode == 0


@pytest.mark.parametrize("arguments, says", [
    (["--only=nonsense", "x.fdt"], "--only=nonsense"), (["--except=", "x.fdt"], "--except="), (["--format=xml", "x.fdt"], "--format=xml"),
    (["--fail-on=all", "x.fdt"], "--fail-on=all"), (["--width=3", "x.fdt"], "--width=3"), (["--nonsense", "x.fdt"], "--nonsense"),
    ([], "no capture"), (["a.fdt", "b.fdt"], "one capture"), (["/nowhere/x.fdt"], "/nowhere/x.fdt"), ([__file__], "not a capture"),
])
def test_bad_arguments_are_one_line_and_status_2(fdtrace, arguments, says):
    done = check(fdtrace, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("fdtrace: ") and says in done.stderr


def test_all_open_lists_what_is_open_at_the_end(fdtrace, capture):
    assert check(fdtrace, "--format=json", "--only=leak", capture("near_leak_busy")).stdout == "[\n]\n"
    listed = json.loads(check(fdtrace, "--format=json", "--only=leak", "--all-open", capture("near_leak_busy")).stdout)
    assert {finding["life"] for finding in listed} == {"3", "4", "5"} and {finding["severity"] for finding in listed} == {"note"}


# ---- captures that are not whole

def test_cut_off_capture_is_checked_as_far_as_it_goes(fdtrace, capture, tmp_path):
    whole = Path(capture("bug_double_close_error")).read_bytes()
    cut = tmp_path / "cut.fdt"
    for size in range(16384, len(whole), 640):
        cut.write_bytes(whole[:size])
        done = check(fdtrace, str(cut))
        assert done.returncode in (0, 1), (size, done.stderr)
        assert "not whole" in done.stdout and "cut off" in done.stderr
    cut.write_bytes(whole[:-64])
    assert "double-close" in check(fdtrace, str(cut)).stdout


def test_damaged_capture_never_hurts(fdtrace, capture, tmp_path):
    chance, hurt = random.Random(4), tmp_path / "hurt.fdt"
    for name in ("bug_wrong_life_epoll", "bug_short_write_place", "bug_inherited_spawn", "bug_starved_handler"):
        whole = Path(capture(name)).read_bytes()
        for _ in range(60):
            bytes_ = bytearray(whole)
            for _ in range(chance.choice((1, 4, 64))):
                bytes_[chance.randrange(16384, len(bytes_))] = chance.randrange(256)
            hurt.write_bytes(bytes_)
            done = check(fdtrace, "--format=json", "--no-where", str(hurt), timeout=20)
            assert done.returncode in (0, 1, 2), (name, done.returncode, done.stderr)
            assert done.returncode == 2 or isinstance(json.loads(done.stdout), list)


def test_what_a_client_says_never_gets_out(fdtrace, capture, compile_c, tmp_path):
    """A file name with terminal escapes, in a finding that names it."""
    program = compile_c("""
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>
int main(void) { int fd = open("/tmp/\\033[31m<script>\\n\\"x", O_RDWR | O_CREAT | O_CLOEXEC, 0600); close(fd); unlink("/tmp/\\033[31m<script>\\n\\"x");
 return write(fd, "x", 1) + close(fd) + 2; }
""")
    file = str(tmp_path / "hostile.fdt")
    subprocess.run([fdtrace, "run", "-o", file, "--", program], check=False)
    for form in ("text", "gcc", "json", "sarif"):
        out = check(fdtrace, "--format=" + form, "--color=never", file).stdout
        assert "use-after-close" in out and "\033" not in out
        if form in ("json", "sarif"):
            json.loads(out)


# ---- the pages

def test_explain_prints_every_page(fdtrace):
    for program in PROGRAMS:
        done = subprocess.run([fdtrace, "explain", program.rule], capture_output=True, text=True)
        assert done.returncode == 0
        for head in ("What it looks for", "Why it matters", "As a capture shows it", "What to do", "In code", "What looks like it and is right"):
            assert head in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 80, program.rule
    wrong = subprocess.run([fdtrace, "explain", "nonsense"], capture_output=True, text=True)
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1


def test_handout_is_what_explain_prints(fdtrace):
    made = subprocess.run([fdtrace, "explain", "--markdown"], capture_output=True, text=True).stdout
    assert (ROOT / "handouts" / "findings.md").read_text() == made, "make it anew: fdtrace explain --markdown > handouts/findings.md"


# ---- while it runs

@pytest.mark.parametrize("name, says", [
    ("bug_spin_zero_epoll", "!!  spin"), ("bug_timer_select", "!!  timer-not-rearmed"),
])
def test_live_says_early_what_can_be_known(fdtrace, outcomes, tmp_path, name, says):
    done = subprocess.run([fdtrace, "run", "--live", "-o", str(tmp_path / "live.fdt"), "--", str(outcomes[0] / name)],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.count("!!  ") == 1 and says in done.stdout, done.stdout


def test_live_says_who_is_starved_while_it_lasts(fdtrace, tmp_path, ports):
    """One client holds the server of lab 1, a second one stands in its queue: said within two seconds, and once."""
    port = ports(1)[0]
    server = os.environ.get("FDLAB_BUILD", str(ROOT / "build")) + "/lab1/server"
    with open(tmp_path / "out", "w+") as out:
        running = subprocess.Popen([fdtrace, "run", "--live", "-o", str(tmp_path / "live.fdt"), "--", server, "0", str(port)], stdout=out)
        try:
            clients = [client(port, b"hello"), client(port, b"me too")]
            deadline = 100
            while "!!  starved" not in Path(out.name).read_text() and deadline > 0:
                deadline -= 1
                wait(0.1)  # the time itself is the subject
            wait(1.2)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(10)
    assert Path(out.name).read_text().count("!!  starved") == 1
    assert len(clients) == 2


def client(port, text):
    import socket
    for _ in range(200):
        try:
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(text)
            return one
        except ConnectionRefusedError:
            wait(0.05)
    raise AssertionError("the server does not listen")


def wait(seconds):
    import time
    time.sleep(seconds)


# ---- speed

@pytest.mark.parametrize("kind", ["select", "epoll"])
def test_a_million_events_take_a_second_at_most(fdtrace, compile_c, tmp_path, kind):
    program = compile_c("findings/rounds.c", str(ROOT / "harness/tests/findings/prove.c"), "-pthread")
    file = str(tmp_path / "rounds.fdt")
    subprocess.run([fdtrace, "run", "-o", file, "--data=12", "--", program, "200000", kind], check=True)
    best = 0.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = check(fdtrace, "--fail-on=note", file)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        events = int(re.search(r"in (\d+) events", done.stdout)[1])
        best = max(best, events / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    assert done.returncode == 0 and events > 1000000, done.stdout
    # More than three million a second where trace/rules/README.md was written; any machine is to come to a third of that.
    assert best >= 1.0e6, "%.2f million events a second" % (best / 1e6)
