"""The performer's panel in a real Chromium: what it turns, what turns it, its keys, and what it says of the sound.

The server listens to a radio of the test's own, which can be made to fall silent.
"""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pythonosc.udp_client import SimpleUDPClient

from tests.browser import chromium, late_answers, viewer
from tests.serving import ServerProcess, serve_process
from tests.sounds import scale, wait_until
from tests.stream_media import write_texture
from tests.test_stream_hearing_file import Radio

pytestmark = pytest.mark.e2e

RATE_HZ, RADIO_S = 44100, 4
SETTLED_MS = 200
SILENCE_S = 5.0  # after which the page believes that its events are dead
KNOBS = {"number": "input[type=range]", "switch": "input[role=switch]", "choice": "input[type=radio]"}
PADS = {"freeze", "blackout"}
BRIGHTNESS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const context = canvas.getContext("2d");
  context.drawImage(window.videotexture.video, 0, 0, 8, 8);
  return context.getImageData(0, 0, 8, 8).data.filter((_, index) => index % 4 < 3).reduce((a, b) => a + b) / 192;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "loud.texture")


@pytest.fixture(scope="module")
def radio(tmp_path_factory: pytest.TempPathFactory) -> Radio:
    path = tmp_path_factory.mktemp("radio") / "tune.mp3"
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ)
        stream.layout = "mono"
        sound = np.round(32767 * scale(RADIO_S, RATE_HZ)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return Radio(path.read_bytes(), RADIO_S)


@pytest.fixture(scope="module")
def osc_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server(texture: Path, radio: Radio, osc_port: int) -> Iterator[ServerProcess]:
    with (
        radio.on_air() as address,
        serve_process(texture, "--mic", address, "--osc", str(osc_port), "--seed", "1") as running,
    ):
        yield running


@pytest.fixture(scope="module")
def watched(browser: Browser, server: ServerProcess) -> Iterator[Page]:
    """One page for all tests: to open one takes longer than most of them."""
    with viewer(browser, server.address) as watching:
        yield watching.page
    assert watching.complaints == []


@pytest.fixture
def page(watched: Page, server: ServerProcess) -> Page:
    """Everything as it usually is but for the hits of the sound, and the panel open."""
    usual = {each["name"]: each["default"] for each in ask(server, "performance/parameters")}
    ask(server, "performance", usual | {"hits": False})
    if watched.locator("#performance").is_hidden():
        watched.keyboard.press("p")
    expect(knob(watched, "alpha").locator("output")).to_have_text("0.50")
    expect(knob(watched, "hits").locator("input")).not_to_be_checked()
    return watched


def ask(server: ServerProcess, what: str, change: dict[str, Any] | None = None) -> Any:
    """GET, or PATCH."""
    request = urllib.request.Request(server.address + "api/" + what)
    if change is not None:
        request.data, request.method = json.dumps(change).encode(), "PATCH"
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def knob(page: Page, name: str) -> Locator:
    return page.locator(f".knob[data-name={name}]")


def pad(page: Page, name: str) -> Locator:
    return page.locator(f".pad[data-name={name}]")


def becomes(server: ServerProcess, name: str, is_so: Callable[[Any], bool]) -> None:
    wait_until(lambda: is_so(ask(server, "performance")[name]))


def test_it_is_opened_by_its_button_and_by_its_key(watched: Page) -> None:
    panel, button = watched.locator("#performance"), watched.locator("#performance-button")
    expect(panel).to_be_hidden()
    watched.mouse.move(300, 300)
    button.click()
    expect(panel).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "true")
    watched.keyboard.press("p")
    expect(panel).to_be_hidden()


def test_every_parameter_of_the_table_has_its_knob(page: Page, server: ServerProcess) -> None:
    parameters = ask(server, "performance/parameters")
    for parameter in parameters:
        name = parameter["name"]
        if name in PADS:
            expect(pad(page, name)).to_have_attribute("data-doc", parameter["doc"])
            continue
        inputs = knob(page, name).locator(KNOBS[parameter["kind"]])
        expect(inputs).to_have_count(len(parameter["choices"]) if parameter["kind"] == "choice" else 1)
        if parameter["unit"]:
            expect(knob(page, name).locator("output")).to_contain_text(parameter["unit"])
    expect(page.locator(".knob")).to_have_count(len(parameters) - len(PADS))
    expect(page.locator(".pad")).to_have_count(len(PADS) + 2)


