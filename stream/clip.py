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
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from models.media import open_media
from models.tracks import has_decoder, picture_track
from stream.errors import ClipError

STANDARD_RATES_HZ = tuple(
    Fraction(rate)
    for rate in ("10", "12", "25/2", "15", "20", "24000/1001", "24", "25", "30000/1001", "30", "48", "50",
                 "60000/1001", "60")
)  # fmt: skip
LOWEST_RATE_HZ = Fraction(10)  # below it, a stride would be less than two frames
HIGHEST_RATE_HZ = Fraction(60)
LONGEST_SIDE_PX = 1920  # what every viewer's hardware decodes
MOST_DAMAGED_PACKETS = 10_000
HDR_TRANSFERS = (16, 18)  # PQ and HLG, ISO/IEC 23091-2
WIDE_PRIMARIES = (9, 11, 12)  # of BT.2020, DCI-P3 and Display P3, the same
TO_BT709 = "out_range=tv:out_color_matrix=bt709:out_primaries=bt709:out_transfer=bt709:intent=perceptual"
CUT_OFF = 0.05  # of a clip: what is missing of its promised length beyond that is said
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
        self._first = self._first_frame()
        self.rate_hz = self._constant_rate()
        self.expected_frames = self._expected_frames()

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

    @property
    def first_picture_time_s(self) -> float:
        """The file's own time of its first picture, to which the sound is aligned."""
        return float(self._first.time or 0.0)

    def frames(self) -> Iterator[ClipFrame]:
        """Every picture at the constant rate, first to last. Damaged parts are passed over by FFmpeg; `notes` says so.

        Raises:
            ClipError: nothing at all could be decoded.
        """
        graph = self._filter_graph()
        index = 0
        for picture in _filtered(graph, self._timed()):
            yield ClipFrame(picture, index, index > 0 and "lavfi.scd.time" in picture.metadata)
            index += 1
        if index == 0:
            raise ClipError(f"{self.path}: no picture in it could be decoded; the file is damaged")
        if self._damaged:
            self._note("damaged parts of it are passed over")
        if index < (1 - CUT_OFF) * self.expected_frames:
            got_s, promised_s = (count / float(self.rate_hz) for count in (index, self.expected_frames))
            self._note(f"it is cut off: {got_s:.1f} s could be read of {promised_s:.1f}")

    def _open(self) -> None:
        self._container = _open(self.path)
        if self._track is None:
            self._track = self._chosen_track()
        stream = self._container.streams[self._track]
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.thread_type = "AUTO"

    def _chosen_track(self) -> int:
        chosen = picture_track(self._container, self.path)
        if chosen is None:
            kinds = ", ".join(sorted({stream.type for stream in self._container.streams})) or "nothing"
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

    def _decoded(self) -> Iterator[VideoFrame]:
        # Opened anew rather than sought in: raw streams and pipes cannot go back.
        self._container.close()
        self._open()
        packets = self._container.demux(self._stream)
        self._damaged = 0
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from packet.decode()
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                # A damaged packet: the decoder goes on with the next one, unless there is no getting past it.
                self._damaged += 1
                if self._damaged > MOST_DAMAGED_PACKETS:
                    return

    def _timed(self) -> Iterator[VideoFrame]:
        """The decoded pictures, each with a time: raw streams have none, and the `fps` filter drops what has none."""
        for index, picture in enumerate(self._decoded()):
            if picture.pts is None:
                picture.pts, picture.time_base = round(index / self.rate_hz / self._time_base), self._time_base
            yield picture

    @property
    def _time_base(self) -> Fraction:
        return self._stream.time_base or Fraction(1, 90_000)

    def _first_frame(self) -> VideoFrame:
        first = next(self._decoded(), None)
        if first is None:
            raise ClipError(f"{self.path}: no picture in it could be decoded; the file is cut short or damaged")
        return first

    def _constant_rate(self) -> Fraction:
        average = self._stream.average_rate or self._stream.guessed_rate
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

    def _expected_frames(self) -> int:
        duration_s = 0.0
        if self._stream.duration and self._stream.time_base:
            duration_s = float(self._stream.duration * self._stream.time_base)
        elif self._container.duration:
            duration_s = self._container.duration / av.time_base
        return round(duration_s * self.rate_hz)

    def _filter_graph(self) -> av.filter.Graph:
        """The chain that makes the pictures plain; `scdet` comes last, so that its marks survive."""
        graph = av.filter.Graph()
        previous = graph.add_buffer(template=self._stream)
        for name, arguments in self._filters():
            step = graph.add(name, arguments)
            previous.link_to(step)
            previous = step
        previous.link_to(graph.add("buffersink"))
        graph.configure()
        return graph

    def _filters(self) -> list[tuple[str, str]]:
        first = self._first
        filters = [("fps", f"fps={self.rate_hz.numerator}/{self.rate_hz.denominator}")]
        if first.interlaced_frame:
            filters.insert(0, ("bwdif", "mode=send_frame"))
        filters += _upright(round(first.rotation))
        square_width = first.width * (self._stream.sample_aspect_ratio or Fraction(1))
        quarter_turned = round(first.rotation) % 180 != 0
        width, height = (first.height, square_width) if quarter_turned else (square_width, first.height)
        shrink = min(Fraction(1), Fraction(LONGEST_SIDE_PX) / max(Fraction(width), Fraction(height)))
        even = (int(width * shrink) // 2 * 2, int(height * shrink) // 2 * 2)
        plain = f"out_range=tv:out_color_matrix={self._matrix(even[1])}"
        if shrink < 1 or square_width != first.width:
            filters += [("scale", f"{even[0]}:{even[1]}:{plain}"), ("setsar", "1")]
            self._note(f"it is scaled to {even[0]}x{even[1]}")
        else:
            # Scaling to its own size changes nothing but frames of another size, which some clips have midway.
            upright = (first.height, first.width) if quarter_turned else (first.width, first.height)
            filters += [("scale", f"{upright[0]}:{upright[1]}:{plain}"), ("crop", f"{even[0]}:{even[1]}:0:0")]
        filters += [*self._mapped(), ("format", "pix_fmts=yuv420p")]
        # Decoders leave what a picture says of itself (EXIF of each JPEG) in its metadata, in any encoding, and PyAV
        # reads all or none of it as UTF-8.
        return [*filters, ("metadata", "mode=delete"), ("scdet", f"threshold={CUT_SCORE}")]

    def _matrix(self, height: int) -> str:
        """The colour matrix to give it: its own where that is usual, else what its size implies."""
        own = {1: "bt709", 5: "smpte170m", 6: "smpte170m"}.get(int(self._first.colorspace))
        return own or ("bt709" if height >= 720 else "smpte170m")

    def _mapped(self) -> list[tuple[str, str]]:
        """What brings brightness and colours that are more than every screen's to those; nothing where they are not.

        It takes some seconds to prepare, and 50 ns a pixel: so it comes when the picture is as small as it gets.
        """
        if self._first.color_trc in HDR_TRANSFERS:
            self._note("it is HDR; its brightness and colours are mapped to what every screen shows")
        elif self._first.color_primaries in WIDE_PRIMARIES:
            self._note("its colours are wider than every screen's, and are mapped to those")
        else:
            return []
        return [("scale", TO_BT709)]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


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


def _upright(rotation_degrees: int) -> list[tuple[str, str]]:
    """Filters that undo a display matrix; FFmpeg gives its angle counter-clockwise."""
    turns = {
        90: [("transpose", "cclock")],
        180: [("hflip", ""), ("vflip", "")],
        270: [("transpose", "clock")],
    }
    return turns.get(rotation_degrees % 360, [])


def _filtered(graph: av.filter.Graph, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    for frame in frames:
        graph.vpush(frame)
        yield from _ready(graph)
    graph.vpush(None)
    yield from _ready(graph)


def _ready(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
