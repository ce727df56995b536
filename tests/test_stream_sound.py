"""The clip's sound: on the pictures' grid when it is read, when it is stored, and when it is cross-faded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from stream.errors import ClipError, TextureError
from stream.sound import (
    PACKET_SAMPLES,
    PREROLL_PACKETS,
    SAMPLE_RATE_HZ,
    SETTLING_PACKETS,
    SPARE_PACKETS,
    Samples,
    Track,
    cross_fade,
    read_sound,
    write_track,
)
from stream.timeline import Timeline
from tests.stream_media import decode_sound, numbered, tone

SECONDS = 6.0
PACKETS = round(SECONDS * SAMPLE_RATE_HZ) // PACKET_SAMPLES
LEVEL = 0.3


@pytest.fixture(scope="module")
def sound() -> Samples:
    return tone(SECONDS, level=LEVEL)


@pytest.fixture(scope="module")
def track(sound: Samples, tmp_path_factory: pytest.TempPathFactory) -> Track:
    path = tmp_path_factory.mktemp("sound") / "audio.opus"
    write_track(sound, path)
    return Track(path)


def packets_of(sound: Samples, first: int, count: int) -> Samples:
    return sound[first * PACKET_SAMPLES : (first + count) * PACKET_SAMPLES]


def alike(first: Samples, second: Samples) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def lag_samples(got: Samples, sound: Samples, position: int, most: int = 400) -> int:
    """By how many samples `got` is later in `sound` than `position`: where the two are most alike."""
    inner = got[most : min(len(got) - most, 20_000), 0]
    begins = range(position, position + 2 * most + 1)
    return int(np.argmax([inner @ sound[begin : begin + len(inner), 0] for begin in begins])) - most


@pytest.mark.parametrize(("first", "count"), [(8, 10), (7, 5), (100, 20), (PACKETS - 20, 20)])
def test_packets_lie_on_the_clips_grid(track: Track, sound: Samples, first: int, count: int) -> None:
    got = track.samples(first, count)
    expected = packets_of(sound, first, count)
    assert got.shape == expected.shape
    assert alike(got[:-480], expected[:-480]) > 0.999  # the track's last hundredth of a second is faded out
    assert lag_samples(got, sound, first * PACKET_SAMPLES) == 0


def test_any_decoder_hears_the_clip_without_an_offset(track: Track, sound: Samples) -> None:
    heard = decode_sound([track.packet(index) for index in range(PACKETS)])
    assert alike(heard[5 * PACKET_SAMPLES :], sound[5 * PACKET_SAMPLES :]) > 0.999
    assert lag_samples(heard, sound, 0) == 0


def test_there_is_a_packet_for_each_20_ms(track: Track) -> None:
    assert PACKETS <= len(track) <= PACKETS + 1


@pytest.mark.parametrize("first", [-50, -20, PACKETS + 10, 10 * PACKETS])
def test_beyond_the_ends_is_silence(track: Track, first: int) -> None:
    assert np.abs(track.samples(first, 8)).max() < 1e-3
    assert track.packet(first) == track.packet(-1)


@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.5, 0.513])
def test_tracks_of_any_length(tmp_path: Path, seconds: float) -> None:
    write_track(tone(1.0)[: round(seconds * SAMPLE_RATE_HZ)], tmp_path / "short.opus")
    short = Track(tmp_path / "short.opus")
    assert len(short) * PACKET_SAMPLES >= seconds * SAMPLE_RATE_HZ
    assert short.samples(0, len(short)).shape == (len(short) * PACKET_SAMPLES, 2)


@pytest.mark.parametrize("count", [3, 7, 20])
@pytest.mark.parametrize(("outgoing", "incoming"), [(60, 200), (250, 40), (150, 152), (120, 120)])
def test_a_cross_fade_is_heard_as_one(track: Track, sound: Samples, outgoing: int, incoming: int, count: int) -> None:
    """Before it the one sound, after it the other, between them both at equal power, and no seam."""
    before, after = 20, 12
    faded = track.cross_fade(outgoing, incoming, count)
    assert len(faded) == count
    heard = decode_sound(
        [track.packet(index) for index in range(outgoing - before, outgoing)]
        + faded
        + [track.packet(index) for index in range(incoming + count, incoming + count + after)]
    )
    share = np.clip((np.arange(len(heard)) / PACKET_SAMPLES - before) / (count - SETTLING_PACKETS), 0, 1)[:, None]
    sources = [packets_of(sound, place - before, before + count + after) for place in (outgoing, incoming)]
    ideal = sources[0] * np.cos(share * np.pi / 2) + sources[1] * np.sin(share * np.pi / 2)
    settled = slice(PREROLL_PACKETS * PACKET_SAMPLES, None)
    assert np.abs(heard - ideal)[settled].max() < LEVEL, "a click"
    assert np.sqrt(np.mean((heard - ideal)[settled] ** 2)) < 0.2 * np.sqrt(np.mean(ideal**2))
    assert alike(heard[-after * PACKET_SAMPLES :], packets_of(sound, incoming + count, after)) > 0.99
    steps = np.abs(np.diff(heard[settled], axis=0)).max()
    assert steps < 1.6 * np.abs(np.diff(sound, axis=0)).max(), "1.41 by adding two, the rest is the codec's"


def plucks(seconds: float) -> Samples:
    """Notes of decaying partials, each with a noise of its attack: an encoder's decisions change all the time."""
    random, length = np.random.default_rng(1), round(seconds * SAMPLE_RATE_HZ)
    mono = np.zeros(length + SAMPLE_RATE_HZ)
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    for begin in np.cumsum(random.uniform(0.1, 0.4, round(seconds * 5))) * SAMPLE_RATE_HZ:
        pitch_hz = 110 * 2 ** (random.integers(24) / 12)
        partials = [np.sin(2 * np.pi * pitch_hz * order * time_s) / order for order in range(1, 8)]
        note = sum(partials) * np.exp(-time_s * 5) + random.normal(size=len(time_s)) * np.exp(-time_s * 200)
        room = max(0, min(len(note), length - int(begin)))
        mono[int(begin) :][:room] += 0.1 * note[:room]
    return np.stack([mono, 0.7 * mono], axis=1)[:length].astype(np.float32)


