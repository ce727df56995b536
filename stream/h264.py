"""GOP-aligned H.264: what is encoded once, when a texture is made, and spliced for ever after.

Every GOP is closed, begins with an IDR, has no B-frames, and all share one pair of parameter sets, so that any
GOP may follow any other. Constrained baseline, since that is what each WebRTC peer must decode (RFC 7742, 6.2).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from models.media import create_media, open_media, reason
from stream.errors import TextureError

START_CODE = b"\x00\x00\x00\x01"
UNSPECIFIED = 2  # of colour primaries, transfer and matrix, in ISO/IEC 23091-2
BT709, SMPTE170M = 1, 6


@dataclass(frozen=True)
class VideoFormat:
    """What all GOPs of one texture have in common.

    Attributes:
        width, height: pixels, even.
        rate_hz: frames per second, constant.
        gop_frames: frames of one GOP, the texture's stride.
        crf: x264's constant rate factor; lower is better and larger.
        colour: the matrix, primaries and transfer code (ISO/IEC 23091-2) that the stream is tagged with.
    """

    width: int
    height: int
    rate_hz: Fraction
    gop_frames: int
    crf: int = 22
    colour: int = BT709

    @property
    def time_base(self) -> Fraction:
        """The duration of one frame, in seconds."""
        return 1 / self.rate_hz

    def options(self) -> dict[str, str]:
        """The settings of libx264. `stitchable` keeps the parameter sets independent of the content."""
        x264 = {
            "keyint": self.gop_frames, "min-keyint": self.gop_frames, "scenecut": 0, "open-gop": 0, "bframes": 0,
            "force-cfr": 1, "stitchable": 1,
        }  # fmt: skip
        parameters = ":".join(f"{key}={value}" for key, value in x264.items())
        return {"preset": "veryfast", "crf": str(self.crf), "forced-idr": "1", "x264-params": parameters}

    def configure(self, context: VideoCodecContext) -> None:
        """Set up an encoder that is not yet open."""
        context.width, context.height, context.pix_fmt = self.width, self.height, "yuv420p"
        context.framerate, context.time_base = self.rate_hz, self.time_base
        context.profile = "Baseline"
        context.colorspace = context.color_primaries = context.color_trc = self.colour
        context.color_range = 1  # limited
        context.options = self.options()


def colour_of(picture: VideoFrame) -> int:
    """The colour code of a picture; where it has none, the one that its size implies."""
    if picture.colorspace in (BT709, SMPTE170M):
        return int(picture.colorspace)
    return BT709 if picture.height >= 720 else SMPTE170M


class GopFileWriter:
    """Writes an MP4 with one IDR per GOP; a context manager. What it leaves on an error is the caller's to remove."""

    def __init__(self, path: Path, video_format: VideoFormat) -> None:
        self._format = video_format
        self._container = create_media(path, format="mp4")
        self._stream = self._container.add_stream("libx264", rate=video_format.rate_hz)
        video_format.configure(self._stream.codec_context)
        self.frames_written = 0
        self.frames_out = self.bytes_out = 0  # of those, what has left the encoder

    def __enter__(self) -> GopFileWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._mux(self._stream.encode(None))
        try:
            self._container.close()
        except av.error.FFmpegError:
            if kind is None:  # otherwise the first error says more than this one
                raise

    def write(self, picture: VideoFrame, *, starts_gop: bool | None = None) -> None:
        """Encode the next picture (yuv420p, of the format's size).

        Args:
            starts_gop: whether a GOP begins here; by default, after each `gop_frames`.
        """
        if starts_gop is None:
            starts_gop = self.frames_written % self._format.gop_frames == 0
        _stamp(picture, self.frames_written, self._format, starts_gop)
        self._mux(self._stream.encode(picture))
        self.frames_written += 1

    def _mux(self, packets: Sequence[av.Packet[Any]]) -> None:
        self.frames_out += len(packets)
        self.bytes_out += sum(packet.size for packet in packets)
        self._container.mux(list(packets))


