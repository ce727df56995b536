"""When pictures come out: with their last packet, and after a loss with the next one that can be decoded."""

from __future__ import annotations

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from bench.whole_pictures import LOST_S, WholePictures, receive_whole_pictures

IDR, OTHER = b"\x00\x00\x00\x01\x65", b"\x00\x00\x00\x01\x41"
PACKETS = 4  # of a picture


class Clock:
    """Time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def pictures(count: int, *, gop: int = 6, first: int = 65_520) -> list[RtpPacket]:
    """Pictures of four packets each, numbered across the end of the sequence numbers."""
    packets = []
    for number in range(count * PACKETS):
        picture, part = divmod(number, PACKETS)
        packet = RtpPacket(sequence_number=(first + number) % 65_536, timestamp=3000 * picture)
        packet.marker = int(part == PACKETS - 1)
        packet._data = (IDR if picture % gop == 0 else OTHER) + bytes([picture, part])  # type: ignore[attr-defined]
        packets.append(packet)
    return packets


def test_a_picture_comes_with_its_last_packet() -> None:
    buffer = WholePictures()
    came = [buffer.add(packet)[1] for packet in pictures(3)]
    assert [index for index, frame in enumerate(came) if frame] == [3, 7, 11]
    assert [frame.timestamp for frame in came if frame] == [0, 3000, 6000]
    theirs = JitterBuffer(capacity=512, is_video=True)
    came = [theirs.add(packet)[1] for packet in pictures(3)]
    assert [index for index, frame in enumerate(came) if frame] == [4, 8], "aiortc's own is prompt now: ours can go"


def test_packets_out_of_order_and_twice_make_whole_pictures_in_order() -> None:
    packets = pictures(3)
    buffer, order = WholePictures(), [0, 1, 3, 2, 2, 8, 4, 5, 7, 6, 9, 11, 10]
    came = [frame.data for index in order if (frame := buffer.add(packets[index])[1])]
    assert came == [b"".join(packet._data for packet in packets[at : at + 4]) for at in (0, 4, 8)]  # type: ignore[attr-defined]


def test_what_is_lost_for_good_is_waited_for_a_second_and_then_left() -> None:
    clock = Clock()
    buffer, came, asked = WholePictures(clock), [], []
    for index, packet in enumerate(pictures(60)):
        clock.now_s = index / PACKETS / 30
        if index == 4 * 8 + 2:
            continue
        asks, frame = buffer.add(packet)
        asked.append(asks)
        if frame is not None:
            came.append((frame.timestamp // 3000, clock.now_s))
    assert [picture for picture, _ in came if picture < 12] == [0, 1, 2, 3, 4, 5, 6, 7]
    resumed, at_s = next(each for each in came if each[0] > 8)
    assert resumed == 12  # the IDR behind the lost one
    assert LOST_S <= at_s - 8 / 30 <= LOST_S + 0.1
    assert buffer.given_up == sum(asked) == 1
    assert [picture for picture, _ in came][8:] == list(range(12, 12 + len(came) - 8))


async def test_a_receiver_takes_it() -> None:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        receiver = peer.addTransceiver("video", direction="recvonly").receiver
        assert isinstance(receive_whole_pictures(receiver), WholePictures)
    finally:
        await peer.close()


@pytest.mark.parametrize("first", [0, 65_535])
def test_sequence_numbers_may_wrap_anywhere(first: int) -> None:
    buffer = WholePictures()
    assert sum(buffer.add(packet)[1] is not None for packet in pictures(5, first=first)) == 5
