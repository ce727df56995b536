"""The JSON interface and the server-sent events, over a real connection."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from server.controls import MOST_JUMPS_PER_MINUTE
from server.errors import ServerError
from server.ice import offer_addresses
from server.serve import ServerSettings, _page_addresses, listen
from stream.texture import Texture
from tests.serving import LocalServer

EVENTS_S = 20.0


async def events(http: httpx.AsyncClient) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """(name, data) of each server-sent event."""
    name = ""
    async with http.stream("GET", "/api/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("event:"):
                name = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                yield name, json.loads(line.removeprefix("data:"))


async def test_texture(http: httpx.AsyncClient, small_texture: Path) -> None:
    told = (await http.get("/api/texture")).json()
    with Texture.open(small_texture) as texture:
        assert told["segments"] == texture.segments.count
        assert told["stride_frames"] == texture.segments.stride_frames
    assert told["name"] == "small"
    assert (told["width"], told["height"]) == (320, 180)
    assert told["duration_s"] == pytest.approx(12.0, abs=0.05)
    assert told["frame_count"] == pytest.approx(told["duration_s"] * told["rate_hz"])
    assert told["has_sound"] is True


async def test_state_goes_on(http: httpx.AsyncClient) -> None:
    first = (await http.get("/api/state")).json()
    async with asyncio.timeout(EVENTS_S):
        while (await http.get("/api/state")).json()["steps"] < first["steps"] + 3:  # noqa: ASYNC110 (over HTTP)
            await asyncio.sleep(0.05)
    later = (await http.get("/api/state")).json()
    assert later["uptime_s"] > first["uptime_s"]
    assert later["jumps"] <= later["steps"]
    assert later["viewers"] == later["bytes_sent"] == 0


async def test_the_matrix_is_a_picture_of_all_segments(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/matrix.png")
    assert response.headers["content-type"] == "image/png"
    image = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    segments = (await http.get("/api/texture")).json()["segments"]
    assert image is not None
    assert image.shape == (segments, segments)
    natural, other = np.diagonal(image, 1), np.median(image)
    assert np.median(natural) > other + 50  # the clip going on stands out


async def test_steps_are_told_one_behind_the_other(http: httpx.AsyncClient) -> None:
    steps: list[dict[str, Any]] = []
    async with asyncio.timeout(EVENTS_S), aclosing(events(http)) as told:
        name, settings = await anext(told)
        assert name == "settings"
        assert settings["minimum"] <= settings["jumps_per_minute"] <= settings["maximum"]
        async for name, step in told:
            assert name in ("performance", "step")
            if name == "performance":
                continue
            steps.append(step)
            if len(steps) == 8:
                break
    for before, step in pairwise(steps):
        assert step["previous"] == before["segment"]
        assert step["jump"] == (step["segment"] != before["segment"] + 1)
        assert step["bridge_frames"] == 0 or step["jump"]
        if not step["jump"]:
            assert step["position_s"] == pytest.approx(before["position_s"] + 0.2, abs=0.01)


async def test_settings_are_changed_and_told_to_everyone(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(EVENTS_S), aclosing(events(http)) as told:
        await anext(told)
        answer = await http.patch("/api/settings", json={"jumps_per_minute": 60})
        assert answer.status_code == 200
        changed = answer.json()
        assert changed["jumps_per_minute"] > 35
        assert changed["maximum"] == MOST_JUMPS_PER_MINUTE
        async for name, data in told:
            if name == "settings":
                assert data == changed
                break
    assert (await http.get("/api/settings")).json() == changed


async def test_calmer_settings_jump_less(http: httpx.AsyncClient, server: LocalServer) -> None:
    lively = (await http.patch("/api/settings", json={"jumps_per_minute": 60})).json()
    shares = server.channel.player.liveliness.transitions.jump_share
    calm = (await http.patch("/api/settings", json={"jumps_per_minute": lively["minimum"]})).json()
    assert calm["jumps_per_minute"] < lively["jumps_per_minute"] / 3
    assert server.channel.player.liveliness.transitions.jump_share < shares / 3


@pytest.mark.parametrize(
    "body",
    ['{"jumps_per_minute": 0}', '{"jumps_per_minute": -1}', '{"jumps_per_minute": 61}', '{"jumps_per_minute": NaN}',
     '{"jumps_per_minute": Infinity}', '{"jumps_per_minute": "many"}', '{"jumps_per_minute": null}', "{}", "[]", "{"],
)  # fmt: skip
async def test_settings_that_make_no_sense_are_refused(http: httpx.AsyncClient, body: str) -> None:
    before = (await http.get("/api/settings")).json()
    answer = await http.patch("/api/settings", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert (await http.get("/api/settings")).json() == before


async def test_the_page_and_its_parts_are_served(http: httpx.AsyncClient) -> None:
    page = await http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "/page/viewer.js" in page.text
    script = await http.get("/page/viewer.js")
    assert "javascript" in script.headers["content-type"]
    assert (await http.get("/page/../app.py")).status_code == 404
    assert (await http.get("/nowhere")).status_code == 404


def test_a_port_in_use_is_told_with_the_mend() -> None:
    taken = listen("127.0.0.1", 0)
    port = taken.getsockname()[1]
    try:
        with pytest.raises(ServerError, match=f"port {port} of 127.0.0.1 is in use.*--port {port + 1}"):
            listen("127.0.0.1", port)
    finally:
        taken.close()


def test_a_name_is_no_address_for_media() -> None:
    with pytest.raises(ServerError, match="'localhost' is no IP address"):
        offer_addresses(("localhost",))


@pytest.mark.parametrize(
    ("host", "first"), [("127.0.0.1", r"http://127\.0\.0\.1:\d+/"), ("0.0.0.0", r"http://127\.0\.0\.1:\d+/")]
)
def test_the_addresses_told_are_such_as_a_browser_opens(host: str, first: str) -> None:
    with listen(host, 0) as listening:
        addresses = _page_addresses(listening)
    assert re.fullmatch(first, addresses[0])
    assert not any("0.0.0.0" in address or "[" in address for address in addresses)


@pytest.mark.parametrize(
    ("host", "is_local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)]
)
def test_what_others_can_reach_is_known(host: str, is_local: bool) -> None:
    assert ServerSettings(host).is_local == is_local
