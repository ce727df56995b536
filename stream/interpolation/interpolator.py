"""What all interpolators have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from av.video.frame import VideoFrame


class Interpolator(ABC):
    """Makes pictures between two pictures. A context manager: leaving closes it.

    Used by one thread at a time. Pictures given to it are only read.

    Attributes:
        name: one of `stream.interpolation.choose.NAMES`, but "auto".
    """

    name: str

    @abstractmethod
    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """`count` pictures evenly between two of the same size (yuv420p, even sides), neither end included."""

    @property
    def cuts(self) -> bool:
        """Whether its bridges have no pictures at all."""
        return False

    def close(self) -> None:
        """Release what it holds. Closing twice does nothing."""
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def times_of(count: int) -> list[float]:
    """Where `count` pictures lie between two ends, which are at 0 and 1."""
    return [(index + 1) / (count + 1) for index in range(count)]
