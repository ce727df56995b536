"""Processes that draw scenes do not fight for the cores."""

from __future__ import annotations

import os

import cv2
import numpy as np
import torch
from threadpoolctl import threadpool_info
from torch.utils.data import DataLoader, Dataset

from models.threads import share_cores, started


class _Threads(Dataset[dict[str, int]]):
    """What each library would use in the process that is asked."""

    def __getitem__(self, index: int) -> dict[str, int]:
        np.ones((64, 64)) @ np.ones((64, 64))
        pools = {each["internal_api"]: each["num_threads"] for each in threadpool_info()}
        return pools | {"OpenCV": cv2.getNumThreads(), "PyTorch": torch.get_num_threads(), "process": os.getpid()}

    def __len__(self) -> int:
        return 4


def test_each_drawing_process_uses_one_thread() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (1000, 1000))  # OpenCV's threads run before the fork
        with_threads = torch.get_num_threads()
        loader: DataLoader[dict[str, int]] = DataLoader(_Threads(), batch_size=None, num_workers=2)
        told = list(started(loader))
        assert cv2.getNumThreads() == 3
        assert torch.get_num_threads() == with_threads
    finally:
        cv2.setNumThreads(before)
    assert len({each.pop("process") for each in told}) == 2
    assert {"openblas", "openmp"} <= set(told[0])
    for each in told:
        assert set(each.values()) == {1}, each


def test_without_workers_this_process_keeps_its_threads() -> None:
    before = cv2.getNumThreads()
    loader: DataLoader[dict[str, int]] = DataLoader(_Threads(), batch_size=None)
    assert [each["process"] for each in started(loader)] == 4 * [os.getpid()]
    assert cv2.getNumThreads() == before


def test_processes_of_torchrun_share_the_cores() -> None:
    before = cv2.getNumThreads()
    try:
        share_cores(1000)
        assert cv2.getNumThreads() == 1
        share_cores(1)
        assert cv2.getNumThreads() == os.cpu_count()
    finally:
        cv2.setNumThreads(before)
