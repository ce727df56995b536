"""Viewers behind narrow links, real ones: they are sent smaller pictures, and nobody else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from bench.slow_link import Link, LinkSettings, Relay, over, server_of, without_candidates
from tests.serving import LocalServer, serve_here
from tests.stream_media import write_texture
from tests.whep_peer import FRAME_S, SDP, Peer, peer, viewers, watch

FULL_PX, HALF_PX = (96, 64), (48, 32)
LOSSY = LinkSettings(loss=0.4, delay_s=0.02, rate_bit_s=20e6)  # by losses, since such small pictures fill no link


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("renditions") / "n.texture"
    return write_texture(path, seconds=8.0, stored=((10, 3), (20, 8)), renditions=True)


@pytest.fixture
async def server(texture: Path) -> AsyncIterator[LocalServer]:
    async with serve_here(texture) as running:
        yield running


@asynccontextmanager
async def behind(link: Link, http: httpx.AsyncClient) -> AsyncIterator[Peer]:
    """A viewer behind a link, which is there until the server has heard that it left."""
    relay = Relay(link)
    try:
        async with peer("video", "audio") as viewer:
            response = await http.post("/whep", content=without_candidates(await viewer.offer()), headers=SDP)
            await relay.open(server_of(response.text))
            await viewer.accept(over(response.text, relay.port))
            yield viewer
            await http.delete(response.headers["location"])
    finally:
        relay.close()
        await asyncio.sleep(0)  # its sockets are closed by the loop


async def sizes_until(viewer: Peer, wanted: tuple[int, int], most: int = 1500) -> list[tuple[int, int]]:
    """Of the pictures that it sees, until one is of that size."""
    sizes: list[tuple[int, int]] = []
    while (not sizes or sizes[-1] != wanted) and len(sizes) < most:
        (picture,) = await viewer.frames("video", 1)
        sizes.append((picture.width, picture.height))
    return sizes


async def reports(http: httpx.AsyncClient, rendition: str) -> list[dict]:
    """Wait until somebody is sent it."""
    async with asyncio.timeout(FRAME_S):
        while True:
            told = (await http.get("/api/viewers")).json()
            if any(each["rendition"] == rendition for each in told):
                return told
            await asyncio.sleep(0.1)


async def test_a_viewer_who_loses_much_sees_smaller_pictures_and_the_others_do_not(http: httpx.AsyncClient) -> None:
    link = Link(LinkSettings(loss=0.0, delay_s=0.02, rate_bit_s=20e6), np.random.default_rng(0))
    async with peer("video", "audio") as good, behind(link, http) as bad:
        await watch(http, good)
        await viewers(http, 2)
        assert set(await sizes_until(bad, FULL_PX)) == {FULL_PX}
        link.change(LOSSY)
        one, two = await reports(http, "half")
        assert {one["rendition"], two["rendition"]} == {"full", "half"}
        narrow = max(one, two, key=lambda each: each["changes"])
        assert (narrow["rendition"], narrow["changes"], narrow["codec"]) == ("half", 1, "H264")
        assert narrow["lost"] > 0.1
        link.change(LinkSettings(loss=0.0, delay_s=0.02, rate_bit_s=20e6))
        assert (await sizes_until(bad, HALF_PX))[-1] == HALF_PX
        shown = await good.frames("video", 60)
        assert {(picture.width, picture.height) for picture in shown} == {FULL_PX}
        state = (await http.get("/api/state")).json()
        assert state["renditions"] == {"full": 1, "half": 1}
        metrics = (await http.get("/metrics")).text
        assert 'videotexture_rendition_viewers{rendition="half"} 1.0' in metrics
        assert "videotexture_rendition_changes_total 1.0" in metrics


async def test_who_left_is_counted_no_more(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with peer("video") as viewer:
        await watch(http, viewer)
        await viewers(http, 1)
        assert [each.rendition for each in server.channel.audience.reports()] == ["full"]
    await viewers(http, 0)
    assert server.channel.audience.by_rendition() == {"full": 0, "half": 0}
