"""harness/tests/test_player_firefox.py: the player in Firefox: it opens from disk, its steps are what `fdtrace json` says, keys and
links work, nothing else may run. What is tested in Chromium (test_player.py) is not tested twice."""
from __future__ import annotations

from pathlib import Path

import pytest

import browser
import firefox
from test_player import event_of, every_step_is_the_jsons, played


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    fox = firefox.start(tmp_path_factory.mktemp("firefox") / "profile")
    yield fox
    fox.quit()


@pytest.fixture(scope="module")
def lab2(build, fdtrace, tmp_path_factory):
    return played("lab2", build, fdtrace, tmp_path_factory.mktemp("lab2"))


def test_every_step_shows_what_the_json_says(driver, lab2):
    every_step_is_the_jsons(driver, lab2)
    assert "Firefox" in driver.execute_script("return navigator.userAgent")
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert driver.get_log() == []


def test_keys_and_links(driver, lab2):
    seq = lab2.run.life_of("D").opened["seq"]
    browser.open_page(driver, lab2.path, "#e=%d" % seq)
    assert event_of(browser.seen(driver)) == seq and "new: was 4, A" in str(browser.seen(driver)["rows"])
    browser.open_page(driver, lab2.path)
    for key in (firefox.RIGHT, firefox.RIGHT, firefox.LEFT):
        driver.press(key)
    assert driver.execute_script("return Number(document.getElementById('slider').value)") == 1
    driver.press(firefox.RIGHT, shift=True)
    step = browser.seen(driver)
    assert step["title"] == "Just returned" and event_of(step) == lab2.run.waits()[0]["seq"]
    driver.press("?")
    assert driver.execute_script("return document.getElementById('keys').open")


def test_nothing_else_can_run(driver, lab2):
    browser.open_page(driver, lab2.path)
    told = driver.execute_script("""
		return new Promise((done) => {
			const script = document.createElement("script"), image = document.createElement("img"), told = [];
			document.addEventListener("securitypolicyviolation", (event) => {
				told.push(event.effectiveDirective);
				if (told.length === 2)
					done(told.sort());
			});
			script.textContent = "document.documentElement.dataset.taken = 1";
			image.src = "https://example.invalid/x.png";
			document.body.append(script, image);
		});""")
    assert [directive.split("-")[0] for directive in told] == ["img", "script"]
    assert driver.execute_script("return document.documentElement.dataset.taken || null") is None


def test_it_looks_right(driver, lab2, tmp_path: Path):
    """As far as a program can tell: nothing runs out of the page, the overview is drawn. The picture is kept for people."""
    driver.size(1100, 900)
    browser.open_page(driver, lab2.path, "#e=%d" % lab2.run.waits()[3]["seq"])
    (tmp_path / "firefox.png").write_bytes(driver.picture())
    assert driver.execute_script("const page = document.documentElement; return page.scrollWidth - page.clientWidth") == 0
    assert driver.execute_script("""
		const canvas = document.getElementById("overview"), seen = new Set();
		for (const pixel of new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer))
			seen.add(pixel);
		return seen.size""") > 3
