"""The clip's own sound: decoded once, stored as Opus packets of 20 ms, cross-faded where the walk jumps.

Packet p of the stored track decodes to the clip's samples from p * 960 on: the encoder's look-ahead is made up
for when the track is written, so that packets and cross-fades share one grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer

from models.media import create_media, open_media, reason
from models.tracks import sound_track
from stream.errors import ClipError, TextureError
from stream.finite import FiniteSound
from stream.scratch import zeros
from stream.timeline import Run, SoundClock, Timeline

SAMPLE_RATE_HZ = 48000
PACKET_SAMPLES = 960
PACKET_S = Fraction(PACKET_SAMPLES, SAMPLE_RATE_HZ)
TIME_BASE = Fraction(1, SAMPLE_RATE_HZ)
LOOK_AHEAD_SAMPLES = 312  # of libopus at 48 kHz (RFC 7845 calls it pre-skip)
BIT_RATE_HZ = 96_000
GAP_SAMPLES = 2400  # 50 ms; less is how coarsely some containers round their times
EASED_SAMPLES = 480  # 10 ms at both ends of a track, or leaving it there would tick
PREROLL_PACKETS = 4  # what an encoder needs to settle: 80 ms (RFC 7845, 4.6)
# A decoder that begins in mid-stream predicts from what it has not heard. Its error, below the sound, in the median of
# four songs: 25 dB after the 4 packets of RFC 7845, 50 dB after 8, 67 dB after 12.
DECODER_PREROLL_PACKETS = 12
SETTLING_PACKETS = 2  # the last ones of a cross-fade hold the incoming sound alone, or the clip's own would not fit on
HEARD_PACKETS = 8  # before a cross-fade, by who tries how the clip goes on behind it
SPARE_PACKETS = 3  # by which a cross-fade may be longer, where the clip's own packets would not fit on
FITS_DB = -16.0  # the most error that they may have behind it, relative to their sound
INAUDIBLE_POWER = 1e-7  # -70 dB: below this, an error is not compared with what is hardly there

Samples = npt.NDArray[np.float32]  # (samples, 2), 48 kHz, -1 to 1


def read_sound(
    path: Path,
    *,
    timeline: Timeline,
    duration_s: float,
    scratch: Path | None = None,
    tell: Callable[[str], None] = lambda note: None,
) -> Samples | None:
    """The sound of a clip (`models.tracks` says which track), aligned to its first picture.

    Args:
        timeline: how the file's time becomes the clip's; sound of pictures that are not there is left out.
        duration_s: how much sound to return; what is missing is silence.
        scratch: a folder on whose disk it is kept; in memory by default.
        tell: given a line for the user where there was a choice of tracks, or samples had to be silenced.

    Returns:
        Shape (samples, 2), or None if there is no sound track.

    Raises:
        ClipError: there is a track, and nothing in it can be decoded.
    """
    with open_media(path) as container:
        chosen = sound_track(container, path)
        if chosen is None:
            return None
        finite = FiniteSound()
        sound: Samples = zeros((round(duration_s * SAMPLE_RATE_HZ), 2), np.float32, scratch)
        resampler = _resampler()
        position: int | None = None
        run = timeline.runs[0]
        for frame, place in _decoded(chosen.stream, timeline):
            frame = finite.frame(frame)
            due = position if frame.time is None else round(frame.time * SAMPLE_RATE_HZ)
            if place is not run:
                _silence(sound, round(place.clip_begins_s * SAMPLE_RATE_HZ), position)
                run, position = place, due
            if position is None or due is None or abs(due - position) > GAP_SAMPLES:
                position = due or 0  # the first one, or one behind a gap: silence is where nothing was
            try:
                parts = resampler.resample(frame)
            except ValueError:  # another layout or rate from here on, as in recordings of television
                resampler = _resampler()
                parts = resampler.resample(frame)
            for part in parts:
                position = _paste(sound, part, position, round(run.clip_begins_s * SAMPLE_RATE_HZ))
        if position is None:
            raise ClipError(f"{path}: its sound track cannot be decoded; remove it with `ffmpeg -i IN -an -c copy OUT`")
        for note in filter(None, (chosen.note, finite.note)):
            tell(note)
    return sound


def write_track(sound: Samples, path: Path) -> None:
    """Store sound as an Ogg Opus file of 20 ms packets."""
    with create_media(path, format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE_HZ, layout="stereo", bit_rate=BIT_RATE_HZ)
        for frame in _frames(sound, eased=True):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


class Track:
    """A stored sound track in memory, by packets (96 kbit/s: 0.7 MB a minute)."""

    def __init__(self, path: Path) -> None:
        """Read `path`.

        Raises:
            TextureError: it is missing, or no Ogg Opus file.
        """
        try:
            with open_media(path) as container:
                stream = container.streams.audio[0]
                self._packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        except (OSError, ValueError, IndexError) as error:
            raise TextureError(
                f"{path}: not a readable sound track ({reason(error)}); fit the texture again"
            ) from error
        self._silence = next(_encoded(np.zeros((PACKET_SAMPLES, 2), np.float32)))

    def __len__(self) -> int:
        return len(self._packets)

    def packet(self, index: int) -> bytes:
        """Packet `index` of the clip's sound; silence before its start and after its end."""
        return self._packets[index] if 0 <= index < len(self._packets) else self._silence

    def cross_fade(self, outgoing: int, incoming: int, count: int, *, spare: int = 0) -> list[bytes]:
        """`count` new packets that go from the sound at one place of the clip to that at another.

        Args:
            outgoing: the packet of the clip that would have been next.
            incoming: the packet in whose place the first new one stands. Behind all of them, `incoming` plus their
                number follows.
            count: packets, each 20 ms.
            spare: so many more it may make, see `cross_fade`.
        """
        return cross_fade(self, outgoing, self, incoming, count=count, spare=spare)

    def samples(self, first: int, count: int) -> Samples:
        """`count` packets from `first` on, decoded: shape (count * 960, 2)."""
        sound = decoded(map(self.packet, range(first - DECODER_PREROLL_PACKETS, first + count)))
        return sound[-count * PACKET_SAMPLES :]