def test_a_knob_turns_the_performance(page: Page, server: ServerProcess, tmp_path: Path) -> None:
    slider = knob(page, "alpha").locator("input")
    for _ in range(3):
        slider.press("ArrowRight")
    becomes(server, "alpha", lambda alpha: alpha == pytest.approx(0.53))
    expect(knob(page, "alpha").locator("output")).to_have_text("0.53")
    knob(page, "alpha").locator(".title").dblclick()
    becomes(server, "alpha", lambda alpha: alpha == 0.5)
    knob(page, "cooldown_ms").locator("input").fill("0")
    becomes(server, "cooldown_ms", lambda cooldown_ms: cooldown_ms == 0)
    knob(page, "cooldown_ms").locator("input").press("Delete")
    becomes(server, "cooldown_ms", lambda cooldown_ms: cooldown_ms == 180)
    knob(page, "quantise").get_by_text("half").click()
    becomes(server, "quantise", lambda quantise: quantise == "half")
    knob(page, "hit_bridge").locator("input").check()
    becomes(server, "hit_bridge", lambda hit_bridge: hit_bridge is True)
    page.screenshot(path=tmp_path / "panel.png")


def test_the_gain_goes_from_automatic_to_what_it_was(page: Page, server: ServerProcess) -> None:
    row = knob(page, "gain_db")
    expect(row.locator("output")).to_contain_text("dB")
    row.get_by_role("button").click()
    becomes(server, "gain_db", lambda gain_db: isinstance(gain_db, float | int))
    kept_db = ask(server, "performance")["gain_db"]
    assert abs(ask(server, "hearing")["gain_db"] - kept_db) < 1.0
    row.get_by_role("button").click()
    becomes(server, "gain_db", lambda gain_db: gain_db == "auto")


def test_what_others_turn_moves_the_knobs(page: Page, server: ServerProcess, osc_port: int) -> None:
    ask(server, "performance", {"sensitivity": 0.25, "quantise": "quarter", "latency_offset_ms": -120})
    expect(knob(page, "sensitivity").locator("output")).to_have_text("0.25")
    slider = knob(page, "sensitivity").locator("input").element_handle()
    page.wait_for_function("(slider) => slider.value / slider.max === 0.25", arg=slider)
    expect(knob(page, "latency_offset_ms").locator("output")).to_have_text("−120 ms")
    expect(knob(page, "quantise").get_by_label("quarter")).to_be_checked()
    client = SimpleUDPClient("127.0.0.1", osc_port)
    with client:
        client.send_message("/videotexture/alpha", 0.75)
    expect(knob(page, "alpha").locator("output")).to_have_text("0.75")


def test_an_answer_does_not_undo_what_was_turned_elsewhere_meanwhile(page: Page, server: ServerProcess) -> None:
    with late_answers(page):
        knob(page, "alpha").locator("input").press("ArrowRight")
        becomes(server, "alpha", lambda alpha: alpha == pytest.approx(0.51))
        ask(server, "performance", {"sensitivity": 0.25})
        expect(knob(page, "sensitivity").locator("output")).to_have_text("0.25")
    page.wait_for_timeout(SETTLED_MS)
    expect(knob(page, "sensitivity").locator("output")).to_have_text("0.25")
    expect(knob(page, "alpha").locator("output")).to_have_text("0.51")
    ask(server, "performance", {"alpha": 0.75})
    expect(knob(page, "alpha").locator("output")).to_have_text("0.75")  # the wish is fulfilled, and forgotten


def test_hit_and_tap(page: Page, server: ServerProcess) -> None:
    hits = ask(server, "state")["hits"]
    page.keyboard.press("i")
    wait_until(lambda: ask(server, "state")["hits"] == hits + 1)
    pad(page, "hit").click()
    wait_until(lambda: ask(server, "state")["hits"] == hits + 2)
    for _ in range(5):
        page.keyboard.press("t")
        page.wait_for_timeout(480)
    expect(page.locator("#tempo")).to_contain_text("bpm")


