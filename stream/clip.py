"""Reading a clip: upright, 8-bit 4:2:0, even-sized pictures at one constant rate, with hard cuts marked.

Whatever a camera or an editor wrote (variable frame rate, 10 bits, rotation metadata, odd sizes, interlacing,
non-square pixels) is made plain here by FFmpeg's own filters, so that no other room has to know of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import av.filter
from av.stream import Disposition, Stream
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from models.media import open_media
from models.tracks import has_decoder, picture_track
from stream.cropping import Cropping, croppings_of
from stream.errors import ClipError
from stream.plain_pictures import Kind, PlainPictures, link, ready
from stream.promised import cut_off_note, is_much_less
from stream.time_breaks import read_timeline
from stream.timeline import PictureClock, repeats_picture

STANDARD_RATES_HZ = tuple(
    Fraction(rate)
    for rate in ("10", "12", "25/2", "15", "20", "24000/1001", "24", "25", "30000/1001", "30", "48", "50",
                 "60000/1001", "60")
)  # fmt: skip
LOWEST_RATE_HZ = Fraction(10)  # below it, a stride would be less than two frames
HIGHEST_RATE_HZ = Fraction(60)
LEAST_USUAL_RATE_HZ, MOST_USUAL_RATE_HZ = Fraction(1, 60), Fraction(240)  # files of varying rate say less, or more
MOST_DAMAGED_PACKETS = 10_000
CUT_SCORE = 10.0  # FFmpeg's own default for `scdet`, in per cent


@dataclass(frozen=True)
class ClipFrame:
    """One picture of a clip: yuv420p, limited range, and whether it is the first one after a hard cut."""

    picture: VideoFrame
    index: int
    is_cut: bool


class Clip:
    """A video file that was opened and looked at; a context manager.

    Attributes:
        path: the file.
        timeline: how the file's time becomes the clip's, 0 at its first picture.
        rate_hz: the constant rate at which `frames` yields.
        expected_frames: how many frames the file promises, for progress; 0 when it does not say.
        notes: what is changed on the way in, one line each, to be shown to the user.
    """

    def __init__(self, path: Path) -> None:
        """Open `path`.

        Raises:
            ClipError: the file is missing, is no video, or its first frame cannot be decoded.
        """
        self.path = path
        self.notes: list[str] = []
        self._track: int | None = None
        self._open()
        self.timeline = read_timeline(self._container, self._stream, self._usual_frame_s())
        self._first, self._first_aspect = self._first_frame()
        self.timeline = self.timeline.aligned(float(self._first.time or 0.0))
        for note in self.timeline.notes:
            self._note(note)
        self.rate_hz = self._constant_rate()
        self.expected_frames = round(self.timeline.duration_s * self.rate_hz)

    def __enter__(self) -> Clip:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def has_sound(self) -> bool:
        """Whether the file has a sound track."""
        return bool(self._container.streams.audio)

    def frames(self) -> Iterator[ClipFrame]:
        """Every picture at the constant rate, first to last. Damaged parts are passed over by FFmpeg; `notes` says so.

        Raises:
            ClipError: nothing at all could be decoded.
        """
        index, cuts = 0, {self._place(cut_s) for cut_s in self.timeline.cuts_s}
        for picture in self._at_constant_rate(cuts):
            is_cut = "lavfi.scd.time" in picture.metadata or index in cuts
            yield ClipFrame(picture, index, index > 0 and is_cut)
            index += 1
        if index == 0:
            raise ClipError(f"{self.path}: no picture in it could be decoded; the file is damaged")
        if self._damaged:
            self._note("damaged parts of it are passed over")
        decoded_s, stored_s = float(index / self.rate_hz), self.timeline.runs[-1].clip_ends_s
        if is_much_less(decoded_s, stored_s):
            self._note(
                f"only {decoded_s:.1f} s of its {stored_s:.1f} s of pictures can be decoded; the rest is damaged, or "
                "of another kind than what is before it"
            )
        if note := cut_off_note(self._container, self._stream, self.timeline):
            self._note(note)

    def _at_constant_rate(self, cuts: set[int]) -> Iterator[VideoFrame]:
        """All pictures, plain; where their shape changes, the place is added to `cuts`."""
        first = Kind.of(self._first, self._first_aspect, self._cropping)
        plain = PlainPictures(first, self._time_base, self._note)
        graph = av.filter.Graph()
        source = graph.add_buffer(None, *plain.size, VideoFormat("yuv420p"), time_base=plain.time_base)
        link(graph, source, [("fps", f"fps={self.rate_hz}:start_time=0"), ("scdet", f"threshold={CUT_SCORE}")])
        before, begins = first, self._first.pts or 0
        for picture, aspect in self._timed():
            kind = Kind.of(picture, aspect, self._cropping)
            picture.pts = (picture.pts or 0) - begins
            if kind != before and kind.shown_size != before.shown_size:
                cuts.add(self._place(float(picture.pts * self._time_base)))
            before = kind
            yield from _through(graph, plain.push(picture, kind))
        yield from _through(graph, plain.flush())
        graph.vpush(None)
        yield from ready(graph)

    def _place(self, time_s: float) -> int:
        """The first picture, at the constant rate, of what begins at a time."""
        return round(time_s * float(self.rate_hz))

    def _open(self) -> None:
        self._container = _open(self.path)
        if self._track is None:
            croppings = croppings_of(self._container)
            self._track = self._chosen_track()
            self._cropping = croppings.get(self._track, Cropping())
        stream = self._container.streams[self._track]
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.thread_type = "AUTO"

    def _chosen_track(self) -> int:
        chosen = picture_track(self._container, self.path)
        if chosen is None:
            kinds = ", ".join(sorted({_kind(track) for track in self._container.streams})) or "nothing"
            self._container.close()
            raise ClipError(f"{self.path}: there is no video in it, only {kinds}; a clip with pictures is needed")
        if not has_decoder(chosen.stream):
            self._container.close()
            raise ClipError(
                f"{self.path}: FFmpeg has no decoder for its pictures; convert it to H.264 with the program it is from"
            )
        if chosen.note:
            self._note(chosen.note)
        return chosen.stream.index

    def _decoded(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """The pictures with the aspect of their pixels, in a time that goes on."""
        # Opened anew rather than sought in: raw streams and pipes cannot go back.
        self._container.close()
        self._open()
        packets, clock = self._container.demux(self._stream), PictureClock(self.timeline)
        begins_with = self._stream.codec_context.sample_aspect_ratio
        self._damaged = 0
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                clock.set(packet)
                for picture in () if repeats_picture(packet) else packet.decode():
                    now = self._stream.codec_context.sample_aspect_ratio
                    # The file's word for it counts, until the pictures' own changes.
                    aspect = now if now != begins_with else self._stream.sample_aspect_ratio
                    yield picture, Fraction(aspect or 1)
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                # A damaged packet: the decoder goes on with the next one, unless there is no getting past it.
                self._damaged += 1
                if self._damaged > MOST_DAMAGED_PACKETS:
                    return

    def _timed(self) -> Iterator[tuple[VideoFrame, Fraction]]:
        """The decoded pictures, each with a time: raw streams have none, and the `fps` filter drops what has none."""
        # The `fps` filter has all but the last stand until the next.
        stands = round(self.timeline.last_stands_s / self._time_base)
        for index, (picture, aspect) in enumerate(self._decoded()):
            if picture.pts is None:
                picture.pts, picture.time_base = round(index / self.rate_hz / self._time_base), self._time_base
            picture.duration = stands
            yield picture, aspect

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, 90_000)

    def _first_frame(self) -> tuple[VideoFrame, Fraction]:
        first = next(self._decoded(), None)
        if first is None:
            raise ClipError(
                f"{self.path}: no picture in it could be decoded; the file is cut short, damaged, or of a kind that "
                "FFmpeg cannot decode, such as animated WebP"
            )
        return first

    def _usual_frame_s(self) -> float:
        """How long a picture usually stands, as far as the file says."""
        rate = self._stream.guessed_rate or self._stream.average_rate or HIGHEST_RATE_HZ
        return float(1 / min(max(Fraction(rate), LEAST_USUAL_RATE_HZ), MOST_USUAL_RATE_HZ))

    def _average_rate(self) -> Fraction | None:
        """Pictures per second; what the file says of it counts as far as its pictures bear it out.

        Those that stand for long say nothing of it: a slide in a talk, a gap that a camera left.
        """
        average, guessed = self._stream.average_rate, self._stream.guessed_rate
        usual, duration_s = Fraction(self.timeline.usual_rate_hz), self.timeline.duration_s
        is_whole = len(self.timeline.runs) == 1  # or the average goes by what is no time
        said = [rate for rate in (average if is_whole else None, guessed) if rate]
        likely = [rate for rate in said if abs(rate - usual) < usual / 20]
        if likely or not usual:
            return next(iter(likely or said), None)
        counted = self.timeline.shown / max(duration_s, self.timeline.frame_s)
        # If packets are not the pictures that the file counts, they may be fields.
        are_fields = is_whole and average and abs(average - counted) > counted / 20
        return average if are_fields else usual

    def _constant_rate(self) -> Fraction:
        average = self._average_rate()
        if not average or average <= 0:
            raise ClipError(f"{self.path}: its frame rate is not known; re-encode it with `ffmpeg -i IN -r 30 OUT.mp4`")
        rate = min(max(Fraction(average), LOWEST_RATE_HZ), HIGHEST_RATE_HZ)
        nearest = min(STANDARD_RATES_HZ, key=lambda standard: abs(standard - rate))
        if abs(nearest - rate) <= rate / 100:
            rate = nearest
        guessed = self._stream.guessed_rate
        varies = guessed is not None and abs(Fraction(guessed) - Fraction(average)) > Fraction(average) / 50
        if varies or abs(rate - average) > Fraction(average) / 50:
            self.notes.append(
                f"its frame rate ({float(average):.2f} Hz, varying or unusual) is made {float(rate):.2f} Hz"
            )
        return rate.limit_denominator(1001)

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _kind(track: Stream) -> str:
    return "cover art" if track.disposition & Disposition.attached_pic else track.type


def _open(path: Path) -> av.container.InputContainer:
    try:
        return open_media(path)
    except FileNotFoundError as error:
        raise ClipError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise ClipError(f"{path}: this is a folder; a video file is needed") from error
    except PermissionError as error:
        raise ClipError(f"{path}: not readable; check its permissions") from error
    except (av.error.FFmpegError, ValueError) as error:
        if path.is_dir():
            raise ClipError(f"{path}: this is a folder; a video file is needed") from error
        raise ClipError(f"{path}: not a video file that FFmpeg can read, or cut short") from error


def _through(graph: av.filter.Graph, pictures: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    for picture in pictures:
        graph.vpush(picture)
        yield from ready(graph)
