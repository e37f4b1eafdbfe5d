"""harness/tests/chrome_lint.py: what the importers of Perfetto and chrome://tracing ask of Chrome Trace Event JSON, and what
`fdtrace perfetto` promises besides.

    python3 harness/tests/chrome_lint.py trace.json      prints what is wrong; exit status 1 if anything is

An importer mostly does not complain: it drops, moves or binds to the wrong slice. test_trace_perfetto.py breaks each rule here once.
"""
from __future__ import annotations

import json
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

PSEUDO = 9_000_000  # pids and tids from here on are none of Linux
LINUX_MOST = 4_194_304
FOREVER = 1 << 62
Event = Dict[str, Any]
Track = Tuple[int, int]


def read(text: str) -> Dict[str, Any]:
    return json.loads(text, parse_float=Decimal)


def ns(value: Any) -> int:
    """A time as the importer takes it: microseconds, to the ns."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError
    scaled = Decimal(value) * 1000
    if scaled != int(scaled) or scaled < 0:
        raise ValueError
    return int(scaled)


def lint(trace: Any) -> List[str]:
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["the file is no object with a list traceEvents"]
    told: List[str] = []
    if trace.get("displayTimeUnit", "ms") != "ms":
        told.append("displayTimeUnit: older importers take every time for that unit")
    events = [event for i, event in enumerate(trace["traceEvents"]) if not told.extend(_shape(i, event)) and _usable(event)]
    tracks: Dict[Track, List[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] != "M":
            tracks[event["pid"], event["tid"]].append(event)
    told += _names(events, tracks)
    for track, inside in tracks.items():
        told += [f"track {track}: {what}" for what in _nesting(inside)]
        told += [f"track {track}: {what}" for what in _lives(inside)]
    told += _flows(tracks)
    return told


def _usable(event: Any) -> bool:
    return not list(_shape(0, event))


def _shape(i: int, event: Any) -> Iterator[str]:
    """One event by itself."""
    here = f"event {i}"
    if not isinstance(event, dict) or event.get("ph") not in tuple("MXBisfC"):
        yield f"{here}: no phase that is known"
        return
    for key in ("pid", "tid"):
        if not isinstance(event.get(key), int) or isinstance(event.get(key), bool):
            yield f"{here}: {key} is no number"
        elif event[key] == 0:
            yield f"{here}: {key} 0 is taken for another one"
        elif LINUX_MOST < event[key] < PSEUDO or event[key] < 0:
            yield f"{here}: {key} {event[key]} is neither Linux's nor a pseudo-thread"
    if not isinstance(event.get("name"), str) or any(not " " <= c <= "~" for c in event.get("name", "")):
        yield f"{here}: the name is no printable text"
    for key in [] if event["ph"] == "M" else ["ts", "dur"] if event["ph"] == "X" else ["ts"]:
        try:
            ns(event.get(key))
        except ValueError:
            yield f"{here}: {key} is no time in whole ns"
    if event["ph"] == "i" and event.get("s") not in ("t", "p", "g"):
        yield f"{here}: an instant without a scope"
    if event["ph"] == "C" and not (event.get("args") and all(isinstance(value, int) for value in event["args"].values())):
        yield f"{here}: a counter without numbers"
    if event["ph"] in "sf" and (not isinstance(event.get("id"), int) or not event.get("cat")):
        yield f"{here}: a flow's id must be a number, and it needs a category"
    if event["ph"] == "f" and event.get("bp") != "e":
        yield f"{here}: without bp the arrow ends in the next slice"
    if event["ph"] == "M":
        yield from (f"{here}: {what}" for what in _metadata(event))


def _metadata(event: Event) -> Iterator[str]:
    value = event.get("args", {}).get("sort_index" if str(event.get("name")).endswith("_sort_index") else "name")
    if event.get("name") not in ("process_name", "thread_name", "process_sort_index", "thread_sort_index"):
        yield "metadata that nobody reads"
    elif event["name"].endswith("index") and (not isinstance(value, int) or isinstance(value, bool)):
        yield "a sort index that is no number"
    elif event["name"].endswith("_name") and not isinstance(value, str):
        yield "a name that is no text"


def _names(events: List[Event], tracks: Dict[Track, List[Event]]) -> Iterator[str]:
    given = [(event["name"], event["pid"], event["tid"] if event["name"].startswith("thread") else 0) for event in events if event["ph"] == "M"]
    for one in sorted(set(given)):
        if given.count(one) > 1:
            yield f"{one}: given twice"
    for pid, tid in tracks:
        counters = all(event["ph"] == "C" for event in tracks[pid, tid])
        for what, of in (("process", 0), ("thread", tid)):
            for kind in ("name", "sort_index"):
                if (f"{what}_{kind}", pid, of) not in given and not (counters and what == "thread"):
                    yield f"{what}_{kind} of {pid} {of} is missing"


def _nesting(inside: List[Event]) -> Iterator[str]:
    """In the importer's order: by time, the longest slice first, the rest as it stands in the file."""
    slices = sorted(((ns(event["ts"]), -_length(event), i, event) for i, event in enumerate(inside) if event["ph"] in "XB"),
                    key=lambda one: one[:3])
    stack: List[int] = []
    for begin, minus, _, event in slices:
        while stack and stack[-1] <= begin:
            stack.pop()
        end = begin - minus
        if stack and end > stack[-1]:
            yield f"{event['name']} at {event['ts']} overlaps the slice before it, and does not lie in it"
        if event["ph"] == "B" and any(ns(other["ts"]) >= begin for other in inside if other["ph"] in "XB" and other is not event):
            yield f"{event['name']} at {event['ts']} has no end, and something comes after it"
        stack.append(end)
    first_at: Dict[int, int] = {}
    for i, event in enumerate(inside):
        if event["ph"] in "XB":
            first_at[ns(event["ts"])] = i
    for i, event in enumerate(inside):
        if event["ph"] in "sf" and first_at.get(ns(event["ts"]), -1) > i:
            yield f"{event['name']} at {event['ts']} stands before the slice that it is to bind to"


