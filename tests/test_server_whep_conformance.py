"""WHEP's demands on a server, one row each, by real HTTP; sections of draft-ietf-wish-whep-04 (June 2026).

"4.3.1" and so on are the draft's numbers, the words behind them what they are about. They are those of -03's source,
which the rows were read against, moved by one behind 4.1 by the discovery that -04 put there; what others cite of -04
(4.3.1, 4.3.2, 4.3.9, 4.4, 4.5, 4.6.1, 4.9.1) agrees. Of 4.3.9 and 4.7 (busy: 503, Retry-After), 4.8 (Link: STUN and
TURN) and 4.9 (Bearer) the rows are in `test_server_access.py` and `test_server_ice.py`; there are no extensions (4.10).
What the draft demands of players is not here; that of media is in `test_server_whep.py` and, with players that others
wrote, in `test_whep_clients.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from aiortc import RTCSessionDescription
from aiortc.sdp import SessionDescription

from server.exchange import MOST_SDP_BYTES
from tests.serving import serve_here
from tests.stream_media import write_texture
from tests.whep_peer import FRAME_S, SDP, Peer, peer, prefer, viewers

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}
CANDIDATE = "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n"
ELSEWHERE = {"Origin": "http://localhost:3000"}


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "watched.texture")


@pytest.fixture
async def http(texture: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_here(texture) as server, httpx.AsyncClient(base_url=server.address, timeout=20) as client:
        yield client


class Player:
    """A player and its requests. The offer has one section for each kind, `a=recvonly` unless told otherwise."""

    def __init__(self, http: httpx.AsyncClient, viewer: Peer) -> None:
        self.http, self.viewer = http, viewer
        self.offer = ""

    async def post(self, offer: str | None = None, **headers: str) -> httpx.Response:
        self.offer = offer or await self.viewer.offer()
        return await self.http.post("/whep", content=self.offer, headers=SDP | headers)

    async def opened(self) -> httpx.Response:
        response = await self.post()
        assert response.status_code == 201
        return response

    async def countered(self) -> httpx.Response:
        prefer(self.viewer, "video", "video/VP8")
        response = await self.post((await self.viewer.offer()).replace("VP8/90000", "VP9/90000"))  # not to be had
        assert response.status_code == 406
        return response

    async def patch(self, created: httpx.Response, body: str, **headers: str) -> httpx.Response:
        return await self.http.patch(created.headers["location"], content=body, headers=FRAGMENT | headers)

    def fragment(self, candidates: str = CANDIDATE, *, ufrag: str | None = None) -> str:
        """Of the offer's own ICE session, or, with a `ufrag`, of another one: an ICE restart."""
        media = SessionDescription.parse(self.offer).media[0]
        user, password = (media.ice.usernameFragment, media.ice.password) if ufrag is None else (ufrag, 24 * "x")
        head = f"a=ice-ufrag:{user}\r\na=ice-pwd:{password}\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\n"
        return f"{head}a=mid:{media.rtp.muxId}\r\n{candidates}"


def sections(sdp: str) -> list[str]:
    return sdp.split("\r\nm=")[1:]


async def get_has_no_content(player: Player) -> None:
    created = await player.opened()
    for url in ("/whep", created.headers["location"]):
        response = await player.http.get(url)
        assert response.status_code // 100 == 2
        assert response.content == b""


async def head_tells_a_whep_endpoint(player: Player) -> None:
    response = await player.http.head("/whep")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/sdp"


async def errors_are_told_in_words(player: Player) -> None:
    response = await player.post("hello")
    assert response.status_code == 400
    assert response.json()["detail"]


async def post_creates_a_session(player: Player) -> None:
    created = await player.opened()
    assert created.headers["content-type"] == "application/sdp"
    assert (await player.http.get(created.headers["location"])).status_code == 204
    await player.viewer.accept(created.text)
    await player.viewer.frames("video", 3)


async def answer_follows_the_offer(player: Player) -> None:
    created = await player.opened()
    asked, told = SessionDescription.parse(player.offer), SessionDescription.parse(created.text)
    assert [(each.kind, each.rtp.muxId) for each in told.media] == [(each.kind, each.rtp.muxId) for each in asked.media]
    assert {each.dtls.role for each in told.media} <= {"client", "server"}


