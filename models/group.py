"""The processes that share one fit, and the one that has no company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from models.launch import Launch
from models.split import Indices
from models.windows import UInt8Frames

T = TypeVar("T")


class Group(Protocol):
    """What a fit asks of its processes. All of them call the same methods in the same order.

    Each process draws the same batches and negatives from the same seed, runs its part of the windows through
    the network, and gets everybody's embeddings. So the loss, the gradients and the fitted encoder are those
    of a single process that does all of it, but for rounding.

    Attributes:
        rank: the number of this process; 0 is the first.
        size: how many there are.
        device: where this one computes.
    """

    rank: int
    size: int

    @property
    def device(self) -> torch.device: ...

    def part(self, which: Indices) -> Indices:
        """This process's part of some segments; the parts are equally long, the last segment may be in several."""

    def whole(self, rows: Tensor, count: int) -> Tensor:
        """Everybody's rows, in the order of what was divided by `part`, with gradients.

        Args:
            rows: of this process's part, float32 (P, D).
            count: how many segments were divided.

        Returns:
            float32 (count, D). Where every process computes the same loss of it, the gradient that reaches
            `rows` is the loss's own.
        """

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each process's gradients, of its own windows, by their sum."""

    def copy_first(self, module: nn.Module) -> None:
        """Give every process the parameters and buffers of the first, their shapes too."""

    def from_first(self, value: T) -> T:
        """The first process's `value`, small and picklable."""

    def frames_from_first(self, frames: UInt8Frames | None) -> UInt8Frames:
        """The first process's frames; what the others give is not looked at."""


class Alone:
    """A group of one: nothing to divide, nobody to talk to."""

    rank = 0
    size = 1

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def part(self, which: Indices) -> Indices:
        return which

    def whole(self, rows: Tensor, count: int) -> Tensor:
        return rows

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        pass

    def copy_first(self, module: nn.Module) -> None:
        pass

    def from_first(self, value: T) -> T:
        return value

    def frames_from_first(self, frames: UInt8Frames | None) -> UInt8Frames:
        if frames is None:
            raise ValueError("there is no other process that could have frames: give them")
        return frames


@contextmanager
def group_of(launch: Launch) -> Iterator[Group]:
    """The group that this process belongs to, for the length of the block.

    Raises:
        FitError: the others did not come, or one was lost.
    """
    if launch.size == 1:
        yield Alone()
        return
    from models.distributed import processes  # torch.distributed is not for those who are alone

    with processes(launch) as group:
        yield group
