"""Offers and answers that RFC 8866 and its relatives allow, and aiortc by itself does not take: they are played."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from aiortc.sdp import SessionDescription

from server.errors import SdpError
from server.read_sdp import NothingTakenError, read_answer, read_description
from server.whip import WhipSource
from tests.offers import CHROMIUM, FIREFOX, PLAYERS, PUBLISHERS
from tests.serving import serve_here
from tests.sounds import Ear
from tests.stream_media import write_texture
from tests.whep_peer import SDP, Peer, peer

Change = Callable[[str], str]


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "asked.texture")


@pytest.fixture
async def http(texture: Path) -> AsyncIterator[httpx.AsyncClient]:
    with WhipSource() as source:
        source.start(Ear())
        async with (
            serve_here(texture, hears=source) as server,
            httpx.AsyncClient(base_url=server.address, timeout=20) as client,
        ):
            yield client


def without(sdp: str, *names: str) -> str:
    """Without the attributes of these names."""
    return re.sub(rf"a=(?:{'|'.join(names)})(?::[^\r\n]*)?\r\n", "", sdp)


def for_the_session(sdp: str, *names: str) -> str:
    """With the first section's attributes of these names said once, for the whole session."""
    head, sections = sdp.split("m=", 1)
    first = re.split(r"(?=m=)", sections)[0]
    moved = re.findall(rf"a=(?:{'|'.join(names)})(?::[^\r\n]*)?\r\n", first)
    return head + "".join(moved) + without("m=" + sections, *names)


