"""What a strict receiver looks at in an MPEG transport stream; reads the bytes itself, without FFmpeg."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

PACKET_BYTES = 188
WRAP = 1 << 33
PAT, VIDEO_STREAMS, ACCESS_UNIT_DELIMITER = 0, range(0xE0, 0xF0), b"\0\0\0\1\x09"


@dataclass
class Analysis:
    """Of one stream.

    Attributes:
        counter_errors: packets with payload whose continuity counter does not follow (ISO/IEC 13818-1, 2.4.3.3).
        clocks_s: each program clock reference, in order, as it stands.
        leads_s: by stream id, decoding time less the latest clock reference, for each PES packet.
        tables_s: the clock at each program association table.
        units: pictures.
        marked: those with a random access indicator.
        delimited: those that begin with an access unit delimiter.
    """

    counter_errors: int = 0
    clocks_s: list[float] = field(default_factory=list)
    leads_s: dict[int, list[float]] = field(default_factory=dict)
    tables_s: list[float] = field(default_factory=list)
    units: int = 0
    marked: int = 0
    delimited: int = 0

    @property
    def longest_clock_gap_s(self) -> float:
        return max((later - earlier) % (WRAP / 90000) for earlier, later in pairwise(self.clocks_s))


def analyse(data: bytes) -> Analysis:
    """Read a stream from its first packet on."""
    found, counters = Analysis(), dict[int, int]()
    assert len(data) % PACKET_BYTES == 0
    for at in range(0, len(data), PACKET_BYTES):
        packet = data[at : at + PACKET_BYTES]
        assert packet[0] == 0x47
        pid, control, counter = (packet[1] & 0x1F) << 8 | packet[2], packet[3] >> 4 & 3, packet[3] & 15
        expected = (counters.get(pid, counter - 1) + (control & 1)) % 16
        found.counter_errors += counter != expected
        counters[pid] = counter
        adaptation = packet[5 : 5 + packet[4]] if control & 2 else b""
        if adaptation and adaptation[0] & 0x10:
            base = int.from_bytes(adaptation[1:6], "big") >> 7
            extension = (adaptation[5] & 1) << 8 | adaptation[6]
            found.clocks_s.append((base * 300 + extension) / 27e6)
        if not control & 1 or not packet[1] & 0x40:
            continue
        if pid == PAT and found.clocks_s:
            found.tables_s.append(found.clocks_s[-1])
        payload = packet[5 + len(adaptation) if control & 2 else 4 :]
        if payload[:3] == b"\0\0\1":
            _look_at_pes(found, payload, is_marked=bool(adaptation and adaptation[0] & 0x40))
    return found


def _look_at_pes(found: Analysis, payload: bytes, *, is_marked: bool) -> None:
    flags, stamp_at = payload[7] >> 6, 9
    if flags == 3:
        stamp_at += 5
    part = payload[stamp_at : stamp_at + 5]
    decoded = (part[0] >> 1 & 7) << 30 | (part[1] << 7 | part[2] >> 1) << 15 | (part[3] << 7 | part[4] >> 1)
    if found.clocks_s:
        lead = (decoded - round(found.clocks_s[-1] * 90000) + WRAP // 2) % WRAP - WRAP // 2
        found.leads_s.setdefault(payload[3], []).append(lead / 90000)
    if payload[3] in VIDEO_STREAMS:
        found.units += 1
        found.marked += is_marked
        found.delimited += payload[9 + payload[8] :].startswith(ACCESS_UNIT_DELIMITER)