def cross_fade(
    leaving: Track | None, outgoing: int, entering: Track | None, incoming: int, *, count: int, spare: int = 0
) -> list[bytes]:
    """As `Track.cross_fade`, from one clip's sound to another's; None is silent.

    Equal power. Opus predicts each packet from those before. So the new ones are encoded behind the outgoing sound's
    own past; and the last of them hold the incoming sound alone, or the first of the clip's own behind them would be
    decoded from what is not its past. Where that is not enough (the encoder took something for an attack, or for a
    pitch, that it did not before, or the other way round), the clip's own packets are joined a little later, or both
    sounds are mixed for a shorter time.

    Args:
        count: packets; of 3 and more, the last 2 hold the incoming sound alone.
        spare: so many more are made if need be, until the error of the clip's own first packet is less than `FITS_DB`;
            if none is, it is joined where the error is least.
    """
    mixing = mixing_packets(count)
    leaves = _samples(leaving, outgoing - PREROLL_PACKETS, PREROLL_PACKETS + mixing)
    past, old = np.split(leaves, [PREROLL_PACKETS * PACKET_SAMPLES])
    new = _samples(entering, incoming, count + spare + 1)  # the encoder looks ahead into the packet after the last
    before = [] if leaving is None else [leaving.packet(outgoing - back) for back in range(HEARD_PACKETS, 0, -1)]
    least_db, best = math.inf, list[bytes]()
    for both in (mixing, max(1, mixing - 2)):
        packets = islice(
            _encoded(np.concatenate([past, mixed(old[: both * PACKET_SAMPLES], new)])), PREROLL_PACKETS, None
        )
        made = list(islice(packets, count))
        if entering is None or not spare:
            return made
        for place in range(count, count + spare + 1):
            made += islice(packets, place - len(made))
            own = new[place * PACKET_SAMPLES :][:PACKET_SAMPLES]
            error_db = _error_db([*before, *made], entering.packet(incoming + place), own)
            if error_db < least_db:
                least_db, best = error_db, made.copy()
            if error_db <= FITS_DB:
                return made
    return best


def mixed(old: Samples, new: Samples) -> Samples:
    """From one sound (samples, 2) to another with equal power; the other may be longer, and goes on by itself."""
    angle = ((np.arange(len(old), dtype=np.float32) + 0.5) / np.float32(len(old)) * np.float32(np.pi / 2))[:, None]
    both = old * np.cos(angle) + new[: len(old)] * np.sin(angle)
    return np.concatenate([both, new[len(old) :]])