PLAYED: dict[str, Change] = {
    "blanks behind the semicolons": lambda sdp: sdp.replace(";", " ; "),
    "no direction": lambda sdp: without(sdp, "recvonly"),
    "one direction for the session": lambda sdp: for_the_session(sdp, "recvonly"),
    "one transport for the session": lambda sdp: for_the_session(sdp, "setup", "fingerprint", "ice-ufrag", "ice-pwd"),
    "the transport in the bundle's first section alone": lambda sdp: (
        "m=".join(sdp.split("m=")[:2])
        + "m="
        + without(sdp.split("m=")[2], "setup", "fingerprint", "ice-ufrag", "ice-pwd", "candidate", "end-of-candidates")
    ),
    "lines end in LF, with blank ones and a BOM": lambda sdp: "\ufeff" + sdp.replace("\r\n", "\n") + "\n\n",
    "names and values in other cases": lambda sdp: (
        sdp.replace("H264/", "h264/").replace("opus/", "OPUS/").replace("42e01f", "42E01F").replace("sha-", "SHA-")
        .replace("a=setup:actpass", "a=Setup:ACTPASS").replace(" udp ", " UDP ")
    ),
    "no names of sections, and no bundle": lambda sdp: without(sdp, "mid", "group", "extmap"),
    "names, and no bundle": lambda sdp: without(sdp, "group"),
    "a data channel first, that carries the bundle": lambda sdp: re.sub(
        r"(a=group:BUNDLE)([^\r\n]*\r\n)(.*?)(?=m=)", r"\1 data\2\3m=application 9 UDP/DTLS/SCTP webrtc-datachannel"
        r"\r\na=mid:data\r\n" + "".join(re.findall(r"a=(?:setup|fingerprint|ice-ufrag|ice-pwd):[^\r\n]*\r\n",
        sdp.split("m=")[1])) + "a=sctp-port:5000\r\n", sdp, count=1, flags=re.DOTALL,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", PLAYED.values(), ids=PLAYED.keys())
async def test_it_is_played(change: Change, http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        offer = await viewer.offer()
        changed = change(offer)
        assert changed != offer
        response = await http.post("/whep", content=changed.encode(), headers=SDP)
        assert response.status_code == 201, response.text
        await viewer.accept(as_answered_to(offer, response.text))
        await viewer.frames("video", 2)
        await viewer.frames("audio", 2)


def as_answered_to(offer: str, answer: str) -> str:
    """The answer for aiortc as the player, which made the offer without the change: with its names and sections."""
    head, *sections = answer.split("\r\nm=")
    sections = [each for each in sections if not each.startswith("application")]
    names = re.findall(r"a=mid:(\S+)", offer)
    named = [
        each if "a=mid:" in each else each.rstrip("\r\n") + f"\r\na=mid:{name}"
        for each, name in zip(sections, names, strict=True)
    ]
    head = head.replace("BUNDLE data ", "BUNDLE ")
    return "\r\nm=".join([head, *(each.rstrip("\r\n") for each in named)]) + "\r\n"


TAKEN: dict[str, Change] = {
    "blanks behind the semicolons of H.264": lambda sdp: sdp.replace(";", " ; "),
    "an extension with attributes": lambda sdp: sdp.replace("abs-send-time", "abs-send-time a=b"),
    "a semicolon at the end": lambda sdp: sdp.replace("profile-level-id=42e01f", "profile-level-id=42e01f;"),
    "a level above 5.2": lambda sdp: sdp.replace("42e01f", "42e03e"),
    "no profile": lambda sdp: sdp.replace(";profile-level-id=42e01f", ""),
    "a payload type twice": lambda sdp: sdp.replace("SAVPF 96", "SAVPF 96 96"),
    "fmtp before its rtpmap": lambda sdp: sdp.replace(
        "a=rtpmap:102 H264/90000\r\n", ""
    ).replace("m=audio", "a=rtpmap:102 H264/90000\r\nm=audio"),
    "static payload types without rtpmap": lambda sdp: sdp.replace("a=rtpmap:0 PCMU/8000\r\n", ""),
    "the older profile": lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"),
    "over TCP": lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "TCP/TLS/RTP/SAVPF"),
    "several hashes": lambda sdp: sdp.replace("a=setup", f"a=fingerprint:sha-1 {':'.join(20 * ['0a'])}\r\na=setup"),
    "rtcp-mux-only": lambda sdp: sdp.replace("a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n"),
    "titles, rates and keys": lambda sdp: sdp.replace("c=IN", "i=caf\u00e9\r\nb=AS:900\r\nk=prompt\r\nc=IN"),
    "an odd msid": lambda sdp: sdp.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=msid:a \r\na=ssrc:x\r\na=rtcp:x\r\n"),
    "a candidate behind a name alone, and the end": lambda sdp: sdp.replace(
        "a=rtcp-mux\r\n", "a=candidate:1 1 udp 1 a-b.local 9 typ host\r\na=end-of-candidates\r\na=rtcp-mux\r\n"
    ),
    "a second picture that is refused": lambda sdp: sdp + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n",
}  # fmt: skip


@pytest.mark.parametrize("change", TAKEN.values(), ids=TAKEN.keys())
async def test_it_is_answered_with_picture_and_sound(change: Change, http: httpx.AsyncClient) -> None:
    changed = change(CHROMIUM)
    assert changed != CHROMIUM
    response = await http.post("/whep", content=changed.encode(), headers=SDP)
    assert response.status_code == 201, response.text
    told = SessionDescription.parse(response.text)
    assert [each.kind for each in told.media] == [line.split()[0] for line in changed.split("\nm=")[1:]]
    assert told.media[0].rtp.codecs[0].name == "H264"
    assert told.media[1].rtp.codecs[0].name == "opus"
    assert told.media[0].profile == changed.split("m=video 9 ")[1].split(" ")[0]
    assert all(each.direction == "sendonly" for each in told.media[:2])
    assert "a=candidate:" in response.text


@pytest.mark.parametrize("offer", PLAYERS.values(), ids=PLAYERS.keys())
async def test_offers_as_players_write_them(offer: str, http: httpx.AsyncClient) -> None:
    response = await http.post("/whep", content=offer, headers=SDP)
    assert response.status_code == 201, response.text


async def test_a_data_channel_is_refused_by_its_port(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/whep", content=FIREFOX, headers=SDP)).text
    assert "\r\nm=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in answer
    assert "a=group:BUNDLE 0 1\r\n" in answer


@pytest.mark.parametrize("offer", PUBLISHERS.values(), ids=PUBLISHERS.keys())
async def test_publishers_pictures_are_taken_whatever_their_codec(offer: str, http: httpx.AsyncClient) -> None:
    response = await http.post("/whip", content=offer, headers=SDP)
    assert response.status_code == 201, response.text
    told = SessionDescription.parse(response.text)
    assert [(each.kind, each.direction, each.port != 0) for each in told.media] == [
        ("audio", "recvonly", True),
        ("video", "recvonly", True),
    ]
    assert told.group[0].items == ["0", "1"]
    assert re.findall(r"a=rtpmap:\S+ (\S+)", response.text)[1:] == re.findall(r"a=rtpmap:\S+ (\S+)", offer)[1:]


async def test_who_knows_other_packets_only_gets_a_counter_offer(http: httpx.AsyncClient) -> None:
    """RFC 6184: without packetization-mode=1 a picture may not be cut into packets, and ours does not fit into one."""
    offer = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):(96|97) [^\r\n]*\r\n", "", CHROMIUM)
    response = await http.post("/whep", content=offer.replace("packetization-mode=1;", ""), headers=SDP)
    assert response.status_code == 406


async def our_offer(*kinds: str) -> str:
    viewer = Peer(*kinds)
    try:
        return (await viewer.offer()).replace("recvonly", "sendonly")
    finally:
        await viewer.connection.close()


async def test_an_answer_need_not_repeat_what_was_offered() -> None:
    offered = read_description(await our_offer("audio", "video"), "offer")
    number = next(each.payload_type for each in offered.sections[1].payloads if each.name == "h264")
    answer = re.sub(r"a=(mid|fmtp|rtpmap|recvonly|group)[^\r\n]*\r\n", "", CHROMIUM).replace("actpass", "passive")
    video, audio = (f"m={each}" for each in answer.split("m=")[1:])
    video = re.sub(r"^[^\r]*", f"m=video 9 RTP/SAVPF {number}", video)
    refused = "m=audio 0 RTP/SAVPF 0\r\n"
    read = read_answer(f"v=0\r\n{refused}{video}", offered)
    assert [each.direction for each in read.sections] == ["inactive", "recvonly"]
    assert [each.payload_type for each in read.sections[1].payloads] == [number]
    assert SessionDescription.parse(read.sdp()).media[1].rtp.codecs[0].parameters["packetization-mode"] == "1"
    with pytest.raises(NothingTakenError):
        read_answer(f"v=0\r\n{refused}m=video 0 RTP/SAVPF 96\r\n", offered)
    with pytest.raises(SdpError, match="1 media sections, expected 2"):
        read_answer(f"v=0\r\n{video}", offered)
    with pytest.raises(SdpError, match="active or passive"):
        read_answer(f"v=0\r\n{audio}{video}".replace("passive", "actpass"), offered)
