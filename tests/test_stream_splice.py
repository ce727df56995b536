"""The spliced stream: no gaps, in step with its sound, and decodable by a decoder that knows nothing of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

from stream.bridges import Bridges
from stream.renditions import encode_units
from stream.sound import PACKET_S, PACKET_SAMPLES, TIME_BASE
from stream.splice import SHORTEST_FADE_PACKETS, MediaPacket, Splicer
from stream.texture import Texture
from stream.walk import Step
from tests.stream_media import (
    NTSC_HZ,
    decode_sound,
    decode_video,
    nal_types,
    number_of,
    numbered,
    open_texture,
    same,
    tone,
)

RATES_HZ = (NTSC_HZ, Fraction(30), Fraction(24))
HALF_A_PACKET_S = PACKET_S / 2
Spliced = list[tuple[Step, int, list[MediaPacket]]]  # each step with its bridge's length and its packets


@pytest.fixture(scope="module", params=RATES_HZ, ids=["29.97", "30", "24"])
def texture(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    path = tmp_path_factory.mktemp("splice") / "n.texture"
    with open_texture(path, rate_hz=request.param, seconds=12.0) as texture:
        yield texture


@pytest.fixture(scope="module")
def spliced(texture: Texture) -> Spliced:
    """500 steps, every third a jump to anywhere, a fifth of those without its bridge."""
    bridge = encode_units([numbered(3000 + index) for index in range(4)], texture.formats)
    rng, splicer, place = np.random.default_rng(7), Splicer(texture), 11
    steps = []
    for _ in range(500):
        jumps = place == texture.segments.count - 1 or rng.random() < 1 / 3
        step = Step(place, int(rng.integers(texture.segments.count)) if jumps else place + 1)
        units = bridge if step.is_jump and rng.random() < 0.8 else []
        steps.append((step, len(units), splicer.splice(step, units)))
        place = step.segment
    return steps


def lane(spliced: Spliced, kind: str) -> list[MediaPacket]:
    return [packet for *_, packets in spliced for packet in packets if packet.kind == kind]


def test_there_is_enough_of_everything(spliced: Spliced) -> None:
    jumps = [bridged for step, bridged, _ in spliced if step.is_jump]
    assert len(jumps) > 120
    assert 10 < jumps.count(0) < len(jumps) / 2


def test_both_lanes_count_without_gaps_in_integers(texture: Texture, spliced: Spliced) -> None:
    frame_s = 1 / texture.manifest.clip.rate_hz
    for kind, time_base, duration in (("video", frame_s, 1), ("audio", TIME_BASE, PACKET_SAMPLES)):
        packets = lane(spliced, kind)
        assert [packet.pts for packet in packets] == [index * duration for index in range(len(packets))]
        assert all(type(packet.pts) is int for packet in packets)
        assert {(packet.time_base, packet.duration) for packet in packets} == {(time_base, duration)}


def test_packets_leave_in_the_order_of_their_time(spliced: Spliced) -> None:
    times = [packet.time_s for *_, packets in spliced for packet in packets]
    assert times == sorted(times)


def test_each_step_brings_its_own_video_and_the_sound_for_it(texture: Texture, spliced: Spliced) -> None:
    video_s = sound_s = Fraction(0)
    for step, bridged, packets in spliced:
        video = [packet for packet in packets if packet.kind == "video"]
        assert len(video) == bridged + texture.segments.stride_frames
        assert [packet.step for packet in video] == [step] + [None] * (len(video) - 1)
        first = texture.segments.first_appended_frame(step.segment)
        shown = list(range(first, first + texture.segments.stride_frames))
        assert [packet.clip_frame for packet in video] == [None] * bridged + shown
        video_s += len(video) * video[0].time_base
        sound_s += (len(packets) - len(video)) * PACKET_S
        assert 0 <= sound_s - video_s < PACKET_S, "never less than the video, never a packet more"


def test_a_decoder_may_begin_at_each_key_frame(spliced: Spliced) -> None:
    for _, bridged, packets in spliced:
        begins = {0, bridged}
        for index, packet in enumerate(packet for packet in packets if packet.kind == "video"):
            assert packet.is_keyframe == (index in begins)
            types = nal_types(packet.data)
            assert (types[:2] == [7, 8] and 5 in types) if packet.is_keyframe else set(types) == {1}


def test_sound_is_in_step_with_the_pictures(texture: Texture, spliced: Spliced) -> None:
    """Wherever the clip's own packets are heard they are at most 10 ms from the clip's own picture."""
    track, rate_hz = texture.track, texture.manifest.clip.rate_hz
    assert track is not None
    place_of = {track.packet(index): index for index in range(len(track))}
    assert len(place_of) == len(track), "each packet of a rising tone is another one"
    sound = {packet.pts // PACKET_SAMPLES: packet.data for packet in lane(spliced, "audio")}
    frames = 0
    for step, bridged, packets in spliced:
        begins_s, frames = (frames + bridged) / rate_hz, frames + sum(packet.kind == "video" for packet in packets)
        clip_s = texture.segments.first_appended_frame(step.segment) / rate_hz
        heard = range(int(begins_s / PACKET_S) + 1, int(frames / rate_hz / PACKET_S))
        places = {index: place_of[sound[index]] for index in heard if sound[index] in place_of}
        assert len(heard) - len(places) <= (0 if bridged or not step.is_jump else SHORTEST_FADE_PACKETS)
        for index, place in places.items():
            error_s = place * PACKET_S - (clip_s + index * PACKET_S - begins_s)
            assert abs(error_s) <= HALF_A_PACKET_S, (step, float(error_s))


def test_a_fade_begins_where_the_sound_was(texture: Texture, spliced: Spliced) -> None:
    """Its first 5 ms, when nothing has changed yet, are what would have followed in the clip."""
    track, before = texture.track, 4
    clip = tone(float(texture.segments.frame_count / texture.manifest.clip.rate_hz))
    assert track is not None
    place_of = {track.packet(index): index for index in range(len(track))}
    sound = [packet.data for packet in lane(spliced, "audio")]
    places = [place_of.get(data) for data in sound]
    begins = [
        index for index in range(10, len(sound)) if places[index] is None and (places[index - 1] or 0) in range(5, 580)
    ]
    assert len(begins) > 50
    errors = []
    for index in begins[:50]:
        heard = decode_sound(sound[index - before : index + 1])[before * PACKET_SAMPLES :][:240]
        expected = clip[((places[index - 1] or 0) + 1) * PACKET_SAMPLES :][:240]
        errors.append(np.sqrt(np.mean((heard - expected) ** 2) / np.mean(clip**2)))
    assert np.median(errors) < 0.3


def test_decoding_gives_every_picture_in_order_and_bit_exact(texture: Texture, spliced: Spliced) -> None:
    some = spliced[:150]
    packets = lane(some, "video")
    pictures = decode_video([packet.data for packet in packets])
    assert len(pictures) == len(packets)
    assert [picture.pts for picture in pictures] == list(range(len(packets)))
    alone: dict[int, list] = {}
    for packet, picture in zip(packets, pictures, strict=True):
        assert picture.format.name == "yuv420p"
        if packet.clip_frame is None:
            assert 3000 <= number_of(picture) < 3004, "a bridge"
            continue
        assert number_of(picture) == packet.clip_frame
        segment, index = divmod(packet.clip_frame - texture.segments.overlap_frames, texture.segments.stride_frames)
        if segment not in alone:
            alone[segment] = decode_video(texture.gop(segment))
        assert same(picture, alone[segment][index])


def test_a_real_bridge_goes_from_the_one_picture_to_the_other(texture: Texture) -> None:
    """Each of its pictures is nearer to the next segment, and farther from the last one, than the one before."""
    segments = texture.segments
    splicer = Splicer(texture)
    with Bridges(texture) as bridges:
        packets = splicer.splice(Step(19, 20), [])
        packets += splicer.splice(Step(20, 44), bridges.wait((20, 44)))
    video = [packet for packet in packets if packet.kind == "video"]
    pictures = [picture.to_ndarray().astype(float) for picture in decode_video([packet.data for packet in video])]
    last, first = segments.stride_frames - 1, segments.stride_frames + 4
    assert [video[last].clip_frame, video[first].clip_frame] == [
        segments.first_appended_frame(20) + last,
        segments.first_appended_frame(44),
    ]
    to_last = [np.abs(picture - pictures[last]).mean() for picture in pictures[last : first + 1]]
    to_first = [np.abs(picture - pictures[first]).mean() for picture in pictures[last : first + 1]]
    assert to_last == sorted(to_last)
    assert to_first == sorted(to_first, reverse=True)


def test_the_sound_of_the_stream_has_no_clicks(texture: Texture, spliced: Spliced) -> None:
    heard = decode_sound([packet.data for packet in lane(spliced, "audio")[:3000]])[4 * PACKET_SAMPLES :]
    clip = tone(12.0)
    assert np.abs(np.diff(heard, axis=0)).max() < 1.8 * np.abs(np.diff(clip, axis=0)).max()
    assert np.abs(np.diff(heard, 2, axis=0)).max() < 2 * np.abs(np.diff(clip, 2, axis=0)).max()
    loudness = np.sqrt((heard[: len(heard) // 960 * 960, 0].reshape(-1, 960) ** 2).mean(axis=1))
    assert np.quantile(loudness, 0.02) > 0.5 * np.median(loudness), "nor holes"


def test_a_stream_may_begin_with_a_jump_and_its_bridge(texture: Texture) -> None:
    bridge = encode_units([numbered(index) for index in range(4)], texture.formats)
    packets = Splicer(texture).splice(Step(30, 9), bridge)
    for kind in ("video", "audio"):
        assert next(packet.pts for packet in packets if packet.kind == kind) == 0
    assert packets[0].step == Step(30, 9)


def test_without_sound_there_is_only_video(tmp_path_factory: pytest.TempPathFactory) -> None:
    with open_texture(tmp_path_factory.mktemp("mute") / "n.texture", sound=False, seconds=2.0) as texture:
        splicer = Splicer(texture)
        packets = splicer.splice(Step(0, 1), []) + splicer.splice(Step(1, 5), []) + splicer.splice(Step(5, 6), [])
    assert [packet.pts for packet in packets] == list(range(18))
    assert {packet.kind for packet in packets} == {"video"}