def errors_db(heard: Samples, meant: Samples) -> list[float]:
    """Of each packet, relative to its sound."""
    pairs = zip(heard.reshape(-1, 1920), meant.reshape(-1, 1920), strict=True)
    powers = [(np.mean((one - other) ** 2) + 1e-9, np.mean(other**2) + 1e-9) for one, other in pairs]
    return [10 * float(np.log10(error / power)) for error, power in powers]


@pytest.mark.parametrize("count", [5, 7])
def test_the_clips_own_sound_goes_on_behind_a_cross_fade_as_if_there_had_been_none(tmp_path: Path, count: int) -> None:
    write_track(plucks(12.0), tmp_path / "plucks.opus")
    track = Track(tmp_path / "plucks.opus")
    whole, random, errors = (
        decode_sound([track.packet(index) for index in range(len(track))]),
        np.random.default_rng(2),
        [],
    )
    for _ in range(60):
        outgoing, incoming = (int(place) for place in random.integers(20, len(track) - 40, 2))
        faded = track.cross_fade(outgoing, incoming, count, spare=SPARE_PACKETS)
        assert count <= len(faded) <= count + SPARE_PACKETS
        place = incoming + len(faded)
        before = [track.packet(index) for index in range(outgoing - 16, outgoing)]
        own = [track.packet(place), track.packet(place + 1)]
        errors.append(errors_db(decode_sound([*before, *faded, *own])[-1920:], packets_of(whole, place, 2)))
    first, second = np.array(errors).T
    assert np.median(first) < -27
    assert first.max() < -13
    assert np.median(second) < -36


