"""WHEP against a real aiortc peer, and a viewer's queues."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from fractions import Fraction

import httpx
import numpy as np
import pytest

from server.errors import ServerError
from server.exchange import MOST_SDP_BYTES
from server.ice import offer_addresses
from server.viewer import QUEUED_PACKETS, Viewer, encoded_packet
from stream.splice import MediaPacket
from tests.serving import LocalServer
from tests.whep_peer import SDP, peer, prefer, viewers, watch

GOP_PACKETS = 6


async def test_picture_and_sound_arrive_until_the_session_is_deleted(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        location = await watch(http, viewer)
        assert location.startswith("/whep/")
        pictures, sound = await asyncio.gather(viewer.frames("video", 40), viewer.frames("audio", 60))
        assert {(picture.width, picture.height) for picture in pictures} == {(320, 180)}
        times = [picture.pts * picture.time_base for picture in pictures]
        assert set(np.diff(times)) == {Fraction(1, 30)}
        shown = np.stack([picture.to_ndarray(format="gray") for picture in pictures]).astype(float)
        assert shown[0].std() > 5
        assert np.abs(np.diff(shown, axis=0)).max() > 20
        assert max(np.abs(frame.to_ndarray()).max() for frame in sound) > 300
        await viewers(http, 1)

        assert (await http.delete(location)).status_code == 200
        await viewers(http, 0)
        assert (await http.delete(location)).status_code == 200  # gone already is as good as ended


async def test_sound_is_not_sent_to_who_wants_none(http: httpx.AsyncClient) -> None:
    async with peer("video") as viewer:
        await watch(http, viewer)
        await viewer.frames("video", 5)
        assert set(viewer.tracks) == {"video"}


async def test_a_viewer_who_goes_without_a_word_is_forgotten(http: httpx.AsyncClient) -> None:
    async with peer("video") as viewer:
        await watch(http, viewer)
        await viewers(http, 1)
    await viewers(http, 0)


async def test_an_offer_of_another_type_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post("/whep", content="v=0", headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert "application/sdp" in response.json()["detail"]


@pytest.mark.parametrize(
    "offer",
    [b"", b"hello", b"v=0\r\n", b"v=0\r\nm=video\r\n", b"m=video x y z\r\n", b"\xff\xfe"],
    ids=["empty", "text", "no media", "cut short", "no numbers", "not UTF-8"],
)
async def test_what_is_no_offer_is_refused(http: httpx.AsyncClient, offer: bytes) -> None:
    response = await http.post("/whep", content=offer, headers=SDP)
    assert response.status_code == 400
    assert "offer" in response.json()["detail"]


async def test_an_offer_cut_anywhere_is_refused_or_answered(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        offer = await viewer.offer()
    lines = offer.splitlines(keepends=True)
    for end in range(len(lines)):
        response = await http.post("/whep", content="".join(lines[:end]), headers=SDP)
        assert response.status_code in (201, 400, 406), lines[end]


async def test_who_takes_no_opus_gets_the_picture_alone(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        prefer(viewer, "audio", "audio/PCMU")
        await watch(http, viewer)
        assert viewer.tracks.keys() == {"video"}
        await viewer.frames("video", 5)


async def test_who_would_rather_have_another_codec_gets_opus(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        prefer(viewer, "audio", "audio/PCMU", "audio/opus")
        await watch(http, viewer)
        (frame,) = await viewer.frames("audio", 1)
        assert frame.sample_rate == 48000


async def test_an_offer_that_is_too_long_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post("/whep", content=b"a" * (MOST_SDP_BYTES + 1), headers=SDP)
    assert response.status_code == 413


def pictures() -> Iterator[MediaPacket]:
    """Video packets, an IDR every `GOP_PACKETS`, for ever."""
    pts = 0
    while True:
        yield MediaPacket("video", b"\0", pts, Fraction(1, 30), 1, is_keyframe=pts % GOP_PACKETS == 0)
        pts += 1


def offer_to(viewer: Viewer, packets: Iterator[MediaPacket], count: int) -> None:
    for _ in range(count):
        packet = next(packets)
        viewer.offer(packet, encoded_packet(packet))


async def queued_pts(viewer: Viewer, kind: str = "video") -> list[int]:
    queue = viewer.tracks[kind].queue
    return [(await queue.get()).pts for _ in range(len(queue))]


async def test_a_viewer_begins_with_an_idr() -> None:
    viewer, packets = Viewer({"video"}), pictures()
    next(packets)
    offer_to(viewer, packets, 10)
    assert await queued_pts(viewer) == [6, 7, 8, 9, 10]
    assert viewer.dropped == 0


async def test_sound_waits_for_the_first_picture() -> None:
    viewer = Viewer({"video", "audio"})
    sound = MediaPacket("audio", b"\0", 5, Fraction(1, 48000), 960, is_keyframe=True)
    viewer.offer(sound, encoded_packet(sound))
    assert await queued_pts(viewer, "audio") == []
    offer_to(viewer, pictures(), 1)
    viewer.offer(sound, encoded_packet(sound))
    assert await queued_pts(viewer, "audio") == [5]


async def test_a_stalled_viewer_goes_on_at_an_idr_and_slows_nobody() -> None:
    stalled, awake, packets = Viewer({"video"}), Viewer({"video"}), pictures()
    seen: list[int] = []
    for _ in range(200):
        packet = next(packets)
        for viewer in (stalled, awake):
            viewer.offer(packet, encoded_packet(packet))
        seen += await queued_pts(awake)
        assert len(stalled.tracks["video"].queue) <= QUEUED_PACKETS
    assert seen == list(range(200))
    assert awake.dropped == 0
    assert stalled.dropped >= QUEUED_PACKETS
    waiting = await queued_pts(stalled)
    assert waiting[0] % GOP_PACKETS == 0
    assert waiting == list(range(waiting[0], 200))


async def test_a_viewer_that_never_comes_is_given_up(
    http: httpx.AsyncClient, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.sessions.CONNECT_LIMIT_S", 0.3)
    async with peer("video") as gone:
        response = await http.post("/whep", content=await gone.offer(), headers=SDP)
    assert response.status_code == 201
    assert len(server.sessions) == 1
    async with asyncio.timeout(5):
        while len(server.sessions):  # noqa: ASYNC110 - nothing tells a test of it
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("address", "reason"),
    [("attic", "'attic' is no IP address"), ("203.0.113.9", r"cannot be offered on 203\.0\.113\.9")],
)
def test_media_is_only_offered_on_this_machines_addresses(address: str, reason: str) -> None:
    with pytest.raises(ServerError, match=reason):
        offer_addresses((address,))
