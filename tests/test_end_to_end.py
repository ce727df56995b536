"""What is seen and heard in a real Chromium, against what the walk said.

The command line serves a clip whose pictures carry their number and whose sound carries its time; the page
that the server itself delivers plays it.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import LIVE, Recording, Walked, chromium, late_answers, record, viewer, walk
from tests.numbered_clip import PITCH_WINDOW_SAMPLES, NumberedClip, heard_time_s
from tests.serving import ServerProcess, serve_process
from tests.sounds import wait_until

pytestmark = pytest.mark.e2e

WATCHED_S = 64.0
JUMPS_PER_MINUTE, SEED = 30.0, 7
LEAST_JUMPS = 15
RATE_HZ = float(NumberedClip().rate_hz)

LONGEST_FREEZE_MS = 100.0
LONGEST_STALL_MS = 250.0  # where the browser itself stood still: two cores have to run it, the server and this
LEAST_OBSERVED_SHARE = 0.95  # else the machine is too slow to say anything
SETTLED_MS = 200
CELL_TOLERANCE = 8  # of 255, between Chromium's conversion to RGB and ours
# Chromium joins sound and picture only once RTCP has told their common clock, and then by small steps.
SYNC_SETTLES_S = 12.0
# On a busy machine Chromium stretches or shortens sound for a second or two, which no server can prevent: so what is
# judged is not the largest skew, but the one that 95 % of the time stays below.
MEDIAN_SKEW_MS, USUAL_SKEW_MS, USUAL_SHARE = 60.0, 120.0, 0.95
AWAY_FROM_JUMPS = 15  # pictures to each side

NETWORK = "net::ERR_"  # what a browser says of a server that is gone
RECONNECT_MS = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def server(browser: Browser, numbered_texture: Path) -> Iterator[ServerProcess]:
    # Pictures are read here: a machine that is busy with the browser would have it sent smaller ones.
    options = ("--seed", str(SEED), "--jumps-per-minute", str(JUMPS_PER_MINUTE), "--no-renditions")
    with serve_process(numbered_texture, *options) as running:
        yield running


@pytest.fixture(scope="module")
def recording(browser: Browser, server: ServerProcess) -> Recording:
    with viewer(browser, server.address + "?sound") as watching:
        recorded = record(watching.page, WATCHED_S, RATE_HZ)
    assert watching.complaints == []
    return recorded


@pytest.fixture(scope="module")
def walked(recording: Recording, server: ServerProcess, numbered_texture: Path) -> Walked:
    """All that the server has walked so far."""
    seconds = time.monotonic() - server.began_s + 5
    return walk(numbered_texture, jumps_per_minute=JUMPS_PER_MINUTE, seed=SEED, seconds=seconds)


@pytest.fixture(scope="module")
def expected(walked: Walked, recording: Recording) -> Walked:
    return walked.shifted_to(recording)


def test_enough_was_watched(recording: Recording, expected: Walked, record_property: Any) -> None:
    jumps = sum(packet.step is not None and packet.step.is_jump for packet in expected.packets)
    share = len(recording.index) / len(expected.packets)
    record_property("pictures", len(expected.packets))
    record_property("observed_share", round(share, 4))
    record_property("jumps", jumps)
    assert len(expected.packets) >= 60 * RATE_HZ
    assert jumps >= LEAST_JUMPS
    assert share >= LEAST_OBSERVED_SHARE, f"only {share:.1%} of the pictures were caught: this machine is too slow"


def test_every_source_picture_is_the_one_that_the_walk_said(recording: Recording, expected: Walked) -> None:
    assert np.diff(recording.index).min() >= 1, "pictures were shown twice or out of order"
    wrong = [
        (index, packet.clip_frame, seen)
        for index, seen in zip(recording.index.tolist(), recording.numbers, strict=True)
        if (packet := expected.packets[index]).clip_frame is not None and packet.clip_frame != seen
    ]
    assert wrong == [], f"{len(wrong)} of {len(recording.index)} pictures (index, expected, seen): {wrong[:10]}"


def test_bridges_are_between(recording: Recording, expected: Walked) -> None:
    """Pictures that the clip does not have, the same as another decoder shows them."""
    places = [place for place, index in enumerate(recording.index) if expected.packets[index].clip_frame is None]
    assert len(places) >= 3 * LEAST_JUMPS
    difference = np.abs(recording.cells[places] - expected.cells[recording.index[places]])
    assert difference.max() <= CELL_TOLERANCE
    unread = sum(recording.numbers[place] is None for place in places)
    assert unread > 0.8 * len(places), f"{len(places) - unread} of {len(places)} bridge pictures are plain source ones"


def test_the_page_is_told_each_step(recording: Recording, walked: Walked, server: ServerProcess) -> None:
    with urllib.request.urlopen(server.address + "api/state") as response:
        state = json.load(response)
    assert state["bridges_cut"] == 0
    told, steps = recording.steps, walked.steps
    begins = [place for place in range(len(steps) - len(told) + 1) if steps[place : place + len(told)] == told]
    assert len(told) > 200
    assert len(begins) == 1, f"the {len(told)} steps told are no stretch of the walk"


def test_the_picture_never_freezes(recording: Recording, record_property: Any) -> None:
    longest_ms = float(np.diff(recording.displayed_ms).max())
    record_property("longest_gap_ms", round(longest_ms, 1))
    record_property("browser_stalls_ms", np.diff(recording.stalls_ms, axis=1).ravel().round().tolist())
    assert recording.freezes_ms().max() <= LONGEST_FREEZE_MS
    assert longest_ms <= LONGEST_STALL_MS
    assert recording.grown("video", "freezeCount") == 0


def test_nothing_is_lost_or_asked_for_again(recording: Recording, expected: Walked, record_property: Any) -> None:
    video, audio = recording.after["video"], recording.after["audio"]
    names = ("framesDropped", "pliCount", "firCount", "nackCount", "packetsLost", "keyFramesDecoded")
    record_property("video", {name: video[name] for name in names})
    assert video["packetsLost"] == audio["packetsLost"] == 0
    assert video["pliCount"] <= 2
    assert video["firCount"] == 0
    assert video["nackCount"] <= 5
    assert recording.grown("video", "framesDropped") <= 0.01 * len(expected.packets)
    assert abs(recording.grown("video", "framesReceived") - recording.grown("video", "framesDecoded")) <= 5
    keyframes = sum(packet.is_keyframe for packet in expected.packets)
    assert recording.grown("video", "keyFramesDecoded") == pytest.approx(keyframes, abs=5)


def test_sound_is_there_and_in_time(recording: Recording, expected: Walked, record_property: Any) -> None:
    skews = _skews(recording, expected)
    assert len(skews) > 100, "too little sound and picture away from jumps"
    settled = np.array([skew_ms for at_s, skew_ms in skews if at_s > SYNC_SETTLES_S])
    median_ms, usual_ms, largest_ms = np.quantile(np.abs(settled), (0.5, USUAL_SHARE, 1.0)).tolist()
    record_property("skew_ms", {
        "median": round(float(np.median(settled)), 1), "usual": round(usual_ms, 1), "largest": round(largest_ms, 1),
        "largest_before_settling": round(max((abs(skew) for at, skew in skews if at <= SYNC_SETTLES_S), default=0), 1),
    })  # fmt: skip
    assert median_ms < MEDIAN_SKEW_MS
    assert usual_ms < USUAL_SKEW_MS


def test_sound_has_no_gaps(recording: Recording, record_property: Any) -> None:
    blocks = recording.sound[: len(recording.sound) // 4800 * 4800].reshape(-1, 4800)
    level = np.sqrt(np.square(blocks).mean(axis=1))
    assert len(level) > 9.5 * WATCHED_S
    assert np.quantile(level, 0.01) > 0.1
    concealed = recording.grown("audio", "concealedSamples") / recording.grown("audio", "totalSamplesReceived")
    record_property("concealed_share", round(concealed, 5))
    assert concealed < 0.01


def test_the_page_comes_back_when_the_server_does(browser: Browser, numbered_texture: Path) -> None:
    with serve_process(numbered_texture) as first, viewer(browser, first.address) as watching:
        page = watching.page
        page.evaluate("window.firstPeer = window.videotexture.peer")
        first.kill()
        page.wait_for_selector("#still.shown", timeout=RECONNECT_MS)
        with serve_process(numbered_texture, port=first.port):
            page.wait_for_function(f"window.videotexture.peer !== window.firstPeer && {LIVE}", timeout=RECONNECT_MS)
            _wait_for_new_picture(page)
            page.wait_for_selector("html[data-connection=live]")
            assert page.locator("#still.shown").count() == 0
        assert [said for said in watching.complaints if NETWORK not in said] == []


def test_liveliness_is_set_from_outside_and_from_the_page(browser: Browser, server: ServerProcess) -> None:
    with viewer(browser, server.address) as watching:
        page = watching.page
        settings = _patch_settings(server, jumps_per_minute=60.0)
        number = page.locator("#liveliness-number")
        expect(number).to_have_text(str(round(settings["jumps_per_minute"])))
        page.wait_for_timeout(1500)  # what is planned already
        assert _jumps_in(page, seconds=6) >= 3

        page.locator("#liveliness").press("Home")
        expect(number).not_to_have_text(str(round(settings["jumps_per_minute"])))
        page.wait_for_timeout(1500)
        calm = _settings(server)
        assert calm["jumps_per_minute"] == pytest.approx(calm["minimum"], rel=0.2)
        assert _jumps_in(page, seconds=6) <= 2
        assert watching.complaints == []


LATE_ANSWER = """async () => {
  const { Liveliness } = await import("./liveliness.js");
  const slider = Object.assign(document.createElement("input"), { type: "range", max: 1000 });
  const number = document.createElement("b");
  const liveliness = new Liveliness({ slider, number, onChange: () => {}, onError: () => {} });
  const usual = window.fetch;
  const settings = (rate) => ({ jumps_per_minute: rate, minimum: 1, maximum: 60 });
  const headers = { "Content-Type": "application/json" };
  window.fetch = async () => new Response(JSON.stringify(settings(30)), { headers });
  const loading = liveliness.load();
  liveliness.accept(settings(60));
  await loading;
  const newer = number.textContent;
  await liveliness.load();
  window.fetch = usual;
  return [newer, number.textContent];
}"""


def test_an_answer_does_not_undo_what_was_told_after_it_was_asked_for(browser: Browser, server: ServerProcess) -> None:
    with viewer(browser, server.address) as watching:
        assert watching.page.evaluate(LATE_ANSWER.replace("./", server.address + "page/")) == ["60", "30"]


def test_a_late_answer_to_the_page_does_not_undo_what_others_set(browser: Browser, server: ServerProcess) -> None:
    with viewer(browser, server.address) as watching:
        page, number = watching.page, watching.page.locator("#liveliness-number")
        slider, most = page.locator("#liveliness"), _patch_settings(server, jumps_per_minute=60.0)
        shown = str(round(most["jumps_per_minute"]))
        expect(number).to_have_text(shown)
        with late_answers(page):
            slider.press("Home")
            wait_until(lambda: _settings(server)["jumps_per_minute"] == pytest.approx(most["minimum"], rel=0.2))
            _patch_settings(server, jumps_per_minute=60.0)
            page.wait_for_timeout(SETTLED_MS)
        expect(number).to_have_text(shown)
        page.wait_for_timeout(SETTLED_MS)
        expect(number).to_have_text(shown)


def test_the_controls_are_put_away(browser: Browser, server: ServerProcess, tmp_path: Path) -> None:
    with viewer(browser, server.address) as watching:
        page, root = watching.page, watching.page.locator("html")
        expect(page.locator("#name")).to_have_text("numbered")
        expect(page.locator("#matrix-image")).to_be_visible()
        page.mouse.move(300, 300)
        page.wait_for_timeout(1000)
        page.screenshot(path=tmp_path / "viewer.png")
        expect(root).to_have_attribute("data-overlay", "shown")
        page.keyboard.press("h")
        expect(root).to_have_attribute("data-overlay", "hidden")
        expect(page.locator("#overlay .dock")).to_be_hidden()
        page.keyboard.press("h")
        expect(root).to_have_attribute("data-overlay", "shown")
        expect(page.locator("#overlay .dock")).to_be_visible()
        assert watching.complaints == []


def test_ctrl_c_stops_the_server_without_a_word(browser: Browser, server: ServerProcess) -> None:
    """The last test on the shared server; somebody is watching while it stops. What it said is from its start."""
    with viewer(browser, server.address):
        assert re.fullmatch(r"bridges are made by .*\n", server.stop())
    assert server.process.returncode in (0, 130)


def _skews(recording: Recording, expected: Walked) -> list[tuple[float, float]]:
    """(seconds since the recording began, by how many ms the sound is ahead of the picture), away from jumps."""
    skews = []
    for index, displayed_ms in zip(recording.index.tolist(), recording.displayed_ms.tolist(), strict=True):
        around = expected.packets[max(0, index - AWAY_FROM_JUMPS) : index + AWAY_FROM_JUMPS + 1]
        frames = [-1 if packet.clip_frame is None else packet.clip_frame for packet in around]
        if len(frames) <= 2 * AWAY_FROM_JUMPS or min(frames) < 0 or np.ptp(frames) != 2 * AWAY_FROM_JUMPS:
            continue
        middle_ms = displayed_ms + 500 / RATE_HZ
        begin = round((middle_ms - recording.sound_began_ms) * 48) - PITCH_WINDOW_SAMPLES // 2
        sound = recording.sound[max(0, begin) : begin + PITCH_WINDOW_SAMPLES]
        if len(sound) < PITCH_WINDOW_SAMPLES or begin < 0:
            continue
        heard_s = heard_time_s(sound, 48000)
        assert heard_s is not None, f"silence {index / RATE_HZ:.1f} s after the recording began"
        shown_s = (frames[AWAY_FROM_JUMPS] + 0.5) / RATE_HZ
        skews.append((index / RATE_HZ, 1000 * (heard_s - shown_s)))
    return skews


def _wait_for_new_picture(page: Any) -> None:
    page.evaluate("new Promise((shown) => window.videotexture.video.requestVideoFrameCallback(shown)).then(() => 1)")


def _jumps_in(page: Any, *, seconds: float) -> int:
    """Jumps among the step events of the next seconds."""
    begin = page.evaluate("window.videotexture.steps.length")
    page.wait_for_timeout(1000 * seconds)
    return int(
        page.evaluate("(begin) => window.videotexture.steps.slice(begin).filter((each) => each.jump).length", begin)
    )


def _settings(server: ServerProcess) -> dict[str, Any]:
    with urllib.request.urlopen(server.address + "api/settings") as response:
        return dict(json.load(response))


def _patch_settings(server: ServerProcess, **changes: float) -> dict[str, Any]:
    request = urllib.request.Request(
        server.address + "api/settings", json.dumps(changes).encode(), {"Content-Type": "application/json"},
        method="PATCH",
    )  # fmt: skip
    with urllib.request.urlopen(request) as response:
        return dict(json.load(response))
