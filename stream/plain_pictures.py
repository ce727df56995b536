"""Making a clip's pictures plain: upright, 8-bit 4:2:0, of one even size, of usual colours, whole frames.

Size, shape of pixels, turn, colours and interlacing belong to each picture, and may change in the middle of a file: a
recording of television goes from 4:3 to 16:9, a joined file from one camera to another. So each kind of picture has
filters of its own, and all come out alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import av.error
import av.filter
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from stream.cropping import Cropping
from stream.upright import Upright

LONGEST_SIDE_PX = 1920  # what every viewer's hardware decodes
HDR_TRANSFERS = (16, 18)  # PQ and HLG, ISO/IEC 23091-2
WIDE_PRIMARIES = (9, 11, 12)  # of BT.2020, DCI-P3 and Display P3, the same
TO_BT709 = "out_range=tv:out_color_matrix=bt709:out_primaries=bt709:out_transfer=bt709:intent=perceptual"

Filters = list[tuple[str, str]]


@dataclass(frozen=True)
class Kind:
    """What filters go by.

    Attributes:
        width, height: as decoded.
        cropping: what the file says is not to be shown of it.
        pixels: FFmpeg's name of the pixel format.
        aspect: of a pixel, its width to its height.
        upright: how it is turned and mirrored.
        space, transfer, primaries, range: of its colours, ISO/IEC 23091-2.
        interlaced: whether it, or one before it, is of two fields.
    """

    width: int
    height: int
    cropping: Cropping
    pixels: str
    aspect: Fraction
    upright: Upright
    space: int
    transfer: int
    primaries: int
    range: int
    interlaced: bool

    @classmethod
    def of(cls, picture: VideoFrame, aspect: Fraction, cropping: Cropping) -> Kind:
        """Of a decoded picture.

        Args:
            aspect: of its pixels, which PyAV does not tell of a picture.
            cropping: what the file says of the whole track.
        """
        return cls(
            width=picture.width,
            height=picture.height,
            cropping=cropping.within(picture.width, picture.height),
            pixels=picture.format.name,
            aspect=aspect,
            upright=Upright.of(picture),
            space=int(picture.colorspace),
            transfer=int(picture.color_trc),
            primaries=int(picture.color_primaries),
            range=int(picture.color_range),
            interlaced=picture.interlaced_frame,
        )

    @property
    def shown_size(self) -> tuple[Fraction, Fraction]:
        """Width and height, upright and in square pixels."""
        cropping = self.cropping
        width = (self.width - cropping.left - cropping.right) * self.aspect
        height = Fraction(self.height - cropping.top - cropping.bottom)
        return (height, width) if self.upright.swaps_sides else (width, height)


class PlainPictures:
    """Makes pictures plain, one after the other. What comes out is in a time of `time_base`, and of the size of the
    first; a later one of another shape is fitted into it.

    Attributes:
        size: of what comes out, (width, height) in px, even.

    Args:
        first: the kind of the first picture.
        time_base: of the pictures that are pushed.
        tell: given a line for the user about each thing that is changed.
    """

    def __init__(self, first: Kind, time_base: Fraction, tell: Callable[[str], None]) -> None:
        self._first, self._tell = first, tell
        self._pushed_base = time_base
        self.time_base = time_base / 2  # deinterlacing counts fields
        width, height = first.shown_size
        self._shrink = min(Fraction(1), LONGEST_SIDE_PX / max(width, height))
        self.size = max(2, _even(width * self._shrink)), max(2, _even(height * self._shrink))
        self._kind: Kind | None = None
        self._graph: av.filter.Graph | None = None

    def push(self, picture: VideoFrame, kind: Kind) -> Iterator[VideoFrame]:
        """Take a picture; gives those that are ready."""
        if self._kind is not None and self._kind.interlaced and not kind.interlaced:
            # Fields may come and go from picture to picture; the filter for them passes whole frames on as they are.
            kind = replace(kind, interlaced=True)
        if kind != self._kind:
            yield from self.flush()
            self._kind, self._graph = kind, self._graph_of(kind)
        assert self._graph is not None
        self._graph.vpush(picture)
        yield from self._ready(self._graph)

    def flush(self) -> Iterator[VideoFrame]:
        """Those that are not out yet."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready(self._graph)

    def _ready(self, graph: av.filter.Graph) -> Iterator[VideoFrame]:
        for picture in ready(graph):
            if picture.pts is not None and picture.time_base is not None:
                scale = picture.time_base / self.time_base
                picture.pts, picture.duration = round(picture.pts * scale), round(picture.duration * scale)
            picture.time_base = self.time_base
            yield picture

    def _graph_of(self, kind: Kind) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=kind.width, height=kind.height, format=VideoFormat(kind.pixels), time_base=self._pushed_base
        )  # fmt: skip
        link(graph, source, self._filters(kind))
        return graph

    def _filters(self, kind: Kind) -> Filters:
        filters: Filters = []
        if kind.interlaced:
            filters.append(("bwdif", "mode=send_frame:deint=interlaced"))
            self._tell("it is interlaced, in part or in whole; its fields are made whole pictures")
        filters += [*kind.cropping.filters(), *kind.upright.filters()]
        filters += self._sized(kind)
        filters += [*self._mapped(kind), ("format", "pix_fmts=yuv420p"), ("setsar", "1")]
        # Decoders leave what a picture says of itself (EXIF of each JPEG) in its metadata, in any encoding, and PyAV
        # reads all or none of it as UTF-8.
        return [*filters, ("metadata", "mode=delete")]

    def _sized(self, kind: Kind) -> Filters:
        width, height = self.size
        plain = f"out_range=tv:out_color_matrix={self._matrix}"
        shown_width, shown_height = kind.shown_size
        if kind.shown_size != self._first.shown_size:
            self._tell(
                f"its picture changes from {_shape(self._first)} to {_shape(kind)} on the way; what comes is fitted in"
            )
            fit = min(width / shown_width, height / shown_height)
            fitted = max(2, _even(shown_width * fit)), max(2, _even(shown_height * fit))
            return [("scale", f"{fitted[0]}:{fitted[1]}:{plain}"), ("pad", f"{width}:{height}:(ow-iw)/2:(oh-ih)/2")]
        if self._shrink < 1 or kind.aspect != 1 or min(shown_width, shown_height) < 2:
            self._tell(f"it is scaled to {width}x{height}")
            return [("scale", f"{width}:{height}:{plain}")]
        return [("scale", f"{shown_width}:{shown_height}:{plain}"), ("crop", f"{width}:{height}:0:0")]

    @property
    def _matrix(self) -> str:
        """The colour matrix to give all: the first one's own where that is usual, else what its size implies."""
        if _is_wide(self._first):
            return "bt709"
        own = {1: "bt709", 5: "smpte170m", 6: "smpte170m"}.get(self._first.space)
        return own or ("bt709" if self.size[1] >= 720 else "smpte170m")

    def _mapped(self, kind: Kind) -> Filters:
        """What brings brightness and colours that are more than every screen's to those; nothing where they are not.

        It takes some seconds to prepare, and 50 ns a pixel: so it comes when the picture is as small as it gets.
        """
        if not _is_wide(kind):
            return []
        if kind.transfer in HDR_TRANSFERS:
            self._tell("it is HDR; its brightness and colours are mapped to what every screen shows")
        else:
            self._tell("its colours are wider than every screen's, and are mapped to those")
        mapped = [("scale", TO_BT709)]
        return mapped if self._matrix == "bt709" else [*mapped, ("scale", f"out_color_matrix={self._matrix}")]


def link(graph: av.filter.Graph, source: av.filter.context.FilterContext, filters: Filters) -> None:
    """Put filters one behind the other, a sink behind the last, and get the graph ready."""
    previous = source
    for name, arguments in filters:
        step = graph.add(name, arguments)
        previous.link_to(step)
        previous = step
    previous.link_to(graph.add("buffersink"))
    graph.configure()


def ready(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    """What comes out of a graph by now."""
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _is_wide(kind: Kind) -> bool:
    return kind.transfer in HDR_TRANSFERS or kind.primaries in WIDE_PRIMARIES


def _even(length: Fraction) -> int:
    return int(length) // 2 * 2


def _shape(kind: Kind) -> str:
    width, height = kind.shown_size
    return f"{round(width)}x{round(height)}"
