"""MPEG transport streams that strict receivers take. Runs in a target's child.

FFmpeg's muxer gives a program clock reference (PCR) with pictures only, and begins its continuity counters anew with
each muxer. Here what it writes is passed on with a PCR at least every 40 ms, and with counters that go on.

Source: ISO/IEC 13818-1, 2.4.3 (packets, counters), 2.7.2 (a PCR at least every 100 ms); ETSI TR 101 290, 5.2.2 (every
40 ms).
"""

from __future__ import annotations

from typing import Protocol

PACKET_BYTES = 188
SYNC = 0x47
CLOCK_HZ = 27_000_000
CLOCK_WRAP = (1 << 33) * 300
LONGEST_PCR_GAP = CLOCK_HZ * 40 // 1000
LONGEST_FILLED_GAP = CLOCK_HZ  # where more is missing, media is missing too: nothing is filled in
DECODER_DELAY_S = 0.2  # from the clock to the moment of decoding: the sound, which comes last, must be there by then
OPTIONS = {"flush_packets": "1", "max_delay": str(round(DECODER_DELAY_S * 1e6)), "pcr_period": "1"}


class Writable(Protocol):
    """What takes bytes: a file, a socket."""

    def write(self, data: bytes, /) -> int | None:
        """Take all of them."""


class TransportStream:
    """Has the `write` of a file, for FFmpeg's muxer of MPEG-TS.

    Attributes:
        out: where it goes; may be changed between two muxers, and the stream goes on there.
    """

    def __init__(self, out: Writable) -> None:
        self.out = out
        self._rest = b""
        self._counters: dict[int, int] = {}  # by PID
        self._pcr: int | None = None

    def write(self, data: bytes) -> int:
        """Pass on whole packets; what is less waits for more."""
        self._rest += data
        whole = len(self._rest) // PACKET_BYTES * PACKET_BYTES
        packets, self._rest = self._rest[:whole], self._rest[whole:]
        self.out.write(b"".join(self._passed(packets[at : at + PACKET_BYTES]) for at in range(0, whole, PACKET_BYTES)))
        return len(data)

    def _passed(self, packet: bytes) -> bytes:
        pid = (packet[1] & 0x1F) << 8 | packet[2]
        filling = b"" if (clock := pcr_of(packet)) is None else self._filling(pid, clock)
        has_payload = packet[3] & 0x10
        counter = self._counters.get(pid, 15)
        if has_payload:
            counter = self._counters[pid] = (counter + 1) % 16
        return filling + packet[:3] + bytes([packet[3] & 0xF0 | counter]) + packet[4:]

    def _filling(self, pid: int, clock: int) -> bytes:
        """Packets of nothing but a PCR, between the last and this one."""
        before, self._pcr = self._pcr, clock
        gap = 0 if before is None else (clock - before) % CLOCK_WRAP
        if before is None or gap > LONGEST_FILLED_GAP:
            return b""
        parts = -(-gap // LONGEST_PCR_GAP)
        counter = self._counters.get(pid, 15)
        return b"".join(
            _pcr_packet(pid, counter, (before + gap * part // parts) % CLOCK_WRAP) for part in range(1, parts)
        )


def pcr_of(packet: bytes) -> int | None:
    """The PCR that a packet carries, in ticks of 27 MHz; None without one."""
    if not packet[3] & 0x20 or packet[4] < 7 or not packet[5] & 0x10:
        return None
    base = int.from_bytes(packet[6:11], "big") >> 7
    return base * 300 + ((packet[10] & 1) << 8 | packet[11])


def _pcr_packet(pid: int, counter: int, clock: int) -> bytes:
    base, extension = divmod(clock, 300)
    field = (base << 15 | 0x3F << 9 | extension).to_bytes(6, "big")
    head = bytes([SYNC, pid >> 8, pid & 0xFF, 0x20 | counter, PACKET_BYTES - 5, 0x10])
    return (head + field).ljust(PACKET_BYTES, b"\xff")