def encode_gop(pictures: Iterable[VideoFrame], video_format: VideoFormat) -> list[bytes]:
    """Encode one short GOP by itself; its access units, Annex B, can stand beside those of a `GopFile`."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    video_format.configure(context)
    context.thread_count = 1  # starting threads would take longer than four pictures do
    context.flags |= Flags.global_header
    packets = []
    for index, picture in enumerate(pictures):
        _stamp(picture, index, video_format, index == 0)
        packets += context.encode(picture)
    packets += context.encode(None)
    units = [bytes(packet) for packet in packets]
    assert context.extradata is not None
    return [bytes(context.extradata) + units[0], *units[1:]]


def decode_gop(units: Sequence[bytes]) -> list[VideoFrame]:
    """Decode access units that begin with an IDR.

    Raises:
        TextureError: they cannot be decoded.
    """
    context = av.CodecContext.create("h264", "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    pictures: list[VideoFrame] = []
    try:
        for unit in units:
            pictures += context.decode(av.Packet(unit))
        pictures += context.decode(None)
    except av.error.FFmpegError as error:
        raise TextureError(f"a GOP of the texture cannot be decoded ({error}); fit it again") from error
    return pictures


class GopFile:
    """Random access to the access units of a file that `GopFileWriter` wrote, without decoding; thread-safe.

    The file is mapped, not read: only the GOPs that are played come into memory.
    """

    def __init__(self, path: Path) -> None:
        """Open and index `path`.

        Raises:
            TextureError: it is missing, cut short, or no such file.
        """
        self.path = path
        try:
            with open_media(path) as container:
                stream = container.streams.video[0]
                entries = [(entry.pos, entry.size, entry.is_keyframe) for entry in stream.index_entries]
                self.parameter_sets = _parameter_sets(bytes(stream.codec_context.extradata or b""))
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError, IndexError, struct.error) as error:
            raise TextureError(
                f"{path}: not a readable texture video ({reason(error)}); fit the texture again"
            ) from error
        self._places = [(position, size) for position, size, _ in entries]
        self.keyframes = [index for index, (_, _, key) in enumerate(entries) if key]
        if not entries or entries[-1][0] + entries[-1][1] > len(self._map):
            raise TextureError(f"{path}: cut short; copy it again, or fit the texture again")

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> GopFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def size_bytes(self) -> int:
        """Of all its pictures."""
        return sum(size for _, size in self._places)

    def close(self) -> None:
        """Unmap the file."""
        self._map.close()

    def units(self, first: int, count: int) -> list[bytes]:
        """`count` access units from picture `first` on, Annex B; parameter sets stand before each IDR.

        Raises:
            IndexError: there are no such pictures in the file.
        """
        if not 0 <= first <= first + count <= len(self._places):
            raise IndexError(f"pictures {first} to {first + count} of {len(self._places)} in {self.path}")
        return [self._annex_b(*place) for place in self._places[first : first + count]]

    def _annex_b(self, position: int, size: int) -> bytes:
        sample = self._map[position : position + size]
        nals = list(_nals(sample))
        is_idr = any(nal[0] & 0x1F == 5 for nal in nals)
        return (self.parameter_sets if is_idr else b"") + b"".join(START_CODE + nal for nal in nals)


def _stamp(picture: VideoFrame, index: int, video_format: VideoFormat, starts_gop: bool) -> None:
    picture.pts, picture.time_base = index, video_format.time_base
    picture.pict_type = PictureType.I if starts_gop else PictureType.NONE


def _nals(sample: bytes) -> Iterator[bytes]:
    """The NAL units of an MP4 sample with four-byte lengths (ISO/IEC 14496-15, 5.3.4.2)."""
    offset = 0
    while offset + 4 <= len(sample):
        (length,) = struct.unpack_from(">I", sample, offset)
        yield sample[offset + 4 : offset + 4 + length]
        offset += 4 + length


def _parameter_sets(avcc: bytes) -> bytes:
    """SPS and PPS of an avcC box (ISO/IEC 14496-15, 5.3.3.1), Annex B."""
    if len(avcc) < 7 or avcc[0] != 1 or avcc[4] & 3 != 3:
        raise ValueError("no avcC with four-byte lengths in it")
    sets, offset = b"", 5
    for mask in (0x1F, 0xFF):  # first the SPS, then the PPS
        count, offset = avcc[offset] & mask, offset + 1
        for _ in range(count):
            (length,) = struct.unpack_from(">H", avcc, offset)
            sets += START_CODE + avcc[offset + 2 : offset + 2 + length]
            offset += 2 + length
    return sets
