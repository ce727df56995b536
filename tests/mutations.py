"""Text spoilt at random, line by line, as wires, editors and other people's programs spoil it."""

from __future__ import annotations

import numpy as np

ODD = (
    "",
    " ",
    "0",
    "-1",
    "65536",
    "99999999999999999999",
    "\u0663",
    "\u2028",
    "x" * 300,
    "a=b",
    ":",
    ";",
    "None",
    "\0",
    "m=",
)
LINES = (
    "", " ", "a=", "a", "=", "m=", "m=video", "m=audio 9 UDP/TLS/RTP/SAVPF 0", "m=video 0 UDP/TLS/RTP/SAVPF 96",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=text 9 RTP/AVP 98", "m=video 9 RTP/SAVPF 300",
    "a=group:BUNDLE", "a=group:BUNDLE 0 7", "a=group:BUNDLE 1", "a=mid:0", "a=mid:1", "a=mid:", "a=mid",
    "a=setup:holdconn", "a=setup:active", "a=setup", "a=fingerprint:sha-1 00", "a=fingerprint:sha-256", "a=fingerprint",
    "a=ice-ufrag:",
    "a=ice-pwd", "a=candidate:1 1 udp 1 1.2.3.4 5 typ host", "a=candidate:1 1 udp 1 ::1 99999 typ host",
    "a=candidate:", "a=candidate", "a=rtpmap:96", "a=rtpmap:96 VP8", "a=rtpmap:300 VP8/90000", "a=rtpmap", "a=fmtp:96",
    "a=fmtp:96 ;;", "a=fmtp:200 apt=1", "a=fmtp", "a=rtcp-fb:96", "a=rtcp-fb:* nack", "a=rtcp-fb", "a=extmap:0 u",
    "a=extmap:1", "a=extmap", "a=ssrc:x", "a=ssrc-group:FID x", "a=msid: ", "a=sctp-port:x", "a=max-message-size:x",
    "a=rtcp:x", "c=IN IP7 x", "v=x", "k=clear:1", "b=AS:x", "i=\u00fc", "a=ice-lite", "a=inactive", "a=sendonly",
    "a=bundle-only", "a=end-of-candidates", "a=crypto:1 x", "a=rid:1 send", "a=simulcast:send 1",
)  # fmt: skip


def mutate(text: str, rng: np.random.Generator) -> bytes:
    """One to three faults in a text; the same for the same state of `rng`."""
    lines = text.split("\r\n")
    for _ in range(rng.integers(1, 4)):
        if lines:
            _spoil(lines, rng)
    end = str(rng.choice(["\r\n", "\r\n", "\n", "\r", "\r\r\n"]))
    body = ("\ufeff" if rng.random() < 0.05 else "") + end.join(lines)
    if rng.random() < 0.05:
        body = body[: int(rng.integers(0, len(body) + 1))]
    return body.encode() + (b"\xff" if rng.random() < 0.02 else b"")


def _spoil(lines: list[str], rng: np.random.Generator) -> None:
    place, other = (int(each) for each in rng.integers(0, len(lines), 2))
    words = lines[place].split(" ")
    word = int(rng.integers(0, len(words)))
    match int(rng.integers(0, 9)):
        case 0:
            del lines[place]
        case 1:
            lines.insert(other, lines[place])
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
        case 3:
            lines[place] = lines[place][: int(rng.integers(0, len(lines[place]) + 1))]
        case 4:
            lines.insert(place, str(rng.choice(LINES)))
        case 5:
            words[word] = str(rng.choice(ODD))
            lines[place] = " ".join(words)
        case 6:
            del lines[min(place, other) : max(place, other)]
        case 7:
            name, colon, _ = lines[place].partition(":")
            lines[place] = name + colon + str(rng.choice(ODD))
        case _:
            lines[place] = lines[place].swapcase()