def test_blackout_and_freeze_are_seen_and_end(page: Page, server: ServerProcess) -> None:
    page.keyboard.press("p")  # the keys work without the panel
    assert page.evaluate(BRIGHTNESS) > 60
    page.keyboard.press("b")
    expect(page.locator("#held")).to_have_text("Blackout")
    expect(page.locator("#note")).to_contain_text("B ends it")
    page.wait_for_function(f"({BRIGHTNESS})() < 10")
    page.keyboard.press("b")
    expect(page.locator("#held")).to_have_text("")
    page.wait_for_function(f"({BRIGHTNESS})() > 60")
    ask(server, "performance", {"freeze": True})
    expect(page.locator("#held")).to_have_text("Frozen")
    expect(pad(page, "freeze")).to_have_attribute("aria-pressed", "true")


def test_a_long_freeze_is_no_lost_server(page: Page, server: ServerProcess) -> None:
    asked: list[str] = []
    page.evaluate("window.firstPeer = window.videotexture.peer")
    page.keyboard.press("z")
    becomes(server, "freeze", lambda freeze: freeze is True)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000 * (SILENCE_S + 1))
    assert any(url.endswith("/api/performance") for url in asked), "it did not even wonder"
    assert not any(url.endswith(("/api/events", "/whep?apart=true")) for url in asked)
    assert page.evaluate("window.firstPeer === window.videotexture.peer")
    steps = page.evaluate("window.videotexture.steps.length")
    page.keyboard.press("z")
    page.wait_for_function(f"window.videotexture.steps.length > {steps}")


def test_a_lost_source_is_told_also_with_the_panel_closed(page: Page, radio: Radio) -> None:
    lost, panel = page.locator("#lost"), page.locator("#performance")
    expect(panel).to_have_attribute("data-hearing", "live", timeout=10_000)
    expect(page.locator("#source")).to_contain_text("live.mp3")
    page.wait_for_function("document.querySelector('#meters span').style.getPropertyValue('--share') > 0.3")
    page.keyboard.press("p")
    expect(lost).to_be_empty()
    radio.stalled.set()
    expect(lost).to_contain_text("is lost; the picture goes on by itself", timeout=10_000)
    page.evaluate("new Promise((shown) => window.videotexture.video.requestVideoFrameCallback(shown)).then(() => 1)")
    page.keyboard.press("p")
    expect(page.locator("#source-state")).to_contain_text("lost")
    radio.stalled.clear()
    expect(lost).to_be_empty(timeout=20_000)


def test_the_panel_is_polled_for_only_while_it_is_open(page: Page) -> None:
    asked: list[str] = []
    page.keyboard.press("p")
    page.wait_for_timeout(500)
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(800)
    assert asked == []
    page.keyboard.press("p")
    page.wait_for_timeout(1500)
    assert 2 <= sum(url.endswith("/api/hearing") for url in asked) <= 9


def test_where_nothing_listens_only_what_has_an_effect_is_there(browser: Browser, texture: Path) -> None:
    with serve_process(texture) as server:
        with viewer(browser, server.address) as watching:
            page = watching.page
            page.keyboard.press("p")
            expect(page.locator(".pad")).to_have_count(3)
            assert page.locator(":is(.pad, .knob)").evaluate_all("(all) => all.map((each) => each.dataset.name)") == [
                "hit", "freeze", "blackout", "hit_bridge",
            ]  # fmt: skip
            expect(page.locator(".hearing")).to_be_hidden()
            page.keyboard.press("t")
            expect(page.locator("#note")).to_contain_text("nothing listens to a beat")
        with viewer(browser, server.address + "?kiosk") as watching:
            for key in "pbz":
                watching.page.keyboard.press(key)
            watching.page.wait_for_timeout(500)
            expect(watching.page.locator("#performance")).to_be_hidden()
            turned = ask(server, "performance")
            assert not turned["blackout"]
            assert not turned["freeze"]
