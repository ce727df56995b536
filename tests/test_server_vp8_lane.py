"""The VP8 lane: there when somebody needs it, gone afterwards, and nobody else notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import httpx
import pytest

from server import vp8_lane
from server.frame import Codec, Cutter
from server.transcoder import Transcoder
from server.viewer import Viewer
from server.vp8_lane import KEYFRAMES_APART_S, Vp8Lane
from stream.player import Player
from stream.reel import MediaPacket
from stream.texture import Texture
from tests.serving import LocalServer, serve_here
from tests.stream_media import number_of, write_texture
from tests.test_server_fan_out import Noted
from tests.whep_peer import FRAME_S, Peer, peer, prefer, viewers, watch


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("vp8") / "n.texture", seconds=8.0, renditions=True)


@pytest.fixture(scope="module")
def packets(path: Path) -> list[MediaPacket]:
    """Six seconds of a walk."""
    with Texture.open(path) as texture, Player(texture, texture.liveliness(30), seed=1) as player:
        return [packet for packet, _ in zip(player.packets(), range(500), strict=False)]


@pytest.fixture
async def server(path: Path) -> AsyncIterator[LocalServer]:
    async with serve_here(path) as running:
        yield running


@pytest.fixture
async def lane() -> AsyncIterator[Vp8Lane]:
    opened = Vp8Lane()
    yield opened
    opened.close()


def vp8_viewer() -> tuple[Viewer, dict[str, Noted]]:
    viewer, ways = Viewer({"video", "audio"}, codec=Codec.VP8), {"video": Noted(), "audio": Noted()}
    viewer.lanes.update(ways)
    return viewer, ways


async def given(lane: Vp8Lane, packets: list[MediaPacket], pictures: int, *, paced: bool = True) -> None:
    """Send so many pictures and their sound, each when the last one is encoded, or all at once."""
    count = 0
    for packet in packets:
        if packet.kind == "video":
            count += 1
            if count > pictures:
                break
        lane.send(packet)
        worker = lane._worker
        while paced and worker is not None and worker.waiting:  # noqa: ASYNC110 (what is waited for is a thread)
            await asyncio.sleep(0.002)


def test_pictures_are_the_same_and_at_the_same_times(packets: list[MediaPacket]) -> None:
    transcoder, decoder, shown = Transcoder(), Vp8Decoder(), 0
    for packet in packets:
        if packet.kind == "video":
            picture = transcoder.decode(packet, 0)
            assert picture is not None, "nothing is held back"
            made = transcoder.encode(picture, packet, as_keyframe=False)
            assert made is not None
            assert (made.pts, made.time_base, made.is_keyframe) == (packet.pts, packet.time_base, shown == 0)
            (seen,) = decoder.decode(made.data)
            assert packet.clip_frame is None or number_of(seen) == packet.clip_frame
            shown += 1
    assert shown > 100


def test_it_goes_on_with_pictures_of_another_size_by_a_keyframe(packets: list[MediaPacket]) -> None:
    transcoder, sizes = Transcoder(), []
    pictures = [packet for packet in packets if packet.kind == "video"][:24]
    for place, packet in enumerate(pictures):
        picture = transcoder.decode(packet, int(place >= 12))
        assert picture is not None
        made = transcoder.encode(picture, packet, as_keyframe=False)
        assert made is not None
        sizes.append((picture.width, made.is_keyframe))
    assert [width for width, _ in sizes] == [96] * 12 + [48] * 12
    assert [place for place, (_, is_key) in enumerate(sizes) if is_key] == [0, 12]


def test_cut_as_rfc_7741_has_it() -> None:
    packet = MediaPacket("video", bytes(3000), 7, Fraction(1, 30), 1, is_keyframe=True)
    frame = Cutter(Codec.VP8).cut(packet)
    assert frame.timestamp == 21000
    assert [payload[0] & 0x10 for payload in frame.payloads] == [0x10, 0, 0], "only the first begins the picture"
    assert max(map(len, frame.payloads)) <= 1300


async def test_it_is_open_while_somebody_watches(lane: Vp8Lane, packets: list[MediaPacket]) -> None:
    lane.send(packets[0])
    assert not lane.is_open
    (one, ways), (two, _) = vp8_viewer(), vp8_viewer()
    lane.join(one)
    lane.join(two)
    assert lane.is_open
    await given(lane, packets, 30)
    await asyncio.sleep(0.05)
    assert lane.report().pictures == 30
    assert lane.report().mean_ms > 0
    assert ways["video"].timestamps == [3000 * place for place in range(30)]
    assert len(ways["audio"].pushed) > 40
    lane.leave(one)
    assert lane.is_open
    lane.leave(two)
    assert not lane.is_open
    assert lane.report().viewers == 0


async def test_keyframes_come_when_asked_for_and_not_too_often(lane: Vp8Lane, packets: list[MediaPacket]) -> None:
    viewer, ways = vp8_viewer()
    lane.join(viewer)
    await given(lane, packets, 20)
    assert [frame.is_keyframe for _, frame, first, _ in ways["video"].pushed if first == 0] == [True] + [False] * 19
    lane._key_given_s -= KEYFRAMES_APART_S
    for _ in range(3):
        viewer.report_picture_loss()
    began_s = time.monotonic()
    await given(lane, packets, 20)
    await asyncio.sleep(0.02)
    keys = sum(frame.is_keyframe for _, frame, first, _ in ways["video"].pushed if first == 0) - 1
    assert 1 <= keys <= 1 + (time.monotonic() - began_s) / KEYFRAMES_APART_S
    assert not viewer.wants_keyframe


async def test_who_is_too_slow_leaves_pictures_out_and_takes_smaller_ones(
    lane: Vp8Lane, packets: list[MediaPacket], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Transcoder.encode

    def slowly(*arguments: object, **others: object) -> MediaPacket | None:
        time.sleep(0.01)
        return real(*arguments, **others)

    monkeypatch.setattr(Transcoder, "encode", slowly)
    monkeypatch.setattr(vp8_lane, "JUDGED_PICTURES", 40)
    viewer, ways = vp8_viewer()
    lane.join(viewer)
    began_s = time.monotonic()
    await given(lane, packets, 150, paced=False)
    assert time.monotonic() - began_s < 1, "nobody waits for it"
    async with asyncio.timeout(10):
        while lane._worker is not None and lane._worker.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert lane.left_out > 100
    assert len(ways["video"].timestamps) == lane.report().pictures < 50
    assert all(one < two for one, two in pairwise(ways["video"].timestamps))
    assert lane.report().rendition == 1


def vp8_peer(viewer: Peer) -> Peer:
    prefer(viewer, "video", "video/VP8")
    return viewer


async def test_who_takes_no_h264_sees_the_walk_in_vp8(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with peer("video", "audio") as usual, peer("video", "audio") as other:
        await watch(http, usual)
        await viewers(http, 1)
        assert (await http.get("/api/state")).json()["vp8"]["viewers"] == 0
        vp8_peer(other)
        await watch(http, other)
        await viewers(http, 2)
        shown = await other.frames("video", 60)
        numbers = [number_of(picture) for picture in shown]
        follows = sum(then == now + 1 for now, then in pairwise(numbers))
        assert follows > 40, "but where it jumps"
        (await other.frames("audio", 20))
        codecs = {each["codec"] for each in (await http.get("/api/viewers")).json()}
        assert codecs == {"H264", "VP8"}
        told = (await http.get("/api/state")).json()["vp8"]
        assert told["viewers"] == 1
        assert told["pictures"] >= 60
        assert len(await usual.frames("video", 30)) == 30
        assert "videotexture_vp8_viewers 1.0" in (await http.get("/metrics")).text
    async with asyncio.timeout(FRAME_S):
        while server.channel.audience.vp8.is_open:  # noqa: ASYNC110 (over the network)
            await asyncio.sleep(0.05)


async def test_who_takes_both_is_sent_h264(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with peer("video") as viewer:
        prefer(viewer, "video", "video/VP8", "video/H264")
        await watch(http, viewer)
        await viewers(http, 1)
        await viewer.frames("video", 5)
        assert not server.channel.audience.vp8.is_open


class Vp8Decoder:
    """libavcodec's, with nothing of ours between."""

    def __init__(self) -> None:
        self._context = av.CodecContext.create("vp8", "r")
        self._context.thread_count = 1

    def decode(self, data: bytes) -> list[av.VideoFrame]:
        return self._context.decode(av.Packet(data))