async def addresses_cannot_be_guessed(player: Player) -> None:
    names = {(await player.opened()).headers["location"].rsplit("/", 1)[1] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"[\w-]{22,}", name) for name in names)  # 128 bits or more
    assert (await player.http.get("/whep/1")).status_code == 404


async def another_type_is_refused(player: Player) -> None:
    offer = await player.viewer.offer()
    response = await player.http.post("/whep", content=offer, headers={"Content-Type": "application/json"})
    assert response.status_code == 415
    assert response.headers["accept-post"] == "application/sdp"


async def a_type_may_have_parameters(player: Player) -> None:
    response = await player.post(**{"Content-Type": "Application/SDP; charset=utf-8"})
    assert response.status_code == 201


async def broken_sdp_is_refused(player: Player) -> None:
    offer = await player.viewer.offer()
    for broken in (
        "",
        "v=0",
        offer[: len(offer) // 2].rsplit("a=", 1)[0] + "a=fmtp:1",
        offer.replace("a=ice-pwd", "a=x"),
    ):
        assert (await player.post(broken or " ")).status_code == 400


async def too_long_a_body_is_refused(player: Player) -> None:
    assert (await player.post("a" * (MOST_SDP_BYTES + 1))).status_code == 413


async def nothing_that_fits_brings_a_counter_offer(player: Player) -> None:
    countered = await player.countered()
    assert countered.headers["content-type"].startswith("application/sdp")
    offered = SessionDescription.parse(countered.text)
    assert {codec.mimeType for media in offered.media for codec in media.rtp.codecs} >= {"video/H264", "audio/opus"}
    assert all("a=sendonly\r\n" in section for section in sections(countered.text))
    assert all("a=setup:actpass" in section for section in sections(countered.text))
    assert countered.headers["location"].startswith("whep/")


async def a_counter_offer_says_how_long_it_stands(player: Player) -> None:
    countered = await player.countered()
    until = re.search(r'valid-until="(.+)"', countered.headers["content-type"])
    assert until is not None
    left_s = (parsedate_to_datetime(until[1]) - parsedate_to_datetime(countered.headers["date"])).total_seconds()
    assert 25 <= left_s <= 35


async def a_counter_offer_is_answered_by_patch(player: Player) -> None:
    countered = await player.countered()
    async with peer() as answering:
        await answering.connection.setRemoteDescription(RTCSessionDescription(countered.text, "offer"))
        await answering.connection.setLocalDescription(await answering.connection.createAnswer())
        answer = answering.connection.localDescription.sdp
        assert "a=recvonly" in answer
        response = await player.http.patch(countered.headers["location"], content=answer, headers=SDP)
        assert response.status_code == 204
        assert response.content == b""
        await asyncio.gather(answering.frames("video", 5), answering.frames("audio", 5))
        again = await player.http.patch(countered.headers["location"], content=answer, headers=SDP)
        assert again.status_code == 409


async def a_broken_answer_is_refused_and_can_be_mended(player: Player) -> None:
    countered = await player.countered()
    for broken in ("v=0", (await player.viewer.offer())):
        response = await player.http.patch(countered.headers["location"], content=broken, headers=SDP)
        assert response.status_code == 400
    await a_counter_offer_is_answered_by_patch(player)


async def answers_send_only(player: Player) -> None:
    for transceiver in player.viewer.connection.getTransceivers():
        transceiver.direction = "sendrecv"
    created = await player.opened()
    assert all("a=sendonly\r\n" in section for section in sections(created.text))


async def who_does_not_receive_is_refused(player: Player) -> None:
    offer = await player.viewer.offer()
    for direction in ("sendonly", "inactive"):
        assert (await player.post(offer.replace("a=recvonly", f"a={direction}"))).status_code == 400


async def what_cannot_be_had_is_refused_by_its_port(player: Player) -> None:
    prefer(player.viewer, "audio", "audio/PCMU")
    created = await player.opened()
    video, audio = sections(created.text)
    assert "a=sendonly\r\n" in video
    assert audio.startswith("audio 0 ")
    mid = re.search(r"a=mid:(\S+)", audio)
    assert mid is not None
    assert re.search(rf"a=group:BUNDLE(?!.* {mid[1]}\b)", created.text)
    await player.viewer.accept(created.text)
    await player.viewer.frames("video", 3)


async def delete_ends_the_session(player: Player) -> None:
    created = await player.opened()
    await player.viewer.accept(created.text)
    await viewers(player.http, 1)
    response = await player.http.delete(created.headers["location"], headers={"If-Match": '"another"'})
    assert response.status_code == 200  # whatever the tag
    assert (await player.http.get(created.headers["location"])).status_code == 404
    async with asyncio.timeout(FRAME_S):
        while player.viewer.connection.connectionState != "closed":  # noqa: ASYNC110 (DTLS tells the player)
            await asyncio.sleep(0.05)


async def options_tell_what_is_taken(player: Player) -> None:
    created = await player.opened()
    for url in ("/whep", created.headers["location"]):
        response = await player.http.options(url)
        assert response.status_code == 200
        assert response.headers["accept-post"] == "application/sdp"


async def browsers_of_other_pages_may_ask(player: Player) -> None:
    created = await player.opened()
    asked = {"Access-Control-Request-Headers": "authorization,content-type,if-match"} | ELSEWHERE
    for url, method in (
        ("/whep", "POST"),
        (created.headers["location"], "PATCH"),
        (created.headers["location"], "DELETE"),
    ):
        preflight = await player.http.options(url, headers=asked | {"Access-Control-Request-Method": method})
        assert preflight.headers["access-control-allow-origin"] in ("*", ELSEWHERE["Origin"])
        assert method in preflight.headers["access-control-allow-methods"]
        assert {"authorization", "content-type", "if-match"} <= set(
            preflight.headers["access-control-allow-headers"].lower().split(", ")
        )
    response = await player.post(**ELSEWHERE)
    exposed = response.headers["access-control-expose-headers"].lower().split(", ")
    assert {"location", "etag", "link", "retry-after"} <= set(exposed)


async def another_type_of_patch_is_refused(player: Player) -> None:
    created = await player.opened()
    response = await player.patch(created, player.fragment(), **{"Content-Type": "text/plain", "If-Match": "*"})
    assert response.status_code == 415
    assert response.headers["accept-patch"] == "application/trickle-ice-sdpfrag"


async def a_broken_fragment_is_refused(player: Player) -> None:
    created = await player.opened()
    for broken in ("", "hello", "a=candidate:1 1 udp\r\n", "a=ice-ufrag:abcd\r\n"):
        response = await player.patch(created, broken, **{"If-Match": created.headers["etag"]})
        assert response.status_code == 400


async def tags_are_strong_and_each_sessions_own(player: Player) -> None:
    tags = {(await player.opened()).headers["etag"] for _ in range(3)}
    assert len(tags) == 3
    assert all(re.fullmatch(r'"[^"]+"', tag) for tag in tags)


async def a_patch_without_a_tag_is_refused(player: Player) -> None:
    created = await player.opened()
    assert (await player.patch(created, player.fragment())).status_code == 428


async def a_patch_with_another_tag_is_refused(player: Player) -> None:
    created = await player.opened()
    response = await player.patch(created, player.fragment(), **{"If-Match": '"another"'})
    assert response.status_code == 412


async def the_answer_has_all_candidates(player: Player) -> None:
    created = await player.opened()
    assert "a=candidate:" in created.text
    assert "a=end-of-candidates" in created.text


async def candidates_may_come_later(player: Player) -> None:
    full = await player.viewer.offer()
    bare = "".join(
        line for line in full.splitlines(keepends=True) if not line.startswith(("a=candidate", "a=end-of-candidates"))
    )
    created = await player.post(bare)
    assert created.status_code == 201
    first = full.split("\r\nm=")[1]
    own = "".join(f"{line}\r\n" for line in first.split("\r\n") if line.startswith("a=candidate"))
    unusable = (
        "a=candidate:9 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\na=candidate:8 1 udp 1 x.local 9 typ host\r\n"
    )
    body = player.fragment(unusable + own + "a=end-of-candidates\r\n")
    response = await player.patch(created, body, **{"If-Match": created.headers["etag"]})
    assert response.status_code == 204
    assert response.content == b""
    assert "etag" not in response.headers
    await player.viewer.accept(created.text)
    await player.viewer.frames("video", 3)


async def an_ice_restart_is_refused_and_harms_nothing(player: Player) -> None:
    created = await player.opened()
    await player.viewer.accept(created.text)
    await player.viewer.frames("video", 3)
    response = await player.patch(created, player.fragment(ufrag="restart"), **{"If-Match": "*"})
    assert response.status_code == 422
    await player.viewer.frames("video", 3)


async def sections_are_bundled_and_multiplexed(player: Player) -> None:
    created = await player.opened()
    bundle = SessionDescription.parse(created.text).group[0]
    assert bundle.semantic == "BUNDLE"
    assert len(bundle.items) == 2
    for section in sections(created.text):
        assert "a=rtcp-mux\r\n" in section
        assert "a=rtcp-mux-only\r\n" in section


async def there_is_one_stream(player: Player) -> None:
    created = await player.opened()
    streams = {media.msid.split()[0] for media in SessionDescription.parse(created.text).media}
    assert len(streams) == 1


async def two_pictures_are_refused(player: Player) -> None:
    player.viewer.connection.addTransceiver("video", direction="recvonly")
    assert (await player.post()).status_code == 400


ROWS: list[tuple[str, Callable[[Player], Awaitable[None]]]] = [
    ("4.1 HTTP usage: GET returns 2XX with no content", get_has_no_content),
    ("4.1 HTTP usage: errors may be told in the body", errors_are_told_in_words),
    ("4.2 discovery: HEAD is 200 and application/sdp", head_tells_a_whep_endpoint),
    ("4.3.1 server accepts: 201, type, answer, Location", post_creates_a_session),
    ("4.3.1 server accepts: answer by the JSEP rules", answer_follows_the_offer),
    ("4.3.2 counter-offer: 406, offer, Location", nothing_that_fits_brings_a_counter_offer),
    ("4.3.2 counter-offer: valid-until is an HTTP-date", a_counter_offer_says_how_long_it_stands),
    ("4.3.2 counter-offer: PATCH with the answer is 204", a_counter_offer_is_answered_by_patch),
    ("4.3.2 counter-offer: malformed answer is 4XX", a_broken_answer_is_refused_and_can_be_mended),
    ("4.3.4 errors: another content type is 4XX", another_type_is_refused),
    ("4.3.4 errors: parameters of the type do no harm", a_type_may_have_parameters),
    ("4.3.4 errors: malformed SDP is 4XX", broken_sdp_is_refused),
    ("4.3.4 errors: too large a body is 413", too_long_a_body_is_refused),
    ("4.3.5 directions: answers use sendonly", answers_send_only),
    ("4.3.5 directions: players must not sendonly or inactive", who_does_not_receive_is_refused),
    ("4.3 set up: a section may be refused by port 0", what_cannot_be_had_is_refused_by_its_port),
    ("4.4 termination: DELETE frees it, DTLS ends, tags ignored", delete_ends_the_session),
    ("4.4 termination: OPTIONS is 200 with Accept-Post", options_tell_what_is_taken),
    ("4.4 termination: CORS", browsers_of_other_pages_may_ask),
    ("4.5.1 PATCH: another content type is 4XX", another_type_of_patch_is_refused),
    ("4.5.1 PATCH: malformed fragment is 4XX", a_broken_fragment_is_refused),
    ("4.5.1 PATCH: strong entity-tag in the 201", tags_are_strong_and_each_sessions_own),
    ("4.5.1 PATCH: no tag is 428", a_patch_without_a_tag_is_refused),
    ("4.5.1 PATCH: another tag is 412", a_patch_with_another_tag_is_refused),
    ("4.5.1 PATCH: what is not supported is 422", an_ice_restart_is_refused_and_harms_nothing),
    ("4.5.2 trickle: the answer has all candidates", the_answer_has_all_candidates),
    ("4.5.2 trickle: 204, no ETag, unusable ones discarded", candidates_may_come_later),
    ("4.6.1 bundle: BUNDLE, rtcp-mux and rtcp-mux-only", sections_are_bundled_and_multiplexed),
    ("4.6.2 single stream: one msid", there_is_one_stream),
    ("4.6.2 single stream: one track of a kind", two_pictures_are_refused),
    ("7 security: addresses cannot be guessed", addresses_cannot_be_guessed),
]


@pytest.mark.parametrize(("section", "check"), ROWS, ids=[section for section, _ in ROWS])
async def test_whep(section: str, check: Callable[[Player], Awaitable[None]], http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        await check(Player(http, viewer))
