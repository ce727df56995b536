"""The payload formats of a media section: `a=rtpmap`, `a=fmtp` and `a=rtcp-fb` (RFC 8866, 6; RFC 4585, 4.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from aiortc import RTCRtpSender
from aiortc.rtp import DYNAMIC_PAYLOAD_TYPES, FORBIDDEN_PAYLOAD_TYPES
from aiortc.sdp import H264Profile, parse_h264_profile_level_id

from server.sdp_lines import Block, Line

HIGHEST_PAYLOAD_TYPE = 127
STATIC = {"audio": {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000"}}  # need no rtpmap (RFC 3551, 6)
# What is absent is constrained baseline, as WebRTC has it; RFC 6184 says baseline, which decodes the same of ours.
PROFILE = "42e01f"
_RTPMAP = re.compile(r"([0-9]{1,3}) +([!-.0-~]+) */ *([0-9]{1,7})( */ *[0-9]{1,3})?")
_FMTP = re.compile(r"([0-9]{1,3})(?: +(.*))?")
_FEEDBACK = re.compile(r"([0-9]{1,3}|\*) +([a-z0-9-]+(?: +[a-z0-9-]+)*)", re.IGNORECASE)
_PROFILE = re.compile(r"[0-9a-f]{6}", re.IGNORECASE)


@dataclass(frozen=True)
class PayloadFormat:
    """One that is known here.

    Attributes:
        encoding: as aiortc writes it, like "H264/90000" or "opus/48000/2".
        parameters: those of `a=fmtp` that decide whether it fits, in one form.
        feedback: like "nack pli".
    """

    payload_type: int
    encoding: str
    parameters: str = ""
    feedback: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The codec's, in small letters."""
        return self.encoding.split("/")[0].lower()

    def lines(self) -> list[str]:
        """As SDP."""
        number = self.payload_type
        lines = [f"a=rtpmap:{number} {self.encoding}"]
        if self.parameters:
            lines.append(f"a=fmtp:{number} {self.parameters}")
        return lines + [f"a=rtcp-fb:{number} {each}" for each in self.feedback]


def read_formats(
    kind: str, block: Block, payload_types: tuple[int, ...], offered: Mapping[int, PayloadFormat] | None = None
) -> tuple[PayloadFormat, ...]:
    """Those formats of a section that are known here, in the section's own order.

    Codecs' names have no case, and blanks may stand around every parameter. H.264 of any level is taken as level 3.1,
    for levels are asymmetric here and aiortc knows none above 5.2. Payload types below 96 are left out of what has no
    static one: aiortc answers them with numbers of its own.

    Args:
        payload_types: of the `m=` line.
        offered: what we offered, where this is the answer to it. A payload type of ours means what we said it means,
            whatever of that the answer repeats.

    Raises:
        SdpError: one of the lines is malformed.
    """
    maps = _maps(kind, block)
    parameters = dict(_parameters(block))
    feedback = list(_feedback(block))
    formats = []
    for number in dict.fromkeys(payload_types):
        ours = (offered or {}).get(number)
        encoding = maps.get(number) or (ours.encoding if ours else None)
        if encoding is None:
            continue
        if ours is not None and ours.encoding == encoding:
            told = ours.parameters
        else:
            told = _deciding(encoding.split("/")[0].lower(), parameters.get(number, {}))
        if not _is_taken(encoding, told):
            continue
        wishes = tuple(wish for whose, wish in feedback if whose in ("*", str(number)))
        formats.append(PayloadFormat(number, encoding, told, wishes))
    return tuple(formats)


def _is_taken(encoding: str, parameters: str) -> bool:
    """Whether aiortc has this format in this form; of H.264 there are several that do not mix (RFC 6184, 8.2.2)."""
    if not encoding.lower().startswith("h264/"):
        return True
    return _form(dict(each.split("=") for each in parameters.split(";"))) in _taken_forms()


@cache
def _taken_forms() -> frozenset[tuple[int, H264Profile | None]]:
    codecs = RTCRtpSender.getCapabilities("video").codecs
    return frozenset(_form(codec.parameters) for codec in codecs if codec.name == "H264")


def _form(parameters: Mapping[str, object]) -> tuple[int, H264Profile | None]:
    try:
        profile = parse_h264_profile_level_id(str(parameters["profile-level-id"]))[0]
    except (KeyError, ValueError):
        profile = None
    return int(str(parameters["packetization-mode"])), profile


@cache
def _known(kind: str) -> dict[tuple[str, int], str]:
    """How aiortc writes its codecs, by their name in small letters and their clock rate."""
    codecs = RTCRtpSender.getCapabilities(kind).codecs
    written = {}
    for codec in codecs:
        channels = "/2" if kind == "audio" and codec.channels == 2 else ""
        written[codec.name.lower(), codec.clockRate] = f"{codec.name}/{codec.clockRate}{channels}"
    return written


def _maps(kind: str, block: Block) -> dict[int, str]:
    known = _known(kind)
    static = STATIC.get(kind, {})
    maps = dict(static)
    for line, _, value in block.attributes("rtpmap"):
        match = _RTPMAP.fullmatch(value)
        if match is None:
            raise line.wrong("rtpmap", "a payload type, and a name with its clock rate, like '96 H264/90000'")
        number = payload_type(line, match[1])
        encoding = known.get((match[2].lower(), int(match[3])))
        if number in static or number not in DYNAMIC_PAYLOAD_TYPES:
            continue
        if encoding is not None:
            maps.setdefault(number, encoding)
    return maps


def payload_type(line: Line, text: str) -> int:
    """A payload type that RTP and RTCP can share a port with (RFC 5761, 4).

    Raises:
        SdpError: it is none.
    """
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > HIGHEST_PAYLOAD_TYPE:
        raise line.wrong("payload type", f"a number of {HIGHEST_PAYLOAD_TYPE} at most")
    if int(text) in FORBIDDEN_PAYLOAD_TYPES:
        raise line.wrong("payload type", "none from 72 to 76, which RTCP has on the same port")
    return int(text)


def _parameters(block: Block) -> list[tuple[int, dict[str, str]]]:
    found = []
    for line, _, value in block.attributes("fmtp"):
        match = _FMTP.fullmatch(value)
        if match is None:
            raise line.wrong("fmtp", "a payload type and its parameters, like '96 packetization-mode=1'")
        pairs = (each.partition("=") for each in (match[2] or "").split(";"))
        parameters = {name.strip().lower(): text.strip() for name, _, text in pairs if name.strip()}
        found.append((payload_type(line, match[1]), parameters))
    return found


def _deciding(name: str, parameters: Mapping[str, str]) -> str:
    """The parameters that decide whether a format fits; nothing where they can be no such."""
    if name == "rtx":
        base = parameters.get("apt", "")
        return f"apt={int(base)}" if re.fullmatch(r"[0-9]{1,3}", base) else ""
    if name != "h264":
        return ""
    profile = parameters.get("profile-level-id", PROFILE)
    mode = parameters.get("packetization-mode", "0")
    if not _PROFILE.fullmatch(profile) or not re.fullmatch(r"[0-9]", mode):
        return "packetization-mode=0"
    return f"packetization-mode={mode};profile-level-id={profile[:4].lower()}{PROFILE[4:]}"


def _feedback(block: Block) -> list[tuple[str, str]]:
    found = []
    for line, _, value in block.attributes("rtcp-fb"):
        match = _FEEDBACK.fullmatch(value)
        if match is None:
            raise line.wrong("rtcp-fb", "a payload type or '*', and what is wished for, like '96 nack pli'")
        found.append((match[1], " ".join(match[2].lower().split())))
    return found
