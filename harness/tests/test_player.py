"""harness/tests/test_player.py: the player, in a real browser: what it shows at every step is what `fdtrace json` says; its keys,
links, languages and modes; what a client sent is never more than text."""
from __future__ import annotations

import json
import re
import subprocess
from types import SimpleNamespace
from typing import Any, Dict, List

import pytest

import browser
from fdlab import launcher, trace
from fdlab.launcher import launch
from fdlab.play import lab_module
from fdlab.session import play

TIMEOUT = 1.0
IN, OUT = ("read", "recv", "recvfrom", "recvmsg", "readv"), ("write", "send", "sendto", "sendmsg", "writev")


@pytest.fixture(scope="module")
def driver():
    chromium = browser.start()
    browser.size(chromium, 1100, 700)
    yield chromium
    chromium.quit()


def page_of(fdtrace: str, capture, page, *options: str) -> SimpleNamespace:
    done = subprocess.run([fdtrace, "html", *options, "-o", str(page), str(capture)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = subprocess.run([fdtrace, "json", str(capture)], capture_output=True, text=True, check=True).stdout
    return SimpleNamespace(path=page, capture=capture, events=[json.loads(line) for line in text.splitlines()],
                           run=trace.parse(text))


@pytest.fixture(scope="module", params=["lab1", "lab2"])
def lab(request, build, fdtrace, tmp_path_factory) -> SimpleNamespace:
    return played(request.param, build, fdtrace, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def lab2(build, fdtrace, tmp_path_factory) -> SimpleNamespace:
    return played("lab2", build, fdtrace, tmp_path_factory.mktemp("lab2"))


def played(name: str, build, fdtrace: str, where) -> SimpleNamespace:
    module = lab_module(name)
    held = launcher.free_ports(module.PORTS)
    capture = where / "trace.fdt"
    with launch([str(build / name / "server"), "%g" % TIMEOUT, *map(str, held.numbers)], fdtrace=fdtrace,
                capture=str(capture), live=True) as server:  # live: what it prints is in the capture too
        play(module.play, server, held.numbers, TIMEOUT)
    return page_of(fdtrace, capture, where / "trace.html")


# ---- what `fdtrace json` says is open, after each event that has returned

def end_of(event: Dict[str, Any]) -> int:
    return round(event["t"] * 1e9) + round((event["dur"] or 0) * 1e9)


class Fold:
    """The tables, added up from the JSON alone, in the order in which calls returned."""

    def __init__(self) -> None:
        self.open: Dict[Any, Dict[str, Any]] = {}

    def take(self, event: Dict[str, Any]) -> None:
        key = (event["pid"], event["life"])
        if event["call"] in IN + OUT and (event["ret"] or 0) > 0 and key in self.open:
            self.open[key]["in" if event["call"] in IN else "out"] += event["ret"]
        for one in event["closed"]:
            self.open.pop((event["pid"], one["life"]), None)
        for one in event["opened"]:
            self.open[(event["pid"], one["life"])] = {"kind": one["kind"], "in": 0, "out": 0, "peer": one.get("peer"),
                                                      "client": one.get("client"), "fd": one["fd"]}

    def rows(self, pid: int) -> List[Any]:
        lives = [(life["fd"], name, life) for (owner, name), life in self.open.items() if owner == pid]
        return [(name, life["kind"], life["in"] or "", life["out"] or "") for _, name, life in sorted(lives, key=lambda one: one[:2])]


def number(text: str) -> Any:
    return int(text) if text else ""


def event_of(step: Dict[str, Any]) -> int:
    return int(re.match(r"event (\d+)", step["facts"]).group(1))


def test_every_step_shows_what_the_json_says(driver, lab):
    every_step_is_the_jsons(driver, lab)


def every_step_is_the_jsons(driver, lab) -> None:
    browser.open_page(driver, lab.path)
    steps = browser.walk(driver)
    by_seq = {event["seq"]: event for event in lab.events}
    server = next(event["pid"] for event in lab.events if event["call"] == "start")
    fold, ended, begun = Fold(), [], []
    assert steps[0]["rows"] == [] and steps[0]["title"] == "Before the first event"
    for step in steps[1:]:
        event = by_seq[event_of(step)]
        begins = step["title"] in ("Waiting in", "Inside", "Never returned")
        if begins or event["seq"] not in begun:
            begun.append(event["seq"])
        if not begins:
            fold.take(event)
            ended.append((end_of(event), event["seq"]))
        rows = [(row["cells"][0], re.split("[ :]", row["cells"][1])[0], number(row["cells"][4]), number(row["cells"][5]))
                for row in step["rows"] if not row["closed"]]
        assert rows == fold.rows(server), (event, step)
        closing = [row["cells"][0] for row in step["rows"] if row["closed"]]
        assert closing == ([] if begins else [one["life"] for one in event["closed"]]), (event, step)
    assert begun == [event["seq"] for event in lab.events]  # each has its step, in the order of the calls
    assert ended == sorted(ended)                           # and its result, in the order in which they returned
    never = [event["seq"] for event in lab.events if event.get("unfinished")]
    assert sorted(seq for _, seq in ended) == [event["seq"] for event in lab.events if event["seq"] not in never]


def bits(step: Dict[str, Any], row: str) -> Dict[str, str]:
    head, = [line for line in step["bits"] if line[0].startswith("nfds") or line[0] == ""]
    found = [line for line in step["bits"] if line[0] == row]
    return dict(zip(head[1:], found[0][1:])) if found else {}


def test_the_sets_of_each_wait(driver, lab):
    browser.open_page(driver, lab.path)
    by_seq = {event["seq"]: event for event in lab.events}
    waits = 0
    for step in browser.walk(driver)[1:]:
        event = by_seq[event_of(step)]
        if event["call"] != "select":
            continue
        waits += 1
        passed, back = bits(step, "read: passed"), bits(step, "read: back")
        assert [life for life, bit in passed.items() if bit == "1"] == event["watch"]["r"]
        assert all(bit in "1!" for bit in passed.values())
        assert "nfds %d" % event["args"]["nfds"] in [line[0] for line in step["bits"]]
        if step["title"] != "Just returned":
            assert set(back.values()) <= {"?"} and step["why"] == "It waits."
            assert step["timer"].startswith("Timer %.2fs: " % TIMEOUT) and step["timer"].endswith(" left")
            continue
        assert [life for life, bit in back.items() if bit == "1"] == event["ready"]["r"]
        if event["ret"] == 0:
            assert step["why"] == "Timeout: none was ready." and "run down" in step["timer"]
        else:
            assert all(life.split("#")[0] in step["why"] for life in event["ready"]["r"])
    assert waits > 4


def test_words_are_those_of_the_terminal(driver, fdtrace, lab):
    """The call and its result as `fdtrace log` has them, the sentence as the reader makes it, and the source line."""
    log = subprocess.run([fdtrace, "log", "--all", str(lab.capture)], capture_output=True, text=True, check=True).stdout
    lines = {int(line.split()[0]): " ".join(line.split()) for line in log.splitlines() if line.split() and line.split()[0].isdigit()}
    browser.open_page(driver, lab.path)
    by_seq = {event["seq"]: event for event in lab.events}
    for step in browser.walk(driver)[1:]:
        event = by_seq[event_of(step)]
        assert step["live"].startswith("Step ") and len(step["live"]) > len("Step 1 of 100: ")
        if event["at"]:
            assert event["at"] in step["facts"]
        if event["call"] == "note" or step["title"] in ("Waiting in", "Inside"):
            continue
        if event["call"] == "select" and event["ret"] is not None:  # a span of time, as the page writes it and as the reader does
            took = re.search(r"took (\w[\w.]*)", step["facts"]).group(1)
            assert " after %s: " % took in step["live"]
        assert " ".join(step["call"].split()) in lines[event["seq"]], step


def test_clients_queues_and_output(driver, build, fdtrace, tmp_path):
    run = played("lab1", build, fdtrace, tmp_path)
    browser.open_page(driver, run.path)
    steps = browser.walk(driver)
    said = [step for step in steps if "C hears nothing" in step["call"]][:2]  # the third time A has left
    lanes = {row[0]: row for row in said[-1]["lanes"]}
    assert lanes["A"][1] == "accepted as 6" and lanes["A"][3].startswith("\"still here\"")
    assert lanes["B"][1].startswith("connected, not accepted") and lanes["B"][2] == "\"is anybody there?\""
    assert any(queue.endswith("1 waiting (B)") for queue in said[-1]["queues"])
    assert "The timer belongs to the wait" in said[-1]["timer"]
    printed = [note["args"]["text"] for note in run.run.notes(verb="prints")]
    assert steps[-1]["lines"] == printed[-8:]
    assert steps[-1]["next"].startswith("It ended inside select()") and steps[-1]["why"].startswith("It never returned")
    below = "const box = document.getElementById('lines'); return box.lastChild.getBoundingClientRect().bottom - box.getBoundingClientRect().bottom"
    assert driver.execute_script(below) <= 1  # the newest line is in sight
    assert [row[1] for row in steps[-1]["lanes"]] == ["left"] * 3


def test_the_source_marks_what_returned_and_what_comes(driver, lab2):
    browser.open_page(driver, lab2.path)
    accept = lab2.run.calls("accept")[0]
    browser.open_page(driver, lab2.path, "#e=%d" % accept["seq"])
    step = browser.seen(driver)
    returned, = [line for line in step["source"] if "returned" in line.split("|")[0]]
    coming, = [line for line in step["source"] if "next" in line.split("|")[0]]
    assert "accept(" in returned and accept["at"].split(":")[1] in returned
    assert "About to run: " in step["next"] and step["next"].rsplit(":", 1)[1] in coming


def test_the_source_can_be_left_out(driver, fdtrace, lab2, tmp_path):
    page = page_of(fdtrace, lab2.capture, tmp_path / "bare.html", "--no-source")
    text = page.path.read_text()
    assert "open_listener" not in text and "open_listener" in lab2.path.read_text()
    browser.open_page(driver, page.path, "#e=%d" % lab2.run.calls("accept")[0]["seq"])
    assert driver.find_element("id", "source-text").text == "The source is not in this page."


# ---- steps, keys, links

def step_now(driver) -> int:
    return int(driver.find_element("id", "slider").get_attribute("value"))


def test_keys(driver, lab2):
    from selenium.webdriver.common.keys import Keys

    browser.open_page(driver, lab2.path)
    last = int(driver.find_element("id", "slider").get_attribute("max"))
    browser.press(driver, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert step_now(driver) == 2
    browser.press(driver, Keys.END)
    assert step_now(driver) == last
    browser.press(driver, Keys.HOME)
    driver.execute_script("document.activeElement.blur()")
    from selenium.webdriver.common.action_chains import ActionChains
    for _ in range(2):
        ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
    waits = lab2.run.waits()
    assert event_of(browser.seen(driver)) == waits[1]["seq"] and browser.seen(driver)["title"] == "Just returned"
    ActionChains(driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT).key_up(Keys.SHIFT).perform()
    assert event_of(browser.seen(driver)) == waits[0]["seq"]
    browser.press(driver, ".")  # the first thing worth a stop: a number that comes back
    assert "new: was 4, A" in str(browser.seen(driver)["rows"]) and event_of(browser.seen(driver)) == lab2.run.life_of("D").opened["seq"]
    browser.press(driver, "]")
    assert "4#2" in browser.seen(driver)["call"]
    browser.press(driver, "[", "[")
    assert "close(4)" in browser.seen(driver)["call"]
    browser.press(driver, "?")
    assert driver.find_element("id", "keys").get_attribute("open") is not None
    browser.press(driver, Keys.ESCAPE)
    driver.find_element("id", "letters")
    here = step_now(driver)
    browser.press(driver, "/", "x", "]", ".")  # what is typed into a field is text
    assert step_now(driver) == here and driver.find_element("id", "find-text").get_attribute("value") == "x]."


def test_letters_can_be_turned_off(driver, lab2):
    browser.open_page(driver, lab2.path)
    driver.execute_script("document.getElementById('letters').click()")
    browser.press(driver, ".", "]")
    assert step_now(driver) == 0


def test_find(driver, lab2):
    from selenium.webdriver.common.keys import Keys

    browser.open_page(driver, lab2.path)
    field = driver.find_element("id", "find-text")
    field.send_keys("5#3", Keys.ENTER)
    assert event_of(browser.seen(driver)) == lab2.run.life_of("G").opened["seq"]
    field.clear()
    field.send_keys("no such thing", Keys.ENTER)
    wait_for(driver, "return document.getElementById('live').textContent.startsWith('Not found')")


def wait_for(driver, script: str, seconds: float = 10) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, seconds, poll_frequency=0.02).until(lambda d: d.execute_script(script))


def test_a_link_to_a_moment(driver, lab2):
    seq = lab2.run.life_of("D").opened["seq"]
    browser.open_page(driver, lab2.path, "#e=%d" % seq)
    assert event_of(browser.seen(driver)) == seq
    driver.execute_script("location.hash = '#e=%d'" % (seq - 1))
    wait_for(driver, "return document.getElementById('now-facts').textContent.startsWith('event %d ')" % (seq - 1))
    driver.find_element("id", "next").click()
    wait_for(driver, "return location.hash.startsWith('#e=') && location.hash !== '#e=%d'" % (seq - 1))
    assert driver.execute_script("return location.hash").rstrip("b") == "#e=%d" % event_of(browser.seen(driver))


def test_playing_stops_at_what_is_worth_it(driver, lab2):
    browser.open_page(driver, lab2.path)
    assert driver.execute_script("document.getElementById('speed').value = '10'; document.getElementById('play').click();"
                                 "return document.getElementById('play').textContent") == "Pause"
    wait_for(driver, "return document.getElementById('play').textContent === 'Play'", 30)
    assert event_of(browser.seen(driver)) == lab2.run.life_of("D").opened["seq"]
    assert "a number came back" in browser.seen(driver)["live"]
    for box in ("stop-reuse", "stop-timeout", "stop-error", "stop-finding"):
        driver.execute_script("document.getElementById('%s').click()" % box)
    driver.execute_script("document.getElementById('play').click()")
    wait_for(driver, "const s = document.getElementById('slider'); return s.value === s.max", 30)


def test_predict_hides_and_counts(driver, lab2):
    browser.open_page(driver, lab2.path)
    driver.execute_script("document.getElementById('predict').click()")
    driver.execute_script("document.getElementById('wake-next').click()")
    question = driver.find_element("id", "question")
    assert question.is_displayed() and "about to return" in question.text
    first = lab2.run.waits()[0]
    assert browser.seen(driver)["title"] != "Just returned" or event_of(browser.seen(driver)) != first["seq"]
    assert not driver.find_element("id", "as-text").is_displayed()
    rows = driver.execute_script("return Array.from(document.querySelectorAll('#list .row.future .what'), (e) => e.textContent)")
    assert rows and set(rows) == {"?"}
    driver.execute_script("document.querySelector('#answer-choices input[value=\"3\"]').click(); document.querySelector('#answer button').click()")
    assert driver.find_element("id", "score").text == "1 of 1 right"
    assert "Right: 3." in driver.find_element("id", "verdict").text and event_of(browser.seen(driver)) == first["seq"]
    driver.execute_script("document.getElementById('next').click()")  # accept: which number?
    driver.execute_script("document.getElementById('answer-number').value = '7'; document.querySelector('#answer button').click()")
    assert driver.find_element("id", "score").text == "1 of 2 right"
    assert "it was 4" in driver.find_element("id", "verdict").text


# ---- the list, and the overview

def test_a_row_of_the_list_is_a_step(driver, lab2):
    browser.open_page(driver, lab2.path)
    driver.execute_script("document.querySelectorAll('#list .row')[4].click()")
    assert step_now(driver) == 5
    current = driver.find_element("css selector", "#list .row.current")
    assert current.get_attribute("aria-selected") == "true" and current.get_attribute("aria-posinset") == "5"
    assert driver.find_element("id", "list").get_attribute("aria-activedescendant") == current.get_attribute("id")


@pytest.mark.parametrize("axis", ["axis-event", "axis-time"])
def test_the_overview_jumps_and_zooms(driver, lab2, axis):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.open_page(driver, lab2.path)
    driver.execute_script("document.getElementById('%s').click()" % axis)
    canvas = driver.find_element("id", "overview")
    ActionChains(driver).move_to_element(canvas).click().perform()
    there = step_now(driver)
    assert 0 < there < int(driver.find_element("id", "slider").get_attribute("max"))
    assert "step %d: " % there in driver.find_element("id", "hover").text.lower()
    before = driver.execute_script("return document.getElementById('overview').toDataURL()")
    driver.execute_script("document.getElementById('zoom-in').click()")
    assert driver.execute_script("return document.getElementById('overview').toDataURL()") != before
    driver.execute_script("document.getElementById('zoom-all').click()")
    assert driver.execute_script("return document.getElementById('overview').toDataURL()") == before
    assert "timeouts" in canvas.get_attribute("aria-label")


# ---- language, scripts off, paper

def test_korean(driver, lab2):
    browser.open_page(driver, lab2.path, "?lang=ko#e=%d" % lab2.run.life_of("D").opened["seq"])
    assert driver.find_element("tag name", "html").get_attribute("lang") == "ko"
    assert driver.find_element("id", "next").text == "다음"
    assert driver.find_element("id", "now-title").text == "방금 돌아옴"
    assert "새 번호는 4#2: 비어 있는 가장 작은 번호입니다" in browser.seen(driver)["live"]
    english = re.compile(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}")
    steps = browser.walk(driver)
    for step in steps:  # no English sentence is left over; what clients said and printed is theirs
        live = re.sub(r'".*"|(출력|프로그램이 시작됩니다).*', "", step["live"])
        for text in (live, step["why"], step["timer"], step["next"], re.sub(r'".*"', "", step["turn"])):
            assert not english.search(text), text


def test_korean_has_every_text(root):
    keys = {name: set(re.findall(r"\b([a-zA-Z]\w*): \"", (root / "trace/player" / name).read_text()))
            for name in ("texts.js", "korean.js")}
    assert keys["texts.js"] == keys["korean.js"]


def test_the_browsers_language_is_taken(lab2):
    korean = browser.start(languages="ko-KR,ko,en")
    try:
        browser.open_page(korean, lab2.path)
        assert korean.find_element("id", "next").text == "다음"
        browser.open_page(korean, lab2.path, "?lang=en")
        assert korean.find_element("id", "next").text == "Next"
    finally:
        korean.quit()


def test_without_scripts_it_is_the_turns_as_text(driver, fdtrace, lab2):
    turns = subprocess.run([fdtrace, "turns", "--ascii", "--color=never", "--width=100", str(lab2.capture)], capture_output=True,
                           text=True, check=True).stdout
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get("file://%s" % lab2.path)
        shown = driver.find_element("css selector", "noscript pre")
        assert shown.is_displayed() and shown.text.split() == turns.split()
        assert not driver.find_element("id", "app").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_paper_has_the_turns_and_no_buttons(driver, lab2):
    browser.open_page(driver, lab2.path)
    browser.media(driver, "print")
    try:
        driver.execute_script("window.dispatchEvent(new Event('beforeprint'))")
        assert not driver.find_element("id", "next").is_displayed()
        assert driver.find_element("id", "turns").is_displayed() and "woke because" in driver.find_element("id", "turns").text
    finally:
        browser.media(driver)


# ---- sizes, and who cannot see it all

@pytest.mark.parametrize("width, height, scale", [(390, 844, 2), (550, 350, 2), (1100, 700, 1)])
def test_nothing_runs_out_of_the_page(driver, lab, width, height, scale):
    browser.size(driver, width, height, scale)
    try:
        browser.open_page(driver, lab.path, "#e=%d" % lab.run.waits()[1]["seq"])
        assert driver.execute_script("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    finally:
        browser.size(driver, 1100, 700)


@pytest.mark.parametrize("mode", ["light", "dark", "narrow", "question", "keys"])
def test_axe_finds_nothing_serious(driver, build, lab2, mode):
    script = browser.axe(build)
    try:
        if mode == "dark":
            browser.media(driver, prefers_color_scheme="dark")
        if mode == "narrow":
            browser.size(driver, 390, 844, 2)
        browser.open_page(driver, lab2.path, "#e=%d" % lab2.run.waits()[4]["seq"])
        if mode == "question":
            driver.execute_script("document.getElementById('predict').click(); document.getElementById('wake-next').click()")
        if mode == "keys":
            driver.execute_script("document.getElementById('help').click()")
        driver.execute_script(script)
        found = driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations), (e) => done(String(e)));")
    finally:
        browser.media(driver)
        browser.size(driver, 1100, 700)
    assert isinstance(found, list), found
    told = ["%s: %s: %s" % (one["impact"], one["id"], [node["target"] for node in one["nodes"]][:5]) for one in found
            if one["impact"] in ("serious", "critical")]
    assert told == []


# ---- strict, and never taken in

def test_no_request_and_no_complaint(driver, lab):
    browser.open_page(driver, lab.path)
    browser.walk(driver)
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert driver.get_log("browser") == []


def test_nothing_else_can_run(driver, lab2):
    text = lab2.path.read_text()
    assert "unsafe" not in re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    browser.open_page(driver, lab2.path)
    driver.execute_script("const s = document.createElement('script'); s.textContent = 'window.taken = 1'; document.body.append(s);"
                          "const i = document.createElement('img'); i.src = 'https://example.invalid/x.png'; document.body.append(i);")
    assert driver.execute_script("return window.taken") is None
    assert any("Content Security Policy" in line["message"] for line in driver.get_log("browser"))


HOSTILE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int
main(void)
{
	static const char said[] = "</script><!--<script>alert(1)//\0\033[2J\xff\xfe\xe2\x80\xae\xe2\x80\xa8&lt;\"'";
	static const char *const parts[] = {"</script><script>taken=1</script>", "<!--<script>", "<img src=x onerror=taken=1>", "\xe2\x80\xaegnp", "\xff\xc0\x80",
		"]]>{{7*7}}${7*7}", "\033]0;taken\007", "</noscript><b>", "</pre></style>"};
	static char name[10001];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char buffer[512];
	int pair[2];

	memset(name, 'x', sizeof name - 1);
	memcpy(name, "<svg onload=taken=1>", 20);
	open(name, O_RDONLY);
	open("<img src=x onerror=taken=1>\xe2\x80\xae", O_RDONLY);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	strcpy(address.sun_path + 1, "<script>taken=1</script>");
	bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
	send(pair[0], said, sizeof said, 0);
	recv(pair[1], buffer, sizeof buffer, 0);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		send(pair[0], parts[i], strlen(parts[i]), 0);
		recv(pair[1], buffer, sizeof buffer, 0);
		printf("%s\n", parts[i]);
		fflush(stdout);
	}
	/* </script><script>taken=1</script> in the source, too */
	return 0;
}
"""


@pytest.fixture(scope="module")
def hostile(compile_c, fdtrace, tmp_path_factory) -> SimpleNamespace:
    where = tmp_path_factory.mktemp("hostile")
    program = compile_c(HOSTILE)
    link = where / "<script>taken=1<"
    link.symlink_to(program)
    subprocess.run([fdtrace, "run", "-o", str(where / "trace.fdt"), "--data=256", str(link), "</script><svg/onload=taken=1>"],
                   check=True, stdout=subprocess.DEVNULL)
    return page_of(fdtrace, where / "trace.fdt", where / "trace.html")


def test_what_was_sent_is_only_text(driver, hostile):
    text = hostile.path.read_bytes()
    assert text.count(b"<script") == 2 and text.count(b"</script") == 2 and b"<!--" not in text.split(b"<script", 1)[1]
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200e\u200f\x1b\x00\ufffe]", text.decode("utf-8"))
    browser.open_page(driver, hostile.path)
    steps = browser.walk(driver)
    assert driver.get_log("browser") == []
    assert driver.execute_script("return typeof taken") == "undefined"
    kinds = driver.execute_script("return Array.from(document.querySelectorAll('script, img, svg, b, iframe'), (e) => e.tagName + e.id)")
    assert kinds == ["SCRIPTtrace", "SCRIPT"]
    calls = " ".join(step["call"] for step in steps)
    assert "</script><script>taken=1</script>" in calls and r"\xe2\x80\xaegnp" in calls and r"\xff\xc0\x80" in calls
    assert "</script><svg/onload=taken=1>" in driver.find_element("id", "facts").text
    assert "</noscript><b>" in str(steps[-1]["lines"]) or "</noscript><b>" in calls


def test_the_hostile_run_without_scripts(driver, hostile):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get("file://%s" % hostile.path)
        assert driver.find_elements("css selector", "img, svg, iframe, noscript b, noscript script") == []
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


# ---- other programs: processes, threads, waits that are not select

def test_a_part_of_a_run(driver, fdtrace, lab2, tmp_path):
    first, last = lab2.run.life_of("D").opened["seq"], lab2.events[-5]["seq"]
    page = page_of(fdtrace, lab2.capture, tmp_path / "part.html", "--from=%d" % first, "--to", str(last))
    browser.open_page(driver, lab2.path, "#e=%d" % (first - 1))
    before = browser.seen(driver)
    browser.open_page(driver, page.path)
    assert "Events %d to %d of %d are shown" % (first, last, len(lab2.events)) in driver.find_element("id", "problem").text
    part = browser.walk(driver)
    names = [row["cells"][0] for row in part[0]["rows"]]
    assert names == [row["cells"][0] for row in before["rows"] if not row["closed"]]
    browser.open_page(driver, lab2.path, "#e=%d" % last)
    whole = browser.seen(driver)
    assert [row["cells"][:6] for row in part[-1]["rows"]] == [row["cells"][:6] for row in whole["rows"]]


FAMILY = r"""
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];

