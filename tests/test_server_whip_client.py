"""Publishing by WHIP to a server of another process: what the client must do, and that it never gives up."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from aiortc.sdp import SessionDescription

from server.errors import ServerError
from server.ice import LOOPBACK, IceSettings
from server.whip_client import FIRST_WAIT_S, LONGEST_WAIT_S, Backoff, WhipPublisher
from server.whip_target import PublishState, WhipTarget
from tests.serving import LocalServer, serve_here
from tests.stream_media import write_texture
from tests.whip_server import TOKEN

LIMIT_S = 30.0


@contextmanager
def sfu(port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.whip_server", str(port)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "published.texture")


class Stage:
    """A channel, its publisher, and the SFU's own word of what came."""

    def __init__(self, server: LocalServer, publisher: WhipPublisher, http: httpx.AsyncClient) -> None:
        self.server, self.publisher, self.http = server, publisher, http

    async def got(self) -> dict[str, Any]:
        return dict((await self.http.get("/got")).json())

    async def mood(self, mood: str) -> None:
        await self.http.post("/mood", content=mood)

    async def until(self, fits: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not await fits():  # noqa: ASYNC110 - another process tells
                await asyncio.sleep(0.05)

    async def becomes(self, state: PublishState) -> dict[str, Any]:
        async def fits() -> bool:
            return bool(self.publisher.report()["state"] == state)

        await self.until(fits)
        return self.publisher.report()

    async def answers(self) -> None:
        async def fits() -> bool:
            try:
                return (await self.http.get("/got")).status_code == 200
            except httpx.TransportError:
                return False

        await self.until(fits)


@asynccontextmanager
async def publishing(texture: Path, port: int, token: str | None = TOKEN) -> AsyncIterator[Stage]:
    async with serve_here(texture) as server, httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
        target = WhipTarget(f"http://{LOOPBACK}:{port}/whip/live", token)
        publisher = WhipPublisher(server.channel, target, IceSettings((LOOPBACK,)), np.random.default_rng(1))
        task = asyncio.create_task(publisher.run())
        try:
            yield Stage(server, publisher, http)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    with sfu(number):
        yield number


@pytest.fixture
async def stage(texture: Path, port: int) -> AsyncIterator[Stage]:
    async with publishing(texture, port) as opened:
        await opened.answers()
        await opened.mood("well")
        yield opened


async def test_the_sfu_gets_picture_and_sound_and_a_goodbye(texture: Path, port: int, stage: Stage) -> None:
    before = await stage.got()
    report = await stage.becomes(PublishState.LIVE)
    assert report["trouble"] == ""
    assert report["target"] == f"http://{LOOPBACK}:{port}"

    async def plays() -> bool:
        got = await stage.got()
        return bool(got["video"] > before["video"] + 20 and got["audio"] > before["audio"] + 20)

    await stage.until(plays)
    assert len(stage.server.channel.viewers) == 1


async def test_the_offer_is_what_rfc_9725_asks_for(stage: Stage) -> None:
    await stage.becomes(PublishState.LIVE)
    got = await stage.got()
    assert got["type"] == "application/sdp"  # 4.2
    assert got["token"] == f"Bearer {TOKEN}"  # 4.7.1
    offer = SessionDescription.parse(got["offer"])
    assert {media.direction for media in offer.media} == {"sendonly"}  # 4.2
    assert all(media.dtls.role == "auto" for media in offer.media)  # 4.2: setup:actpass
    assert len({media.msid.split()[0] for media in offer.media}) == 1  # 4.4.2: a single stream
    assert sorted(media.kind for media in offer.media) == ["audio", "video"]  # 4.4.2: one track of a kind
    assert got["offer"].count("a=rtcp-mux-only") == len(offer.media)  # 4.4.1
    assert offer.group[0].semantic == "BUNDLE"  # 4.4.1
    assert len(offer.group[0].items) == len(offer.media)
    assert "a=end-of-candidates" in got["offer"]  # no trickle: all are in the offer
    assert {codec.mimeType for media in offer.media for codec in media.rtp.codecs} <= {
        "video/H264",
        "video/rtx",
        "audio/opus",
    }


async def test_it_follows_307(texture: Path, port: int, stage: Stage) -> None:
    await stage.mood("elsewhere")
    async with publishing(texture, port) as other:
        await other.becomes(PublishState.LIVE)


@pytest.mark.parametrize(
    ("mood", "reason"), [("refuse", "503: no room"), ("deny", "401"), ("nonsense", "answer cannot be used")]
)
async def test_a_refusal_is_told_and_tried_again(
    texture: Path, port: int, stage: Stage, mood: str, reason: str
) -> None:
    await stage.becomes(PublishState.LIVE)
    await stage.mood(mood)
    async with publishing(texture, port) as other:
        report = await other.becomes(PublishState.WAITING)
        assert reason in report["trouble"]
        assert report["sessions"] == 0
        await stage.mood("well")
        report = await other.becomes(PublishState.LIVE)
        assert report["attempts"] >= 2


async def test_a_server_that_is_killed_is_noticed_and_found_again(texture: Path) -> None:
    port = free_port()
    async with publishing(texture, port) as stage:
        report = await stage.becomes(PublishState.WAITING)
        assert "does not answer" in report["trouble"]
        with sfu(port) as process:
            await stage.becomes(PublishState.LIVE)
            process.kill()
            process.wait()
        report = await stage.becomes(PublishState.WAITING)
        assert "lost" in report["trouble"]
        assert report["live_s"] == 0
        with sfu(port):
            report = await stage.becomes(PublishState.LIVE)
            assert report["sessions"] == 2


async def test_an_end_is_told_by_delete(texture: Path, port: int, stage: Stage) -> None:
    before = (await stage.got())["deletes"]
    async with publishing(texture, port) as other:
        await other.becomes(PublishState.LIVE)
    assert (await stage.got())["deletes"] == before + 1
    assert other.publisher.report()["state"] == PublishState.ENDED


def test_waits_double_with_jitter_up_to_a_limit() -> None:
    waits = np.array(
        [[backoff.next_s() for _ in range(10)] for backoff in map(Backoff, np.random.default_rng(1).spawn(200))]
    )
    full = np.minimum(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** np.arange(10))
    assert (waits >= 0.5 * full).all()
    assert (waits <= full).all()
    assert (waits.std(axis=0) > 0.1 * full).all()


def test_a_servers_wish_is_heeded_within_reason() -> None:
    backoff = Backoff(np.random.default_rng(1))
    assert backoff.next_s(7.0) == 7.0
    assert backoff.next_s(3600.0) == LONGEST_WAIT_S
    backoff.reset()
    assert backoff.next_s() <= FIRST_WAIT_S


@pytest.mark.parametrize("url", ["", "sfu.example/whip", "rtmp://sfu.example/live", "https://", "http://host:99999/"])
def test_what_is_no_endpoint(url: str) -> None:
    with pytest.raises(ServerError, match="no WHIP endpoint"):
        WhipTarget(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:word@sfu.example/whip/stream-key?secret=s3cr%2Bt#stream-key",
        " 'HTTPS://user:word@sfu.example/webRTC/stream-key/publish?secret=s3cr%2Bt'\n",
    ],
)
def test_secrets_are_not_shown(url: str) -> None:
    target = WhipTarget(url, TOKEN)
    assert target.name == "https://sfu.example"
    assert target.headers()["Authorization"] == "Basic dXNlcjp3b3Jk"
    said = f"no stream-key, {target.url}: {TOKEN}, s3cr+t, s3cr%2bt, word"
    assert not re.search("word|stream-key|s3cr|user", target.name + repr(target) + target.redacted(said))
    assert TOKEN not in repr(target) + target.redacted(said)
