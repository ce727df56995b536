"""The WHIP endpoint that takes sound: RFC 9725's demands, one row each, and that what is published is heard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.sdp import SessionDescription

from server.exchange import MOST_SDP_BYTES
from server.publishers import MOST_PUBLISHERS
from server.whip import WhipSource
from stream.hearing.source import SourceState
from tests.serving import serve_here
from tests.sounds import Ear, is_scale
from tests.stream_media import write_texture
from tests.test_server_microphone import Tune
from tests.whep_peer import SDP

LIMIT_S = 20.0
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


class Publisher:
    """A WHIP client as OBS is one: a picture in H.264, and sound in Opus."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tune = Tune()
        self.sound = self.peer.addTransceiver(self.tune, direction="sendonly")
        self.video = self.peer.addTransceiver(VideoStreamTrack(), direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        self.video.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
        self.offer = ""

    async def make_offer(self) -> str:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        self.offer = self.peer.localDescription.sdp
        return self.offer

    async def post(self, offer: str | None = None, **headers: str) -> httpx.Response:
        return await self.http.post("/whip", content=offer or await self.make_offer(), headers=SDP | headers)

    async def opened(self) -> httpx.Response:
        response = await self.post()
        assert response.status_code == 201
        return response

    async def publish(self) -> httpx.Response:
        created = await self.opened()
        await self.peer.setRemoteDescription(RTCSessionDescription(created.text, "answer"))
        return created

    async def patch(self, created: httpx.Response, *, ufrag: str | None = None, **headers: str) -> httpx.Response:
        media = SessionDescription.parse(self.offer).media[0]
        user, password = (media.ice.usernameFragment, media.ice.password) if ufrag is None else (ufrag, 24 * "x")
        body = f"a=ice-ufrag:{user}\r\na=ice-pwd:{password}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        body += "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"
        return await self.http.patch(created.headers["location"], content=body, headers=FRAGMENT | headers)


@asynccontextmanager
async def publisher(http: httpx.AsyncClient) -> AsyncIterator[Publisher]:
    opening = Publisher(http)
    try:
        yield opening
    finally:
        await opening.peer.close()


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "moved.texture")


@pytest.fixture
async def heard() -> Ear:
    return Ear()


@pytest.fixture
async def source(heard: Ear) -> AsyncIterator[WhipSource]:
    with WhipSource() as opened:
        opened.start(heard)
        yield opened


@pytest.fixture
async def http(texture: Path, source: WhipSource) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve_here(texture, hears=source) as server,
        httpx.AsyncClient(base_url=server.address, timeout=20) as client,
    ):
        yield client


async def hears(ear: Ear, blocks: int) -> int:
    begin = len(ear.blocks)
    async with asyncio.timeout(LIMIT_S):
        while len(ear.blocks) < begin + blocks:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0.02)
    return begin


async def test_what_is_published_is_heard(http: httpx.AsyncClient, source: WhipSource, heard: Ear) -> None:
    assert "nobody publishes" in source.trouble
    async with publisher(http) as client:
        created = await client.publish()
        await hears(heard, 20)
        begin = await hears(heard, 100)
        assert source.state is SourceState.LIVE
        assert is_scale(heard.sound(begin))
        assert (await http.delete(created.headers["location"])).status_code == 200
        await asyncio.sleep(0.2)
        count = len(heard.blocks)
        await asyncio.sleep(0.5)
        assert len(heard.blocks) == count


async def test_the_newest_is_heard_and_one_too_many_is_told(http: httpx.AsyncClient, heard: Ear) -> None:
    async with publisher(http) as first, publisher(http) as second:
        first.tune.stop()
        await first.publish()
        await second.publish()
        await hears(heard, 50)
        for _ in range(MOST_PUBLISHERS - 2):
            assert (await second.post(second.offer)).status_code == 201
        full = await second.post(second.offer)
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) > 0


async def test_sound_alone_is_enough(http: httpx.AsyncClient) -> None:
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        client.addTransceiver(AudioStreamTrack(), direction="sendonly")
        await client.setLocalDescription(await client.createOffer())
        response = await http.post("/whip", content=client.localDescription.sdp, headers=SDP)
        assert response.status_code == 201
        assert "m=video" not in response.text
    finally:
        await client.close()


async def created_with_all_that_belongs_to_it(client: Publisher) -> None:
    created = await client.opened()
    assert created.headers["content-type"] == "application/sdp"
    assert re.fullmatch(r"whip/[\w-]{22,}", created.headers["location"])
    assert re.fullmatch(r'"[^"]+"', created.headers["etag"])