def mixing_packets(count: int) -> int:
    """In how many packets of a cross-fade of `count` both sounds are heard."""
    return max(1, count - SETTLING_PACKETS)


def _error_db(packets: Sequence[bytes], own: bytes, sound: Samples) -> float:
    """How wrong a clip's own packet is decoded behind others, in dB of its true sound (960, 2)."""
    error = decoded([*packets, own])[-PACKET_SAMPLES:] - sound
    return 10 * float(np.log10((np.mean(error**2) + 1e-12) / (np.mean(sound**2) + INAUDIBLE_POWER)))


def decoded(packets: Iterable[bytes]) -> Samples:
    """What a decoder that begins with the first of these packets gives: shape (packets * 960, 2)."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, AudioCodecContext)
    decoder.sample_rate, decoder.layout = SAMPLE_RATE_HZ, "stereo"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))]
    return np.concatenate([_interleaved(frame) for frame in frames])


def _samples(track: Track | None, first: int, count: int) -> Samples:
    return np.zeros((count * PACKET_SAMPLES, 2), np.float32) if track is None else track.samples(first, count)


def _resampler() -> AudioResampler:
    return AudioResampler(format="flt", layout="stereo", rate=SAMPLE_RATE_HZ)


def _decoded(stream: AudioStream, timeline: Timeline) -> Iterator[tuple[AudioFrame, Run]]:
    """The frames of a track in the clip's time, each with the run that it belongs to."""
    container = stream.container
    assert isinstance(container, InputContainer)
    clock = SoundClock(timeline)
    for packet in container.demux(stream):
        try:
            clock.set(packet)
            for frame in packet.decode():
                yield frame, clock.run
        except av.error.FFmpegError:
            continue  # a damaged packet: silence stays in its place, the rest goes on


def _interleaved(frame: AudioFrame) -> Samples:
    """Packed stereo, as the resampler (float) and libopus (16 bits) give it, in -1 to 1."""
    array = frame.to_ndarray().reshape(-1, 2)
    scale = np.float32(1 / 32768 if frame.format.name == "s16" else 1)
    return np.asarray(array * scale, np.float32)


def _paste(sound: Samples, part: AudioFrame, position: int, first: int) -> int:
    """Put decoded samples at `position` where the track has room, and from `first` on; returns the position after."""
    samples = _interleaved(part)
    end = position + len(samples)
    inside = slice(max(first, 0, position), max(0, min(end, len(sound))))
    if inside.stop > inside.start:
        sound[inside] = samples[inside.start - position : inside.stop - position]
    return end


def _silence(sound: Samples, first: int, end: int | None) -> None:
    """Take out what of one recording lasts into the pictures of the next."""
    if end is not None and end > first:
        sound[max(0, first) : end] = 0


def _eased(sound: Samples, first: int, last: int) -> Samples:
    """A part of a sound that is faded in and out over a hundredth of a second."""
    length = min(EASED_SAMPLES, len(sound) // 2)
    place = np.arange(first, min(last, len(sound)))
    gain = np.minimum(place, len(sound) - 1 - place) / max(1, length - 1)
    return np.asarray(sound[first:last] * np.clip(gain, 0, 1)[:, None], np.float32)


def _frames(sound: Samples, *, eased: bool = False) -> Iterator[AudioFrame]:
    """As the encoder must get it for packets to lie on the clip's own grid. An hour is 1.4 GB: it is never copied."""
    for start in range(0, len(sound), PACKET_SAMPLES):
        first, last = start + LOOK_AHEAD_SAMPLES, start + LOOK_AHEAD_SAMPLES + PACKET_SAMPLES
        part = _eased(sound, first, last) if eased else sound[first:last]
        part = np.pad(part, ((0, PACKET_SAMPLES - len(part)), (0, 0)))
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(part.reshape(1, -1)), format="flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, start, TIME_BASE
        yield frame


def _encoded(sound: Samples) -> Iterator[bytes]:
    """Encode by itself, on the sound's own grid: a packet for each 20 ms, made when it is asked for."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE_HZ, "stereo", "flt"
    encoder.bit_rate, encoder.time_base = BIT_RATE_HZ, TIME_BASE
    for frame in _frames(sound):
        yield from map(bytes, encoder.encode(frame))
