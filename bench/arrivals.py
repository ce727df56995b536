"""What a viewer's packets tell without being decrypted: RTP headers travel in the clear (RFC 3711, 3.1).

Pure: from arrival times and headers to losses, late pictures, gaps and bursts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

VIDEO_CLOCK_HZ = 90_000  # RFC 6184, 8.2.1
LATE_S = 0.02  # as `stream.pacing` counts the sender's own
EARLIEST_SHARE = 0.05  # of the pictures came sooner than what lateness is counted from: one early one sets no rule
BURST_S = 0.001
HEADER = struct.Struct("!BBHII")


class Packet(NamedTuple):
    """One RTP packet: when it arrived, and what its header says."""

    at_ns: int
    payload_type: int
    is_last: bool
    sequence: int
    timestamp: int
    size_bytes: int


@dataclass(frozen=True)
class Arrivals:
    """What reached one viewer, or several together.

    Attributes:
        packets: of pictures and sound.
        size_bytes: of them, with their RTP headers.
        lost: packets of pictures that never came, though later ones did.
        pictures: that came whole.
        late: of those, more than 20 ms later than the soonest twentieth did after their own time.
        longest_gap_ms: between two whole pictures; of several viewers, the worst one's.
        burst: the most packets of pictures that came within one millisecond; of several viewers, the worst one's.
        usual_burst: that of the average second of the average viewer.
    """

    packets: int = 0
    size_bytes: int = 0
    lost: int = 0
    pictures: int = 0
    late: int = 0
    longest_gap_ms: float = 0.0
    burst: int = 0
    usual_burst: float = 0.0


def read_packet(at_ns: int, datagram: bytes, size_bytes: int | None = None) -> Packet:
    """A datagram whose first byte is from 128 to 191 and whose second is no RTCP packet's.

    Args:
        datagram: at least its first twelve bytes.
        size_bytes: of the whole, where `datagram` is less.
    """
    _, second, sequence, timestamp, _ = HEADER.unpack_from(datagram)
    return Packet(at_ns, second & 0x7F, bool(second & 0x80), sequence, timestamp, size_bytes or len(datagram))


def is_rtp(datagram: bytes) -> bool:
    """Whether it is RTP: neither STUN or DTLS (RFC 7983) nor RTCP (RFC 5761, 4)."""
    return len(datagram) >= HEADER.size and 127 < datagram[0] < 192 and not 192 <= datagram[1] < 224


def arrivals_of(packets: Iterable[Packet], video_type: int) -> Arrivals:
    """What one viewer got.

    Args:
        packets: in the order in which they arrived.
        video_type: the payload type of pictures.
    """
    everything = list(packets)
    video = [packet for packet in everything if packet.payload_type == video_type]
    size_bytes = sum(packet.size_bytes for packet in everything)
    if len(video) < 2:
        return Arrivals(len(everything), size_bytes)
    sequence = _unwrapped([packet.sequence for packet in video], 16)
    at_s = np.array([packet.at_ns for packet in video]) / 1e9
    whole_s, media_s = _whole_pictures(video, sequence, at_s)
    behind_s = whole_s - media_s
    late = behind_s - np.quantile(behind_s, EARLIEST_SHARE) > LATE_S if len(behind_s) else behind_s
    bursts = _bursts(np.sort(at_s))
    return Arrivals(
        len(everything), size_bytes, int(np.ptp(sequence)) + 1 - len(np.unique(sequence)), len(whole_s),
        int(late.sum()), 1e3 * float(np.diff(whole_s).max(initial=0.0)), int(bursts.max()), float(bursts.mean()),
    )  # fmt: skip


def together(each: Iterable[Arrivals]) -> Arrivals:
    """What several viewers got."""
    several = list(each)
    if not several:
        return Arrivals()
    return Arrivals(
        packets=sum(one.packets for one in several),
        size_bytes=sum(one.size_bytes for one in several),
        lost=sum(one.lost for one in several),
        pictures=sum(one.pictures for one in several),
        late=sum(one.late for one in several),
        longest_gap_ms=max(one.longest_gap_ms for one in several),
        burst=max(one.burst for one in several),
        usual_burst=float(np.mean([one.usual_burst for one in several])),
    )


def _unwrapped(values: list[int], bits: int) -> npt.NDArray[np.int64]:
    return np.unwrap(np.array(values, np.int64), period=1 << bits).astype(np.int64)


def _whole_pictures(
    video: list[Packet], sequence: npt.NDArray[np.int64], at_s: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each whole picture was there, and its own time, both in seconds, in the order of the stream.

    A picture is whole if all is there from behind the last one's marker to its own (RFC 6184, 5.1).
    """
    timestamp = _unwrapped([packet.timestamp for packet in video], 32)
    order = np.argsort(sequence, kind="stable")
    order = order[np.diff(sequence[order], prepend=sequence[order[0]] - 1) > 0]  # each once, though it came twice
    ends = np.flatnonzero([video[index].is_last for index in order])
    whole_s, media_s = [], []
    for begin, end in zip(ends[:-1] + 1, ends[1:], strict=True):
        its = order[begin : end + 1]
        if sequence[order[end]] - sequence[order[begin - 1]] == len(its):
            whole_s.append(at_s[its].max())
            media_s.append(timestamp[its[0]] / VIDEO_CLOCK_HZ)
    return np.array(whole_s), np.array(media_s)


def _bursts(at_s: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The most packets within `BURST_S`, in each second."""
    together = np.searchsorted(at_s, at_s + BURST_S) - np.arange(len(at_s))
    second = (at_s - at_s[0]).astype(np.int64)
    most = np.zeros(second[-1] + 1, np.int64)
    np.maximum.at(most, second, together)
    return most