async def answers_receive_only(client: Publisher) -> None:
    for transceiver in client.peer.getTransceivers():
        transceiver.direction = "sendrecv"
    answer = (await client.opened()).text
    assert {media.direction for media in SessionDescription.parse(answer).media} == {"recvonly"}
    assert answer.count("a=rtcp-mux-only\r\n") == 2
    assert "a=candidate:" in answer
    assert "a=end-of-candidates" in answer


async def who_does_not_send_is_refused(client: Publisher) -> None:
    offer = await client.make_offer()
    for direction in ("recvonly", "inactive"):
        assert (await client.post(offer.replace("a=sendonly", f"a={direction}"))).status_code == 400


async def what_has_no_sound_is_refused_whole(client: Publisher) -> None:
    offer = await client.make_offer()
    assert (await client.post(offer.replace("opus/", "other/"))).status_code == 422


async def get_and_head_have_no_content(client: Publisher) -> None:
    created = await client.opened()
    for url in ("/whip", created.headers["location"]):
        for method in ("GET", "HEAD"):
            response = await client.http.request(method, url)
            assert response.status_code == 204
            assert response.content == b""


async def broken_requests_are_refused(client: Publisher) -> None:
    offer = await client.make_offer()
    assert (await client.post(offer, **{"Content-Type": "text/plain"})).status_code == 415
    assert (await client.post("v=0")).status_code == 400
    assert (await client.post("a" * (MOST_SDP_BYTES + 1))).status_code == 413


async def options_tell_what_is_taken(client: Publisher) -> None:
    response = await client.http.options("/whip", headers={"Origin": "http://localhost:3000"})
    assert response.status_code == 200
    assert response.headers["accept-post"] == "application/sdp"
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"


async def patches_have_conditions(client: Publisher) -> None:
    created = await client.opened()
    assert (await client.patch(created)).status_code == 428
    assert (await client.patch(created, **{"If-Match": '"another"'})).status_code == 412
    taken = await client.patch(created, **{"If-Match": created.headers["etag"]})
    assert taken.status_code == 204
    assert "etag" not in taken.headers
    assert (await client.patch(created, ufrag="restart", **{"If-Match": "*"})).status_code == 422
    assert (await client.patch(created, **{"Content-Type": "text/plain", "If-Match": "*"})).status_code == 415


async def delete_ends_it_whatever_the_tag(client: Publisher) -> None:
    created = await client.publish()
    async with asyncio.timeout(LIMIT_S):
        while client.peer.connectionState != "connected":  # noqa: ASYNC110 - nothing tells a test of it
            await asyncio.sleep(0.05)
    response = await client.http.delete(created.headers["location"], headers={"If-Match": '"another"'})
    assert response.status_code == 200
    assert (await client.http.get(created.headers["location"])).status_code == 404
    async with asyncio.timeout(LIMIT_S):
        while client.peer.connectionState != "closed":  # noqa: ASYNC110 - DTLS tells it
            await asyncio.sleep(0.05)


ROWS: list[tuple[str, Callable[[Publisher], Awaitable[None]]]] = [
    ("4.1: GET and HEAD are 2XX without content", get_and_head_have_no_content),
    ("4.2: 201, type, Location, strong ETag", created_with_all_that_belongs_to_it),
    ("4.2: answers use recvonly; 4.3.1 all candidates; 4.4.1 rtcp-mux-only", answers_receive_only),
    ("4.2: recvonly and inactive are not for clients", who_does_not_send_is_refused),
    ("4.2: another type or broken SDP is 4XX", broken_requests_are_refused),
    ("4.2: OPTIONS, CORS, Accept-Post", options_tell_what_is_taken),
    ("4.3: PATCH is 204, 428, 412, 422, 415", patches_have_conditions),
    ("4.4.3: what cannot be taken is refused whole", what_has_no_sound_is_refused_whole),
    ("4.2: DELETE ends it", delete_ends_it_whatever_the_tag),
]


@pytest.mark.parametrize(("section", "check"), ROWS, ids=[section for section, _ in ROWS])
async def test_whip(section: str, check: Callable[[Publisher], Awaitable[None]], http: httpx.AsyncClient) -> None:
    async with publisher(http) as client:
        await check(client)


async def test_where_it_is_not_wanted_there_is_no_endpoint(texture: Path) -> None:
    async with serve_here(texture) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert (await http.post("/whip", content="v=0", headers=SDP)).status_code == 404