def test_a_part_of_a_track_is_what_the_whole_of_it_is(tmp_path: Path) -> None:
    """Four packets, as RFC 7845 has it, leave an error of 25 dB below the sound."""
    write_track(plucks(6.0), tmp_path / "plucks.opus")
    track = Track(tmp_path / "plucks.opus")
    whole = decode_sound([track.packet(index) for index in range(len(track))])
    errors = [errors_db(track.samples(place, 1), packets_of(whole, place, 1))[0] for place in range(20, 280, 7)]
    assert np.median(errors) < -55
    assert max(errors) < -30


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("entering", [True, False])
def test_short_cross_fades_and_those_to_silence(track: Track, sound: Samples, count: int, entering: bool) -> None:
    faded = cross_fade(track, 100, track if entering else None, 200, count=count, spare=SPARE_PACKETS)
    assert count <= len(faded) <= count + SPARE_PACKETS
    place = 200 + len(faded)
    following = [track.packet(place + index) if entering else track.packet(-1) for index in range(12)]
    heard = decode_sound([track.packet(index) for index in range(80, 100)] + faded + following)
    meant = packets_of(sound, place + 2, 10) if entering else np.zeros((10 * PACKET_SAMPLES, 2), np.float32)
    assert np.sqrt(np.mean((heard[-10 * PACKET_SAMPLES :] - meant) ** 2)) < 0.02 * LEVEL


@pytest.mark.parametrize(("outgoing", "incoming"), [(PACKETS, 50), (PACKETS + 5, 1), (40, PACKETS - 2), (1, -1)])
def test_a_cross_fade_over_the_ends_of_the_clip(track: Track, outgoing: int, incoming: int) -> None:
    faded = decode_sound(track.cross_fade(outgoing, incoming, 5))
    assert np.abs(faded).max() < 1.6 * LEVEL


