"""The targets' sound: the stream's own, at its own time, and silence where it has none."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from server.targets.sound import AacSound
from server.targets.wire import Piece
from stream.reel import MediaPacket
from stream.sound import PACKET_SAMPLES, SAMPLE_RATE_HZ, TIME_BASE, Samples, Track, write_track
from tests.stream_media import decode_sound, soft_ends, tone

SECONDS = 4.0


@pytest.fixture(scope="module")
def track(tmp_path_factory: pytest.TempPathFactory) -> Track:
    path = tmp_path_factory.mktemp("sound") / "tone.opus"
    write_track(soft_ends(tone(SECONDS)), path)
    return Track(path)


def opus(track: Track, first: int, count: int) -> list[MediaPacket]:
    return [
        MediaPacket("audio", track.packet(n), n * PACKET_SAMPLES, TIME_BASE, PACKET_SAMPLES, True)
        for n in range(first, first + count)
    ]


def decoded(pieces: list[Piece]) -> tuple[int, Samples]:
    """The stamp of the first sample, and all samples, by FFmpeg's decoder."""
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = bytes.fromhex("1190")  # AudioSpecificConfig: AAC-LC, 48 kHz, stereo
    frames = []
    for piece in pieces:
        packet = av.Packet(piece.data)
        packet.pts, packet.time_base = piece.pts, piece.time_base
        frames += decoder.decode(packet)
    return frames[0].pts, np.concatenate([frame.to_ndarray().T for frame in frames])


@pytest.mark.parametrize("first", [0, 37])
def test_it_sounds_as_the_stream_does_and_when(track: Track, first: int) -> None:
    sound, packets = AacSound(has_sound=True), opus(track, first, 120)
    pieces = [piece for packet in packets for piece in sound.convert(packet)]
    assert np.all(np.diff([piece.pts for piece in pieces]) == 1024)
    begins, got = decoded(pieces)
    want = decode_sound([packet.data for packet in packets])
    offset = first * PACKET_SAMPLES - begins
    got = got[offset:]
    length = min(len(got), len(want)) - 4096
    got, want = got[4096:length], want[4096:length]
    assert np.sqrt(np.mean(np.square(want))) > 0.1
    # Misplaced by half a sample, the loudest tone would differ by a twentieth of its level.
    assert np.sqrt(np.mean(np.square(got - want))) < 0.04 * np.sqrt(np.mean(np.square(want)))


@pytest.mark.parametrize("rate_hz", [Fraction(30), Fraction(30000, 1001), Fraction(24)])
def test_silence_lasts_as_long_as_the_pictures(rate_hz: Fraction) -> None:
    sound = AacSound(has_sound=False)
    pieces = []
    for number in range(500, 500 + round(4 * rate_hz)):
        pieces += sound.convert(MediaPacket("video", b"", number, 1 / rate_hz, 1, False))
    assert np.all(np.diff([piece.pts for piece in pieces]) == 1024)
    begins, got = decoded(pieces)
    assert begins / SAMPLE_RATE_HZ == pytest.approx(float(500 / rate_hz), abs=0.06)
    assert len(got) / SAMPLE_RATE_HZ == pytest.approx(4.0, abs=0.08)
    assert np.abs(got).max() < 1e-4
