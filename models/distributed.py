"""Several processes that fit one encoder, by torch.distributed: NCCL between GPUs, gloo between CPUs.

Started by `torchrun`, which ends all of them when one fails. What that one had to say is on its own output; the
others notice a broken connection at once (gloo) or are ended by `torchrun` within 30 s.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import Function, FunctionCtx
from torch.distributed.rendezvous import rendezvous

from models.errors import FitError
from models.launch import Launch
from models.split import Indices
from models.windows import UInt8Frames

TIMEOUT = timedelta(minutes=30)  # for one exchange: the first process may measure a long clip alone before it
LOOK_S = 0.2  # between two looks for the first process: a wait in torch would hear no signals
HERE = "the first process is here"

T = TypeVar("T")


class Processes:
    """A `models.group.Group` of several processes; made by `processes`."""

    def __init__(self, launch: Launch, device: torch.device) -> None:
        self.rank = launch.rank
        self.size = launch.size
        self.device = device

    def part(self, which: Indices) -> Indices:
        length = -(-len(which) // self.size)
        padded = np.concatenate([which, np.repeat(which[-1:], length * self.size - len(which))])
        return padded[self.rank * length : (self.rank + 1) * length]

    def whole(self, rows: Tensor, count: int) -> Tensor:
        with _told():
            everybodys: Tensor = _Gathered.apply(rows, self.rank, self.size)  # type: ignore[no-untyped-call]
        return everybodys[:count]

    @torch.no_grad()
    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        given = list(parameters)
        own = [torch.zeros_like(each) if each.grad is None else each.grad for each in given]
        flat = torch.cat([gradient.flatten() for gradient in own])  # one exchange instead of hundreds
        with _told():
            dist.all_reduce(flat)
        for each, total in zip(given, torch.split(flat, [each.numel() for each in given]), strict=True):
            each.grad = total.view_as(each)

    @torch.no_grad()
    def copy_first(self, module: nn.Module) -> None:
        shapes = self.from_first({name: tuple(tensor.shape) for name, tensor in module.state_dict().items()})
        for name, shape in shapes.items():
            place, _, leaf = name.rpartition(".")
            owner = module.get_submodule(place)
            if tuple(getattr(owner, leaf).shape) != shape:  # a buffer that follows the clip
                setattr(owner, leaf, getattr(owner, leaf).new_empty(shape))
            tensor = getattr(owner, leaf).detach()
            copy = tensor.contiguous()
            with _told():
                dist.broadcast(copy, src=0)
            tensor.copy_(copy)

    def from_first(self, value: T) -> T:
        box: list[Any] = [value]
        with _told():
            dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        told: T = box[0]
        return told

    def frames_from_first(self, frames: UInt8Frames | None) -> UInt8Frames:
        shape = self.from_first(None if frames is None else frames.shape)
        if shape is None:
            raise ValueError("the first process has no frames to hand out: it is the one that must give them")
        whole = np.empty(shape, np.uint8) if frames is None else np.ascontiguousarray(frames)
        with _told():
            dist.broadcast(torch.from_numpy(whole), src=0)
        return whole


class _Gathered(Function):
    """Everybody's rows. Backwards each process keeps the gradient of its own.

    Nothing is summed on the way back, unlike in `torch.distributed.nn`: there each process has a loss of its
    own, here all have the same one, and its gradient is complete in each of them.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, rows: Tensor, rank: int, size: int) -> Tensor:
        ctx.own = slice(rank * len(rows), (rank + 1) * len(rows))  # type: ignore[attr-defined]
        parts = [torch.empty_like(rows) for _ in range(size)]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient[ctx.own], None, None  # type: ignore[attr-defined]


@contextmanager
def processes(launch: Launch, *, timeout: timedelta = TIMEOUT) -> Iterator[Processes]:
    """Meet the other processes of a fit, at the address that `torchrun` gave in MASTER_ADDR and MASTER_PORT.

    The others wait for the first one as long as it lives: it may have a video to encode before.

    Args:
        launch: which process this is; of 2 or more.
        timeout: how long one exchange may take.

    Raises:
        FitError: they could not meet, or one was lost; or there are more of them than GPUs on this machine.
    """
    device = _device(launch)
    with _told():
        store, rank, size = next(iter(rendezvous("env://", launch.rank, launch.size, timeout=timeout)))
        if rank == 0:
            store.set(HERE, "1")
        while not store.check([HERE]):
            time.sleep(LOOK_S)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            store=dist.PrefixStore("fit", store),  # type: ignore[attr-defined]  # public, but not listed
            rank=rank,
            world_size=size,
            timeout=timeout,
        )
    try:
        yield Processes(launch, device)
    finally:
        dist.destroy_process_group()


def _device(launch: Launch) -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    here = int(os.environ.get("LOCAL_WORLD_SIZE", launch.size))
    if here > torch.cuda.device_count():
        raise FitError(
            f"{here} processes for {torch.cuda.device_count()} GPUs on this machine: start `torchrun "
            f"--nproc-per-node {torch.cuda.device_count()}`, or hide the GPUs with an empty CUDA_VISIBLE_DEVICES"
        )
    torch.cuda.set_device(launch.local_rank)
    return torch.device("cuda", launch.local_rank)


@contextmanager
def _told() -> Iterator[None]:
    """What torch.distributed raises, a plain RuntimeError in many cases, as one clear line."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise FitError(
            f"another process of this fit was lost or did not come; what it said is the reason (here: {reason})"
        ) from error