static void *
waits(void *none)
{
	struct pollfd p[2] = {{ends[0], POLLIN, 0}, {-1, POLLIN, 0}};
	char c;

	(void)none;
	poll(p, 2, 5000);
	read(ends[0], &c, 1);
	return NULL;
}

int
main(void)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 7}, out[4];
	pthread_t thread;
	char text[] = "hello";
	int pair[2], copy, watch = epoll_create1(0);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	if (fork() == 0) {
		close(pair[0]);
		copy = dup(pair[1]);
		read(pair[1], text, sizeof text);
		dup2(open("/dev/null", O_RDWR), pair[1]);
		write(copy, text, 3);
		_exit(0);
	}
	close(pair[1]);
	epoll_ctl(watch, EPOLL_CTL_ADD, pair[0], &e);
	epoll_wait(watch, out, 4, 20);
	pipe(ends);
	pthread_create(&thread, NULL, waits, NULL);
	for (int i = 0; i < 20; i++)
		close(open("/dev/null", O_RDONLY));
	write(pair[0], text, 5);
	epoll_wait(watch, out, 4, 5000);
	read(pair[0], text, sizeof text);
	write(ends[1], "x", 1);
	pthread_join(thread, NULL);
	wait(NULL);
	return 0;
}
"""


def test_processes_threads_and_other_waits(driver, compile_c, fdtrace, tmp_path):
    """The table of each process, at each step, chosen from the list of processes."""
    subprocess.run([fdtrace, "run", "-o", str(tmp_path / "trace.fdt"), compile_c(FAMILY, "-pthread", "-Wno-unused-result")], check=True)
    run = page_of(fdtrace, tmp_path / "trace.fdt", tmp_path / "trace.html")
    by_seq = {event["seq"]: event for event in run.events}
    browser.open_page(driver, run.path)
    driver.find_element("id", "last").click()
    pids = [int(one.split()[0]) for one in driver.execute_script(
        "return Array.from(document.getElementById('process').options, (o) => o.textContent)")[1:]]
    assert len(pids) == 2
    for index, pid in enumerate(pids):
        browser.open_page(driver, run.path)
        driver.execute_script("const s = document.getElementById('process'); s.append(new Option('', '%d')); s.value = '%d';"
                              "s.dispatchEvent(new Event('change'))" % (index, index))
        fold = Fold()
        for step in browser.walk(driver)[1:]:
            event = by_seq[event_of(step)]
            if step["title"] not in ("Waiting in", "Inside", "Never returned"):
                fold.take(event)
            rows = [(row["cells"][0], number(row["cells"][4]), number(row["cells"][5])) for row in step["rows"] if not row["closed"]]
            assert rows == [(name, got, gave) for name, _, got, gave in fold.rows(pid)], (event, step["rows"])
            if event["call"] in ("poll", "epoll_wait") and step["title"] == "Just returned":
                back = bits(step, "read: back")
                assert [life for life, bit in back.items() if bit == "1"] == event["ready"]["r"]


def test_findings_are_jumps(driver, fdtrace, lab):
    done = subprocess.run([fdtrace, "check", "--format=json", str(lab.capture)], capture_output=True, text=True)
    told = [one["rule"] for one in json.loads(done.stdout)["findings"]] if done.stdout.startswith("{") else re.findall(r'"rule":"([^"]*)"', done.stdout)
    browser.open_page(driver, lab.path)
    items = driver.execute_script("return Array.from(document.querySelectorAll('#finding-list li'), (item) => item.textContent)")
    assert len(items) == len(told) and all(rule in item for rule, item in zip(told, items))
    for n, item in enumerate(items):
        driver.execute_script("document.querySelectorAll('#finding-list button')[%d].click()" % n)
        assert event_of(browser.seen(driver)) == int(re.search(r"event (\d+)\.", item).group(1))


@pytest.mark.parametrize("arguments, problem", [
    (["--from=9", "--to=3"], "behind --to"), (["--from=x"], "number of an event"), (["--from", "100000"], "there are"), (["--nonsense"], "no such option"),
])
def test_bad_arguments(fdtrace, lab2, tmp_path, arguments, problem):
    done = subprocess.run([fdtrace, "html", "-o", str(tmp_path / "x.html"), *arguments, str(lab2.capture)], capture_output=True, text=True)
    assert done.returncode == 2 and problem in done.stderr and done.stderr.count("\n") == 1


def test_a_cut_off_capture_is_shown_as_far_as_it_goes(driver, fdtrace, lab2, tmp_path):
    cut = tmp_path / "cut.fdt"
    cut.write_bytes(lab2.capture.read_bytes()[:-6000])
    page = page_of(fdtrace, cut, tmp_path / "cut.html")
    browser.open_page(driver, page.path)
    assert driver.find_element("id", "problem").is_displayed()
    assert len(browser.walk(driver)) > 20