def _length(event: Event) -> int:
    return ns(event["dur"]) if event["ph"] == "X" else FOREVER


def _lives(inside: List[Event]) -> Iterator[str]:
    lives = sorted((ns(event["ts"]), ns(event["ts"]) + _length(event), event["name"]) for event in inside if event.get("cat") == "fd")
    for before, after in zip(lives, lives[1:]):
        if after[0] < before[1]:
            yield f"life {after[2]} begins before {before[2]} has ended"


def _flows(tracks: Dict[Track, List[Event]]) -> Iterator[str]:
    ends: Dict[Any, Dict[str, List[Tuple[Track, Event]]]] = defaultdict(lambda: {"s": [], "f": []})
    for track, inside in tracks.items():
        for event in inside:
            if event["ph"] in "sf":
                ends[event["cat"], event["name"], event["id"]][event["ph"]].append((track, event))
    for key, both in ends.items():
        if len(both["s"]) != 1 or len(both["f"]) != 1:
            yield f"flow {key}: {len(both['s'])} begins and {len(both['f'])} ends"
            continue
        if ns(both["f"][0][1]["ts"]) < ns(both["s"][0][1]["ts"]):
            yield f"flow {key}: it ends before it begins"
        for track, event in both["s"] + both["f"]:
            at = ns(event["ts"])
            if not any(ns(other["ts"]) <= at < ns(other["ts"]) + _length(other) for other in tracks[track] if other["ph"] in "XB"):
                yield f"flow {key}: no slice is open where it has its '{event['ph']}'"


if __name__ == "__main__":
    found = lint(read(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print("\n".join(found) or "nothing is wrong")
    sys.exit(bool(found))
