"""RTP streams that outlast their numbers."""

from __future__ import annotations

from aiortc.rtp import RtcpSrPacket, RtpPacket

from server.rtp_stream import NTP_EPOCH_S, RtpStream

FRAME_TICKS = 3000
ERA_ENDS_S = 2**32 - NTP_EPOCH_S


def stream(sequence: int, timestamp_origin: int) -> RtpStream:
    return RtpStream(
        payload_type=96, ssrc=1, mid="0", extensions=(), sequence=sequence, timestamp_origin=timestamp_origin
    )


def test_sequence_numbers_and_timestamps_begin_anew_where_their_bits_end() -> None:
    made, packets = stream(2**16 - 5, 2**32 - 5 * FRAME_TICKS), []
    for number in range(10):
        sent = made.packets([b"x"], number * FRAME_TICKS, begins=True, ends=True, now_s=number / 30)
        packets += map(RtpPacket.parse, sent)
    assert [packet.sequence_number for packet in packets] == [*range(2**16 - 5, 2**16), *range(5)]
    assert [packet.timestamp for packet in packets][4:6] == [2**32 - FRAME_TICKS, 0]
    again = made.repeat(2**16 - 1, 1.0)
    assert again is not None
    assert RtpPacket.parse(again).sequence_number == 2**16 - 1


def test_a_stream_of_a_year_has_timestamps_of_32_bits() -> None:
    ticks = 366 * 86400 * 90000
    (packet,) = stream(0, 7).packets([b"x"], ticks, begins=True, ends=True, now_s=0.0)
    assert RtpPacket.parse(packet).timestamp == (ticks + 7) % 2**32


def test_a_sender_report_can_be_sent_after_the_era_of_ntp() -> None:
    made = stream(0, 0)
    list(made.packets([b"x"], 0, begins=True, ends=True, now_s=ERA_ENDS_S + 2.0))
    assert made.sender_info.ntp_timestamp >> 32 == 2
    assert bytes(RtcpSrPacket(ssrc=1, sender_info=made.sender_info))
