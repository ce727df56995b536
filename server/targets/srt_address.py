"""SRT addresses, as servers and other programs print them: what of them is set, what may be left out, what must not.

Everything behind the first question mark is parameters, up to the end: a stream id may hold `#`, `=`, `,`, `:` and `?`
(SRT access control: `#!::r=live/one,m=publish`). A plus is a plus; what is percent-encoded is decoded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from stream.network_address import NetworkAddress, network_address

log = logging.getLogger(__name__)

SRT_PARAMETERS = ("streamid", "passphrase", "pbkeylen", "latency")
OTHER_NAMES = {"srt_streamid": "streamid", "peerlatency": "latency"}  # who sends, sets the other's
PASSPHRASE_BYTES = range(10, 80)  # what SRTO_PASSPHRASE takes
STREAM_ID_BYTES = 512  # what SRTO_STREAMID takes
KEY_LENGTHS = ("16", "24", "32")
LONGEST_LATENCY_MS = 10_000  # beyond, a number is meant in microseconds, in which FFmpeg and OBS count
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
# What would make another connection than this side makes, but for these values.
NOT_TO_CHANGE = {
    "mode": ("caller", "client", "default"), "transtype": ("live",), "smoother": ("live",), "congestion": ("live",),
    "messageapi": ON, "tsbpd": ON, "tsbpdmode": ON, "packetfilter": (), "groupconnect": OFF, "rendezvous": OFF,
    "cryptomode": ("0", "1"),
}  # fmt: skip
# What each side sets for itself, and this side otherwise: a connection is the same without.
OWN_BUSINESS = frozenset((
    "blocking", "connect_timeout", "conntimeo", "drifttracer", "enforced_encryption", "enforcedencryption", "fc", "ffs",
    "inputbw", "iptos", "ipttl", "ipv6only", "kmpreannounce", "kmrefreshrate", "linger", "listen_timeout", "lossmaxttl",
    "maxbw", "mininputbw", "minversion", "mss", "nakreport", "oheadbw", "payload_size", "payloadsize", "peeridletimeo",
    "pkt_size", "rcvbuf", "rcvlatency", "recv_buffer_size", "retransmitalgo", "rw_timeout", "send_buffer_size",
    "sndbuf", "snddropdelay", "timeout", "tlpktdrop",
))  # fmt: skip
AS_IT_IS = {("pkt_size", "1316"), ("payload_size", "1316"), ("payloadsize", "1316")}  # nothing to be said of
NO_SECRETS = OWN_BUSINESS | NOT_TO_CHANGE.keys() | {"pbkeylen", "latency", "peerlatency"}


def srt_parameters(address: str) -> dict[str, str]:
    """What an SRT address sets: those of `SRT_PARAMETERS` that it has, decoded, and the latency in ms.

    Bytes that are no UTF-8 are kept, by `surrogateescape`.
    """
    given = dict(_given(network_address(address)))
    if "latency" in given:
        given["latency"] = str(_in_ms(given["latency"]))
    return {name: given[name] for name in SRT_PARAMETERS if name in given}


def check_srt(address: NetworkAddress) -> None:
    """Check an SRT address, and log what of it is left out.

    Raises:
        ValueError: it does not fit; the message shows no secret.
    """
    if not address.port:
        raise ValueError("an SRT address says a port: srt://HOST:PORT")
    if address.user:
        raise ValueError("SRT has no user before an @; servers take it in the stream id, say how yours does")
    if address.rest.partition("?")[0] not in ("", "/"):
        raise ValueError("an SRT address has no path; what it names stands in ?streamid=")
    given = list(_given(address))
    names = [name for name, _ in given]
    for name, value in given:
        if names.count(name) > 1:
            raise ValueError(f"{name} is said twice; write & as %26 inside of a value")
        _check(name, value)
        if name == "latency" and _in_ms(value) != int(value):
            log.warning("%s: latency=%s is taken for microseconds, %d ms", address.shown, value, _in_ms(value))
    left_out = [name for name, value in given if name in OWN_BUSINESS and (name, value) not in AS_IT_IS]
    if left_out:
        log.warning("%s: %s: not used, this side has its own", address.shown, ", ".join(left_out))


def _given(address: NetworkAddress) -> Iterator[tuple[str, str]]:
    """Names in small letters and decoded values, but for empty ones."""
    for part in _parts(address.rest.partition("?")[2]):
        name, _, value = part.partition("=")
        name = OTHER_NAMES.get(name.lower(), name.lower())
        value = unquote_to_bytes(value).decode("utf-8", "surrogateescape")
        if value or name not in {*SRT_PARAMETERS, *NOT_TO_CHANGE}:
            yield name, value


def _parts(query: str) -> list[str]:
    """What is parted by &; but a stream id that has a question mark has parameters of its own."""
    parts: list[str] = []
    known = {*SRT_PARAMETERS, *OTHER_NAMES, *NOT_TO_CHANGE, *OWN_BUSINESS}
    asks = re.compile(r"(srt_)?streamid=.*(\?|%3f)", re.IGNORECASE | re.DOTALL)
    for part in filter(None, query.split("&")):
        if parts and asks.match(parts[-1]) and part.partition("=")[0].lower() not in known:
            parts[-1] += f"&{part}"
        else:
            parts.append(part)
    return parts


def _in_ms(latency: str) -> int:
    """Milliseconds, as SRT itself counts; or microseconds, where it cannot be meant otherwise."""
    if not re.fullmatch(r"[0-9]{1,8}", latency) or int(latency) > 1000 * LONGEST_LATENCY_MS:
        raise ValueError(f"latency is a whole number of milliseconds, at most {LONGEST_LATENCY_MS}")
    return int(latency) if int(latency) <= LONGEST_LATENCY_MS else int(latency) // 1000


def _check(name: str, value: str) -> None:
    length = len(value.encode("utf-8", "surrogateescape"))
    if name == "passphrase" and length not in PASSPHRASE_BYTES:
        raise ValueError("an SRT passphrase has 10 to 79 characters")
    if name == "streamid" and length > STREAM_ID_BYTES:
        raise ValueError(f"an SRT stream id has at most {STREAM_ID_BYTES} bytes, this one {length}")
    if name == "pbkeylen" and value not in KEY_LENGTHS:
        raise ValueError(f"pbkeylen is {', '.join(KEY_LENGTHS)}, bytes")
    if name in NOT_TO_CHANGE and value.lower() not in NOT_TO_CHANGE[name]:
        raise ValueError(_unchangeable(name))
    if name not in {*SRT_PARAMETERS, *NOT_TO_CHANGE, *OWN_BUSINESS}:
        # What is no plain word may be the rest of a secret that has a & in it.
        told = name if re.fullmatch(r"[a-z_]{1,24}", name) and value else "something else"
        raise ValueError(
            f"SRT knows the parameters {', '.join(SRT_PARAMETERS)}, not {told}; write & as %26 inside of a value"
        )


def _unchangeable(name: str) -> str:
    if name in ("mode", "rendezvous"):
        return "this side calls; let the other be the listener (mode=caller)"
    expected = " or ".join(NOT_TO_CHANGE[name]) or "none"
    return f"{name} cannot be changed here, expected {expected}: this side sends live MPEG-TS, plainly"
