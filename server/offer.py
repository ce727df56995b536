"""What stands in a viewer's offer, and in our answer to it."""

from __future__ import annotations

import ipaddress
import re

from aiortc import RTCPeerConnection, RTCRtpCodecCapability, RTCRtpSender, RTCSessionDescription
from fastapi import HTTPException

from server.errors import SdpError
from server.frame import Codec
from server.read_sdp import read_description
from server.sdp import MEDIA, Description

USUAL_CODECS = ("video/rtx", "audio/opus")
RECEIVING = ("recvonly", "sendrecv")
SENDING = ("sendonly", "sendrecv")


def asking_for_short_packets(answer: str) -> str:
    """The answer, asking for sound in packets of 10 ms (RFC 8866, 6.4) where it takes any: 20 are usual."""
    sections = answer.removesuffix("\r\n").split("\r\nm=")
    for place, section in enumerate(sections):
        if section.startswith("audio") and ("a=recvonly" in section or "a=sendrecv" in section):
            sections[place] = f"{section}\r\na=ptime:10"
    return "\r\nm=".join(sections) + "\r\n"


def as_two_streams(answer: str) -> str:
    """The answer with the sound as a stream of its own (RFC 8830): a browser does not keep the picture in step with it.

    In step, Chromium holds each picture back until its sound has come through the sound's own buffer, some 100 ms
    longer than it needs to. That is long for a picture that answers to what is heard. The sound is late by so much
    then, which few notice (ITU-R BT.1359: 125 ms).
    """
    sections = answer.split("\r\nm=")
    for place, section in enumerate(sections):
        if section.startswith("audio"):
            sections[place] = re.sub(r"^a=msid:\S+", "a=msid:sound", section, flags=re.MULTILINE)
    return "\r\nm=".join(sections)


async def set_answer(peer: RTCPeerConnection) -> None:
    """Make our answer, in which the other end begins the DTLS handshake wherever it may choose (`a=setup:passive`).

    aiortc would begin it, and knows only ciphers for ECDSA certificates; GStreamer's are RSA, and as a server it then
    finds none to share. As a client it takes ours.
    """
    answer = await peer.createAnswer()
    may_choose = "a=setup:actpass" in peer.remoteDescription.sdp
    sdp = answer.sdp.replace("a=setup:active\r\n", "a=setup:passive\r\n") if may_choose else answer.sdp
    await peer.setLocalDescription(RTCSessionDescription(sdp, "answer"))


def as_whip_says(sdp: str) -> str:
    """An offer or an answer with what WHEP and WHIP ask of every section, and aiortc leaves out: `rtcp-mux-only`.

    See RFC 8858, 3.
    """
    return sdp.replace("a=rtcp-mux\r\n", "a=rtcp-mux\r\na=rtcp-mux-only\r\n")


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


def parsed(text: str, kind: str = "offer") -> Description:
    """An offer that can be worked with.

    Raises:
        HTTPException: 400, with what is wrong.
    """
    try:
        description = read_description(text, kind)
    except SdpError as error:
        raise HTTPException(400, str(error)) from error
    kinds = [section.kind for section in description.sections if not section.is_refused]
    if not any(kind in MEDIA for kind in kinds):
        raise HTTPException(400, f"the {kind} has no section of a picture or of sound that it does not refuse itself")
    if any(kinds.count(each) > 1 for each in MEDIA):
        raise HTTPException(400, f"the {kind} has two sections of one kind; there is one picture and one sound")
    return description


def check_directions(description: Description, wanted: tuple[str, ...], who: str) -> None:
    """See that every section of media goes the right way.

    Args:
        wanted: the directions that are right, the usual one first.
        who: they are of, like "player".

    Raises:
        HTTPException: 400.
    """
    for section in description.sections:
        if section.kind in MEDIA and not section.is_refused and section.direction not in wanted:
            raise HTTPException(400, f"the offer's {section.kind} is {section.direction}; a {who}'s is {wanted[0]}")


def prefer_codecs(peer: RTCPeerConnection, codec: Codec = Codec.H264) -> None:
    """Before the offer is set, or the viewer's first choice is taken, for which our packets are noise (trap 5)."""
    taken = (codec.mime_type, *USUAL_CODECS)
    for transceiver in peer.getTransceivers():
        codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
        chosen: list[RTCRtpCodecCapability] = [each for each in codecs if each.mimeType in taken]
        transceiver.setCodecPreferences(chosen)
