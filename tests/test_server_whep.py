"""WHEP against a real aiortc peer, and a viewer's queues."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import httpx
import numpy as np
import pytest

from server.errors import ServerError
from server.exchange import MOST_SDP_BYTES
from server.ice import offer_addresses
from tests.serving import LocalServer
from tests.whep_peer import SDP, peer, prefer, viewers, watch

GOP_PACKETS = 6


async def test_picture_and_sound_arrive_until_the_session_is_deleted(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        location = await watch(http, viewer)
        assert location.startswith("whep/")  # beside what was asked, whatever proxy is before it
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