def write_clip(path: Path, parts: list[tuple[float, Samples]], *, codec: str, rate_hz: int, layout: str) -> Path:
    """A clip of 20 pictures, with sound at these times; samples (n, 2), their left side for mono."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height = 96, 64
        audio = container.add_stream(codec, rate=rate_hz, layout=layout)
        for index in range(20):
            container.mux(video.encode(numbered(index)))
        container.mux(video.encode(None))
        for begin_s, sound in parts:
            channels = sound[:, :1] if layout == "mono" else sound
            for start in range(0, len(sound), 1024):
                packed = np.ascontiguousarray((channels[start : start + 1024] * 32767).astype(np.int16))
                frame = AudioFrame.from_ndarray(packed.reshape(1, -1), format="s16", layout=layout)
                frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
                frame.pts = round(begin_s * rate_hz) + start
                container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


PCM = {"codec": "pcm_s16le", "rate_hz": 48000, "layout": "stereo"}


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
@pytest.mark.parametrize(("begin_s", "starts_s"), [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.5, 0.2), (0.1, 0.9)])
def test_sound_is_read_from_the_first_picture_on(tmp_path: Path, suffix: str, begin_s: float, starts_s: float) -> None:
    source = tone(1.0)
    clip = write_clip(tmp_path / f"clip{suffix}", [(begin_s, source)], **PCM)
    sound = read_sound(clip, timeline=Timeline.starting_at(starts_s), duration_s=1.2)
    assert sound is not None
    assert sound.shape == (round(1.2 * 48000), 2)
    expected = np.zeros((5 * 48000, 2), np.float32)
    expected[round(begin_s * 48000) :][: len(source)] = source
    expected = expected[round(starts_s * 48000) :][: len(sound)]
    np.testing.assert_allclose(sound, expected, atol=2e-4)


def test_a_gap_in_the_sound_is_silence_and_shifts_nothing(tmp_path: Path) -> None:
    source = tone(0.8)
    early, late = source[:14400], source[24000:]
    sound = read_sound(
        write_clip(tmp_path / "gap.mkv", [(0.0, early), (0.5, late)], **PCM),
        timeline=Timeline.starting_at(0.0),
        duration_s=0.8,
    )
    assert sound is not None
    np.testing.assert_allclose(sound[:14400], early, atol=2e-4)
    np.testing.assert_allclose(sound[24000 : 24000 + len(late)], late, atol=2e-4)
    assert np.abs(sound[14400:24000]).max() == 0


def test_a_track_that_ends_in_mid_wave_ends_without_a_tick(tmp_path: Path) -> None:
    loud = np.full((48000, 2), 0.5, np.float32) * np.sign(np.sin(np.arange(48000) / 40))[:, None].astype(np.float32)
    loud[-100:] = 0.5
    write_track(loud, tmp_path / "loud.opus")
    track = Track(tmp_path / "loud.opus")
    end = track.samples(48, 4)[PACKET_SAMPLES * 2 - 24 : PACKET_SAMPLES * 2 + 24]
    assert np.abs(np.diff(end, axis=0)).max() < 0.1


@pytest.mark.parametrize(("rate_hz", "layout"), [(44100, "mono"), (44100, "stereo"), (48000, "mono"), (16000, "mono")])
def test_other_rates_and_mono_become_48_khz_stereo_in_place(tmp_path: Path, rate_hz: int, layout: str) -> None:
    time_s = np.arange(round(1.5 * rate_hz)) / rate_hz
    left = LEVEL * np.sin(2 * np.pi * (300 * time_s + 250 * time_s**2))
    source = np.stack([left, 0.5 * left], axis=1).astype(np.float32)
    clip = write_clip(tmp_path / "clip.mkv", [(0.0, source)], codec="pcm_s16le", rate_hz=rate_hz, layout=layout)
    sound = read_sound(clip, timeline=Timeline.starting_at(0.0), duration_s=1.5)
    assert sound is not None
    time_s = np.arange(len(sound)) / SAMPLE_RATE_HZ
    expected = LEVEL * np.sin(2 * np.pi * (300 * time_s + 250 * time_s**2))
    assert lag_samples(sound, np.stack([expected, expected], axis=1), 0) == 0
    right = 1.0 if layout == "mono" else 0.5
    for side, factor in ((0, 1.0), (1, right)):
        loudness = np.sqrt(np.mean(sound[:, side] ** 2) / np.mean(expected**2))
        assert float(np.corrcoef(sound[:, side], expected)[0, 1]) > 0.999
        assert loudness == pytest.approx(factor, rel=0.01) or (layout == "mono" and 0.7 < loudness < 1.01)
    assert np.abs(sound[-240:, 0]).max() > 0.5 * LEVEL or rate_hz != 48000, "to the end"


def test_aac_with_its_priming_is_in_place(tmp_path: Path) -> None:
    source = tone(1.5)
    clip = write_clip(tmp_path / "clip.mp4", [(0.0, source)], codec="aac", rate_hz=48000, layout="stereo")
    sound = read_sound(clip, timeline=Timeline.starting_at(0.0), duration_s=1.5)
    assert sound is not None
    assert lag_samples(sound, source, 0) == 0
    assert alike(sound, source) > 0.99


def test_a_clip_without_sound_has_none(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 96, 64
        container.mux(stream.encode(numbered(0)))
        container.mux(stream.encode(None))
    assert read_sound(tmp_path / "mute.mp4", timeline=Timeline.starting_at(0.0), duration_s=1.0) is None


def test_a_track_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mkv", [], **PCM)
    with pytest.raises(ClipError, match=r"clip\.mkv: its sound track cannot be decoded; remove it with `ffmpeg"):
        read_sound(clip, timeline=Timeline.starting_at(0.0), duration_s=1.0)


@pytest.mark.parametrize("data", [None, b"", b"nothing of the kind" * 50])
def test_what_is_no_track_is_refused(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "audio.opus"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(TextureError, match=r"audio\.opus: not a readable sound track .*fit the texture again"):
        Track(path)
