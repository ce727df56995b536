"""How many threads the libraries of this process, and of those that it starts, may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import cv2
import torch
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader


@contextlib.contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let PyTorch use `count` threads inside the block; the process's own setting comes back after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def share_cores(processes: int) -> None:
    """Let OpenCV use this process's share of the cores, where `torchrun` started several; it limits OpenMP itself."""
    cv2.setNumThreads(max(1, (os.cpu_count() or 1) // processes))


def started(loader: DataLoader[Any]) -> Iterator[Any]:
    """Iterate over a loader whose worker processes use one thread each.

    OpenCV, OpenBLAS and OpenMP take every core in every worker otherwise: with 14 workers on 16 cores, that made
    pre-training 3.9 times slower. The limit is set here, before the workers are forked from this process: OpenCV must
    not be told in a fork, since its threads did not come along. Without workers nothing changes.
    """
    if not loader.num_workers:
        return iter(loader)
    loader.worker_init_fn = _use_one_thread
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            return iter(loader)
    finally:
        cv2.setNumThreads(before)


def _use_one_thread(worker: int) -> None:
    """OpenBLAS counts the cores again after a fork; PyTorch limits its own threads in workers."""
    threadpool_limits(1)
