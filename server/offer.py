"""What stands in a viewer's offer, and in our answer to it."""

from __future__ import annotations

import ipaddress
import re

from aiortc import RTCPeerConnection, RTCRtpCodecCapability, RTCRtpSender, RTCSessionDescription
from aiortc.sdp import SessionDescription
from fastapi import HTTPException

from server.frame import Codec

USUAL_CODECS = ("video/rtx", "audio/opus")
RECEIVING = ("recvonly", "sendrecv")


def without_hidden_candidates(offer: str) -> str:
    """The offer without candidates that hide behind a multicast name.

    Looking one up takes a second where nobody answers, and gains nothing: a viewer that reaches our candidates is
    found by that (RFC 8445, 7.3.1.3), one that does not cannot be reached by its own either.
    """
    lines = offer.splitlines(keepends=True)
    return "".join(line for line in lines if not (line.startswith("a=candidate:") and ".local " in line))


def asking_for_short_packets(answer: str) -> str:
    """The answer, asking for sound in packets of 10 ms (RFC 8866, 6.4) where it takes any: 20 are usual."""
    sections = answer.split("m=")
    for place, section in enumerate(sections):
        if section.startswith("audio") and ("a=recvonly" in section or "a=sendrecv" in section):
            sections[place] = f"{section}a=ptime:10\r\n"
    return "m=".join(sections)


def as_two_streams(answer: str) -> str:
    """The answer with the sound as a stream of its own (RFC 8830): a browser does not keep the picture in step with it.

    In step, Chromium holds each picture back until its sound has come through the sound's own buffer, some 100 ms
    longer than it needs to. That is long for a picture that answers to what is heard. The sound is late by so much
    then, which few notice (ITU-R BT.1359: 125 ms).
    """
    sections = answer.split("m=")
    for place, section in enumerate(sections):
        if section.startswith("audio"):
            sections[place] = re.sub(r"^a=msid:\S+", "a=msid:sound", section, flags=re.MULTILINE)
    return "m=".join(sections)


async def set_answer(peer: RTCPeerConnection) -> None:
    """Make our answer, in which the other end begins the DTLS handshake wherever it may choose (`a=setup:passive`).

    aiortc would begin it, and knows only ciphers for ECDSA certificates; GStreamer's are RSA, and as a server it then
    finds none to share. As a client it takes ours.
    """
    answer = await peer.createAnswer()
    may_choose = "a=setup:actpass" in peer.remoteDescription.sdp
    sdp = answer.sdp.replace("a=setup:active\r\n", "a=setup:passive\r\n") if may_choose else answer.sdp
    await peer.setLocalDescription(RTCSessionDescription(sdp, "answer"))


def as_whip_says(answer: str) -> str:
    """The answer with what WHEP and WHIP ask of every bundled section, and aiortc leaves out.

    Each section says `rtcp-mux-only` (RFC 8858, 3). A section that carries nothing either way is refused: its port is 0
    (RFC 3264, 6) and it leaves the bundle (RFC 9143, 7.3.3), unless the others' transport hangs on it.
    """
    head, *sections = answer.split("\r\nm=")
    bundled = next((line.split()[1:] for line in head.splitlines() if line.startswith("a=group:BUNDLE")), [])
    refused: list[str] = []
    for place, section in enumerate(sections):
        mid = _attribute(section, "mid")
        if "a=inactive" in section and bundled[:1] != [mid]:
            refused.append(mid)
            section = re.sub(r"^(\w+) \d+", r"\1 0", section)
            section = re.sub(r"^a=(candidate:|end-of-candidates)[^\r\n]*\r\n", "", section, flags=re.MULTILINE)
        sections[place] = section.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n", 1)
    kept = " ".join(mid for mid in bundled if mid not in refused)
    head = re.sub(r"^a=group:BUNDLE[^\r\n]*", f"a=group:BUNDLE {kept}", head, flags=re.MULTILINE)
    return "\r\nm=".join([head, *sections])


def advertising(answer: str, address: str) -> str:
    """The answer with another address than this machine's own, from which a NAT hands every port on (1:1).

    Loopback stays: who is on this machine needs no NAT. Several addresses of one port become one candidate.
    """
    return "\r\nm=".join(_advertised(section, address) for section in answer.split("\r\nm="))


def _advertised(section: str, address: str) -> str:
    kept: list[str] = []
    seen: set[tuple[str, ...]] = set()
    for line in section.split("\r\n"):
        words = line.split(" ")
        if line.startswith("a=candidate:"):
            own, theirs = ipaddress.ip_address(words[4]), ipaddress.ip_address(address)
            if words[7] == "host" and own.version == theirs.version and not own.is_loopback:
                words[4] = address
            if tuple(words[4:6]) in seen:
                continue
            seen.add(tuple(words[4:6]))
        kept.append(" ".join(words))
    return "\r\n".join(kept)


def _attribute(section: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", section, flags=re.MULTILINE)
    return found[1] if found else ""


def parsed(text: str, kind: str = "offer") -> SessionDescription:
    """An offer or an answer that can be worked with.

    Raises:
        HTTPException: 400, with what is wrong.
    """
    try:
        description = SessionDescription.parse(text)
    except (ValueError, IndexError, KeyError, AssertionError, AttributeError, TypeError, StopIteration) as error:
        raise HTTPException(400, f"the {kind} is no SDP: {error or type(error).__name__}") from error
    if not description.media:
        raise HTTPException(400, f"the {kind} is no SDP with media in it")
    if any(media.dtls is None for media in description.media):
        raise HTTPException(400, f"the {kind} has a media section without a=setup, it is cut short")
    kinds = [media.kind for media in description.media]
    if any(kinds.count(kind) > 1 for kind in ("video", "audio")):
        raise HTTPException(400, f"the {kind} has two sections of one kind; there is one picture and one sound")
    return description


def check_receives(description: SessionDescription) -> None:
    """A player receives: `sendonly` and `inactive` are not for it (WHEP, media direction attributes).

    Raises:
        HTTPException: 400.
    """
    for media in description.media:
        if media.kind in ("video", "audio") and (media.direction or "sendrecv") not in RECEIVING:
            raise HTTPException(400, f"the offer's {media.kind} is {media.direction}; a player's is recvonly")


def prefer_codecs(peer: RTCPeerConnection, codec: Codec = Codec.H264) -> None:
    """Before the offer is set, or the viewer's first choice is taken, for which our packets are noise (trap 5)."""
    taken = (codec.mime_type, *USUAL_CODECS)
    for transceiver in peer.getTransceivers():
        codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
        chosen: list[RTCRtpCodecCapability] = [each for each in codecs if each.mimeType in taken]
        transceiver.setCodecPreferences(chosen)
