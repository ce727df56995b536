"""Frames to viewers: who gets which, when their packets leave, and what becomes of those that are lost."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import count

import httpx
import pytest
from aiortc.rtp import RtpPacket

from server.datagrams import MOST_SEGMENTS, Datagrams, runs
from server.fan_out import AT_ONCE, MOST_SHARE, STEP_S, FanOut, handfuls, next_s
from server.frame import Frame
from server.lane import Lane
from server.rtp_stream import KEPT_PACKETS, MOST_REPEATED, NTP_EPOCH_S, RtpStream, _numbering
from server.viewer import MOST_BACKLOG_BYTES, Viewer
from stream.h264 import START_CODE
from stream.splice import MediaPacket
from tests.serving import LocalServer
from tests.whep_peer import peer, viewers, watch

GOP_FRAMES = 6
EXTENSIONS = (
    ("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
    ("http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2),
)
NOW_S = 1_800_000_000.5


class Noted:
    """A way to a viewer that notes what goes over it, and can be full."""

    def __init__(self) -> None:
        self.backlog_bytes = self.forgotten = 0
        self.pushed: list[tuple[float, Frame, int, int]] = []

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        self.pushed.append((now_s, frame, first, end))

    def forget(self) -> None:
        self.forgotten += 1

    @property
    def timestamps(self) -> list[int]:
        return [frame.timestamp for _, frame, first, _ in self.pushed if first == 0]


def picture(pts: int, payloads: int = 3) -> MediaPacket:
    data = b"".join(START_CODE + bytes([0x65]) + bytes([1]) * 1200 for _ in range(payloads))
    return MediaPacket("video", data, pts, Fraction(1, 30), 1, is_keyframe=pts % GOP_FRAMES == 0)


def sound(pts: int) -> MediaPacket:
    return MediaPacket("audio", bytes(200), pts, Fraction(1, 48000), 960, is_keyframe=True)


def viewer_of(*kinds: str, adapts: bool = False) -> tuple[Viewer, dict[str, Noted]]:
    viewer, ways = Viewer(set(kinds), adapts=adapts), {kind: Noted() for kind in kinds}
    viewer.lanes.update(ways)
    return viewer, ways


def pictures() -> Iterator[MediaPacket]:
    return (picture(pts) for pts in count())


def takes(viewer: Viewer, packet: MediaPacket) -> bool:
    return viewer.takes(packet) is not None


def test_a_viewer_begins_with_an_idr() -> None:
    viewer, _ = viewer_of("video")
    all_pictures = pictures()
    next(all_pictures)
    assert [takes(viewer, next(all_pictures)) for _ in range(7)] == [False] * 5 + [True] * 2
    assert viewer.dropped == 0


def test_sound_waits_for_the_first_picture() -> None:
    viewer, _ = viewer_of("video", "audio")
    assert not takes(viewer, sound(0))
    assert takes(viewer, picture(0))
    assert takes(viewer, sound(0))


def test_who_only_listens_waits_for_nothing() -> None:
    viewer, _ = viewer_of("audio")
    assert takes(viewer, sound(0))
    assert not takes(viewer, picture(0))


def test_a_congested_viewer_goes_on_at_an_idr_and_slows_nobody() -> None:
    (slow, ways), (awake, _) = viewer_of("video"), viewer_of("video")
    taken: list[int] = []
    for number, packet in zip(range(30), pictures(), strict=False):
        ways["video"].backlog_bytes = MOST_BACKLOG_BYTES + 1 if 8 <= number < 14 else 0
        if takes(slow, packet):
            taken.append(number)
        assert takes(awake, packet)
    assert taken == [*range(8), *range(18, 30)]
    assert slow.dropped == 10
    assert awake.dropped == 0


@pytest.mark.parametrize("number", [1, 3, 38, 90, 400])
def test_handfuls_are_all_there_in_order_and_in_time(number: int) -> None:
    duration_s = 1 / 30
    parts = list(handfuls(number, duration_s))
    assert [place for first, end in parts for place in range(first, end)] == list(range(number))
    assert (len(parts) - 1) * STEP_S <= MOST_SHARE * duration_s
    assert number > 40 or all(end - first <= AT_ONCE for first, end in parts)


def test_lateness_is_not_made_up_by_a_burst() -> None:
    assert next_s(1.001, 1.0, left=7, until_s=1.02) == 1.001  # in time
    assert next_s(1.001, 1.004, left=7, until_s=1.02) == pytest.approx(1.004 + STEP_S)
    assert next_s(1.001, 1.019, left=4, until_s=1.02) == pytest.approx(1.01925)  # little is left
    assert next_s(1.001, 1.050, left=4, until_s=1.02) == 1.050


async def test_a_large_picture_is_spread_and_sound_does_not_wait_for_it() -> None:
    viewer, ways = viewer_of("video", "audio")
    fan_out = FanOut({viewer})
    fan_out.send(picture(0, payloads=40))
    fan_out.send(sound(0))
    assert len(ways["audio"].pushed) == 1
    assert ways["video"].pushed[0][2:] == (0, AT_ONCE)
    fan_out.send(picture(1))
    await asyncio.sleep(0.05)
    pushed = ways["video"].pushed
    assert len(pushed) == 40 // AT_ONCE + 1
    assert ways["video"].timestamps == [0, 3000]
    assert [first for _, _, first, _ in pushed] == [*range(0, 40, AT_ONCE), 0]  # the next one waits for its end
    assert pushed[-2][0] - pushed[0][0] >= 0.8 * STEP_S * (40 // AT_ONCE - 1)
    assert fan_out.bytes_sent == sum(len(packet.data) for packet in (picture(0, 40), picture(1), sound(0)))


async def test_each_gets_its_rendition_at_an_idr_and_none_is_cut_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    (good, good_ways), (narrow, narrow_ways) = viewer_of("video"), viewer_of("video", adapts=True)
    fan_out, cut = FanOut({good, narrow, *(viewer_of("video")[0] for _ in range(3))}, rates_bit_s=(2e6, 5e5)), []
    real = fan_out._cutter.cut
    monkeypatch.setattr(
        fan_out._cutter, "cut", lambda packet, rendition: cut.append(rendition) or real(packet, rendition)
    )
    for pts in range(14):
        if pts == 3:
            narrow.choice.report_loss(0.5, asyncio.get_running_loop().time())
        small = picture(pts, 1).data
        fan_out.send(replace(picture(pts, payloads=20), lighter=(small,)))
        await asyncio.sleep(0.012)
    assert cut[:GOP_FRAMES] == [0] * GOP_FRAMES
    assert sorted(cut[GOP_FRAMES:]) == [0] * (14 - GOP_FRAMES) + [1] * (14 - GOP_FRAMES)
    assert {len(frame.payloads) for _, frame, *_ in good_ways["video"].pushed} == {20}
    sizes = [len(frame.payloads) for _, frame, first, _ in narrow_ways["video"].pushed if first == 0]
    assert sizes == [20] * GOP_FRAMES + [1] * (14 - GOP_FRAMES)
    assert narrow_ways["video"].timestamps == good_ways["video"].timestamps
    assert (narrow_ways["video"].forgotten, good_ways["video"].forgotten) == (1, 0)
    begun = [{now_s for now_s, _, first, _ in ways["video"].pushed if first == 0} for ways in (good_ways, narrow_ways)]
    assert begun[0] == begun[1], "at the same moments"


async def test_a_texture_without_renditions_and_one_that_is_switched_off_send_the_full_one() -> None:
    for rates, lighter in (((2e6,), ()), ((), (b"small",))):
        viewer, _ = viewer_of("video", adapts=True)
        for pts in range(20):
            viewer.choice.report_loss(0.6, pts / 2)
            assert viewer.takes(replace(picture(pts), lighter=lighter), rates, pts / 2) == 0


async def test_who_joins_in_the_middle_of_an_idr_gets_none_of_it() -> None:
    (first, first_ways), (late, late_ways) = viewer_of("video"), viewer_of("video")
    fan_out = FanOut({first})
    fan_out.send(picture(0, payloads=40))
    fan_out.viewers.add(late)
    await asyncio.sleep(0.03)
    assert len(first_ways["video"].pushed) == 40 // AT_ONCE
    assert late_ways["video"].pushed == []
    fan_out.close()
    fan_out.send(picture(6))
    fan_out.close()
    await asyncio.sleep(0.01)
    assert len(late_ways["video"].pushed) == 1  # the rest was not to be sent any more


def rtp_stream(*, sequence: int = 65_530, rtx: tuple[int, int, int] | None = (98, 77, 9)) -> RtpStream:
    return RtpStream(
        payload_type=97,
        ssrc=5,
        mid="1",
        extensions=EXTENSIONS,
        sequence=sequence,
        timestamp_origin=2**32 - 100,
        rtx=rtx,
    )


def sent(stream: RtpStream, number: int, timestamp: int = 0) -> list[bytes]:
    payloads = [bytes([place % 256]) * 100 for place in range(number)]
    return list(stream.packets(payloads, timestamp, begins=True, ends=True, now_s=NOW_S))


def test_packets_are_as_aiortc_reads_them() -> None:
    packets = [RtpPacket.parse(each, _numbering(EXTENSIONS)) for each in sent(rtp_stream(), 10, 3000)]
    assert [packet.sequence_number for packet in packets] == [*range(65_530, 65_536), 0, 1, 2, 3]
    assert {(packet.payload_type, packet.ssrc, packet.timestamp) for packet in packets} == {(97, 5, 2900)}
    assert [packet.marker for packet in packets] == [0] * 9 + [1]
    assert [packet.payload[0] for packet in packets] == list(range(10))
    assert {packet.extensions.mid for packet in packets} == {"1"}
    assert packets[0].extensions.abs_send_time == int((NOW_S + NTP_EPOCH_S) * 2**18) % 2**24


def test_a_report_ties_the_frame_s_beginning_to_the_clock() -> None:
    stream = rtp_stream()
    payloads = [bytes(100)] * 4
    list(stream.packets(payloads[:2], 3000, begins=True, ends=False, now_s=NOW_S))
    list(stream.packets(payloads[2:], 3000, begins=False, ends=True, now_s=NOW_S + 0.005))
    told = stream.sender_info
    assert told.ntp_timestamp == int((NOW_S + NTP_EPOCH_S) * 2**32)
    assert (told.rtp_timestamp, told.packet_count, told.octet_count) == (2900, 4, 400)


def test_a_lost_packet_is_sent_once_more_in_a_stream_of_its_own() -> None:
    stream = rtp_stream()
    original = RtpPacket.parse(sent(stream, 10)[7])
    again = stream.repeat(original.sequence_number, NOW_S)
    assert again is not None
    packet = RtpPacket.parse(again, _numbering(EXTENSIONS))
    assert (packet.payload_type, packet.ssrc, packet.sequence_number) == (98, 77, 9)
    assert packet.payload == original.sequence_number.to_bytes(2) + original.payload
    assert packet.extensions.mid == "1"


def test_who_takes_no_second_stream_gets_the_same_packet_again() -> None:
    stream = rtp_stream(rtx=None)
    original = sent(stream, 3)[1]
    assert stream.repeat(65_531, NOW_S) == original


def test_not_all_is_sent_twice() -> None:
    stream = rtp_stream(sequence=0)
    sent(stream, KEPT_PACKETS + 10)
    assert stream.repeat(5, NOW_S) is None  # no longer kept
    repeated = [stream.repeat(100, NOW_S) for _ in range(2 * MOST_REPEATED)]
    assert sum(packet is not None for packet in repeated) == MOST_REPEATED


@pytest.mark.parametrize("sizes", [[], [5], [5, 5, 5], [5, 5, 4, 4, 6], [4, 5, 6], [7] * 100, [6, 5, 5]])
def test_runs_are_what_the_kernel_takes_at_once(sizes: list[int]) -> None:
    packets = [bytes([number]) * size for number, size in enumerate(sizes)]
    cut = list(runs(packets))
    assert [packet for run in cut for packet in run] == packets
    for run in cut:
        assert {len(packet) for packet in run[:-1]} <= {len(run[0])}
        assert len(run[-1]) <= len(run[0])
        assert len(run) <= MOST_SEGMENTS


async def test_datagrams_arrive_one_by_one_and_whole() -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        packets = [bytes([number]) * size for number, size in enumerate([1200] * 5 + [1199] * 3 + [40, 1300])]
        datagrams = Datagrams(transport, receiver.getsockname())
        datagrams.send(packets)
        assert [receiver.recv(2000) for _ in packets] == packets
        datagrams.close()
        datagrams.send(packets[:2])  # then asyncio's own way
        assert [receiver.recv(2000) for _ in range(2)] == packets[:2]
        assert datagrams.backlog_bytes == 0
        transport.close()


async def test_a_viewer_who_loses_packets_gets_them_once_more(http: httpx.AsyncClient, server: LocalServer) -> None:
    async with peer("video") as viewer:
        await watch(http, viewer)
        await viewers(http, 1)
        await viewer.frames("video", 5)
        connection = viewer.connection.getTransceivers()[0].receiver.transport.transport._connection
        protocol, number = connection._nominated[1].protocol, 0
        take = protocol.datagram_received

        def lossy(data: bytes, sender: tuple[str, int]) -> None:
            nonlocal number
            if data[0] > 127 and not 192 <= data[1] < 224:
                number += 1
                if number % 20 == 0:
                    return
            take(data, sender)

        protocol.datagram_received = lossy
        await viewer.frames("video", 60)
        (watching,) = server.channel.viewers
        lane = watching.lanes["video"]
        assert isinstance(lane, Lane)
        assert lane.repeated >= 2


async def test_a_lane_that_has_ended_opens_no_socket_again(http: httpx.AsyncClient, server: LocalServer) -> None:
    """Pacing may still hold a frame for a viewer who has just left."""
    async with peer("video", "audio") as viewer:
        await watch(http, viewer)
        await viewer.frames("video", 10)
        (watching,) = server.channel.viewers
        lane = watching.lanes["video"]
        assert isinstance(lane, Lane)
        assert lane._way() is not None
        await lane.stop()
        assert lane._way() is None
        assert lane.backlog_bytes == 0


async def test_reports_say_what_was_sent(http: httpx.AsyncClient) -> None:
    async with peer("video", "audio") as viewer:
        await watch(http, viewer)
        await viewer.frames("video", 60)
        stats = [
            dict(report.__dict__)
            for each in viewer.connection.getReceivers()
            for report in (await each.getStats()).values()
        ]
        outbound = [report for report in stats if report["type"] == "remote-outbound-rtp"]
        assert outbound
        assert all(report["packetsSent"] > 0 and report["bytesSent"] > 0 for report in outbound)
