"""The page on a wall: nothing but the picture, through everything that happens to its server in a year."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import LIVE, chromium, viewer
from tests.serving import serve_process
from tests.stream_media import write_texture

pytestmark = pytest.mark.e2e

RECONNECT_MS = 30_000
OUTAGE_MS = 8_000
MOST_TRIES = 12  # half a second, one, two, four, and then every five at most; and as much for the events
COUNT_TRIES = "() => performance.getEntriesByType('resource').filter((each) => each.name.includes('/whep')).length"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("wall") / "n.texture", seconds=4.0)


def picture(page: Page) -> np.ndarray:
    """What is on the screen, (height, width, 3), 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"), float)


def test_a_wall_shows_nothing_but_a_muted_picture_and_stays_awake(browser: Browser, texture: Path) -> None:
    with serve_process(texture) as server, viewer(browser, f"{server.address}?kiosk") as watching:
        page = watching.page
        for part in (".dock", ".status", ".matrix", "#performance"):
            expect(page.locator(part)).to_be_hidden()
        expect(page.locator("#wall")).to_have_text("")
        assert page.evaluate("videotexture.video.muted && !videotexture.video.paused && !videotexture.video.controls")
        assert page.evaluate("getComputedStyle(document.querySelector('#stage')).cursor") == "none"
        page.keyboard.press("p")
        page.keyboard.press("b")
        expect(page.locator("#performance")).to_be_hidden()
        assert not page.evaluate("fetch('/api/performance').then((each) => each.json()).then((each) => each.blackout)")
        page.wait_for_function("videotexture.awake")
        assert watching.complaints == []


def test_the_wake_lock_is_asked_for_again_when_the_page_is_seen_again(browser: Browser, texture: Path) -> None:
    keep = """(() => { const ask = navigator.wakeLock.request.bind(navigator.wakeLock); window.locks = [];
        navigator.wakeLock.request = async (kind) => { locks.push(await ask(kind)); return locks.at(-1); }; })()"""
    with serve_process(texture) as server:
        page = browser.new_page()
        page.add_init_script(keep)
        page.goto(f"{server.address}?kiosk")
        page.wait_for_function("videotexture.awake")
        page.evaluate("locks[0].release()")  # as a browser does that hides the page
        assert not page.evaluate("videotexture.awake")
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.wait_for_function("videotexture.awake")
        assert page.evaluate("locks.length") == 2
        page.close()


def test_killed_the_last_picture_stays_and_it_comes_back(browser: Browser, texture: Path) -> None:
    with serve_process(texture) as first, viewer(browser, f"{first.address}?kiosk") as watching:
        page = watching.page
        first.kill()
        page.wait_for_selector("#still.shown", state="attached", timeout=RECONNECT_MS)
        kept = picture(page)
        assert kept.std() > 10, "the picture is gone"
        tried = page.evaluate(COUNT_TRIES)
        page.wait_for_timeout(OUTAGE_MS)
        assert np.abs(picture(page) - kept).mean() < 1, "it does not stay as it was"
        assert 1 <= page.evaluate(COUNT_TRIES) - tried <= MOST_TRIES
        expect(page.locator("#wall")).to_have_text("")
        with serve_process(texture, port=first.port):
            page.wait_for_function(LIVE, timeout=RECONNECT_MS)
            expect(page.locator("#still.shown")).to_have_count(0)


def test_a_server_that_stands_still_is_noticed(browser: Browser, texture: Path) -> None:
    """As after a power cut or a pulled cable: nothing closes, nothing comes."""
    with serve_process(texture) as server, viewer(browser, f"{server.address}?kiosk") as watching:
        page = watching.page
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            page.wait_for_selector("#still.shown", state="attached", timeout=RECONNECT_MS)
            assert picture(page).std() > 10
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
        page.wait_for_function(LIVE, timeout=RECONNECT_MS)
        expect(page.locator("#still.shown")).to_have_count(0)


def test_a_wall_that_never_had_a_picture_says_what_it_waits_for(browser: Browser, texture: Path) -> None:
    token = "viewer-token-0123456789"
    tokens = ("--viewer-token", token, "--control-token", "control-token-012345678")
    with serve_process(texture, *tokens) as server:
        page = browser.new_page()
        page.goto(f"{server.address}?kiosk")
        expect(page.locator("#wall")).to_contain_text("token", timeout=RECONNECT_MS)
        page.goto("about:blank")
        page.goto(f"{server.address}?kiosk#token={token}")
        page.wait_for_function(LIVE, timeout=RECONNECT_MS)
        expect(page.locator("#wall")).to_have_text("")
        page.close()


def test_a_renewed_server_has_its_page_loaded_anew(browser: Browser, texture: Path) -> None:
    """Its page's ETag is what the test says: what is served is not to be touched."""
    renewable = """(() => { const ask = fetch; window.looks = 0; localStorage.tag ??= '"old"';
        window.fetch = async (url, options) => options?.method !== "HEAD" ? ask(url, options)
          : (looks++, new Response("", { headers: { etag: localStorage.tag } })); })()"""
    with serve_process(texture) as server:
        page = browser.new_page()
        page.add_init_script(renewable)
        page.goto(f"{server.address}?kiosk")
        page.evaluate("window.isFirst = true")
        page.wait_for_function("looks === 2", timeout=RECONNECT_MS)
        page.wait_for_timeout(500)
        assert page.evaluate("isFirst"), "it is loaded anew without a reason"
        with page.expect_navigation(timeout=RECONNECT_MS):
            page.evaluate("localStorage.tag = '\"new\"'")
        page.wait_for_function(LIVE, timeout=RECONNECT_MS)
        assert not page.evaluate("window.isFirst")
        page.close()


def test_the_time_without_a_picture_is_told_where_somebody_looks(browser: Browser, texture: Path) -> None:
    with serve_process(texture) as server, viewer(browser, server.address) as watching:
        page = watching.page
        server.kill()
        expect(page.locator("#state")).to_have_text("Reconnecting…", timeout=RECONNECT_MS)
        page.wait_for_function("/^[0-9]+ s$/.test(document.querySelector('#gone').textContent)", timeout=RECONNECT_MS)
        assert page.locator("html").get_attribute("data-connection") == "reconnecting"
