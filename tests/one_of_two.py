"""One of the processes of `test_models_distributed`: `python -m tests.one_of_two TASK FOLDER`, with `torchrun`'s
environment."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from models.encoder import create_encoder
from models.errors import FitError
from models.fit import fit, join_fit
from models.fitting import Fitting
from models.group import Group, group_of
from models.launch import Launch
from models.preset import PAPER, FitSettings, Preset
from models.start import StartWeights, start_weights
from tests.drawn import going_round, segments_of
from tests.start_files import TINY

FRAMES = going_round(330)[:, ::2, ::2]
SEGMENTS = segments_of(FRAMES)
PRESET = dataclasses.replace(
    PAPER,
    trunk=TINY,
    head_channels=32,
    fit=FitSettings(epochs=2, batch=8, negatives=6, near_negatives=3, optimiser="sgd", duplicate_share=0.0),
)
BATCH = np.array([3, 30, 31, 17, 50], dtype=np.int64)
CANDIDATES = np.array([4, 31, 32, 18, 51, 0, 9, 33, 60], dtype=np.int64)  # 12 windows with the queries: 6 each


def start_of(folder: Path) -> StartWeights:
    """The start weights that the test has written."""
    start = start_weights(PRESET, folder / "start.pyth")
    assert start is not None
    return start


def one_loss(group: Group, start: StartWeights, preset: Preset = PRESET) -> dict[str, torch.Tensor]:
    """The loss of one batch and the gradient of each weight, as this process has them in the end."""
    encoder = create_encoder(preset, SEGMENTS, (FRAMES.shape[1], FRAMES.shape[2]), seed=0).eval()
    start.into(encoder)
    encoder.trunk.calibrate(FRAMES, SEGMENTS, np.random.default_rng(0))
    with torch.no_grad():
        for head in (encoder.query_head, encoder.target_head):
            for number, parameter in enumerate(head.parameters()):  # away from the identity, or most have no gradient
                parameter.normal_(0.0, 0.1, generator=torch.Generator().manual_seed(number))
    fitting = Fitting(encoder, FRAMES, SEGMENTS, preset, np.random.default_rng(0), group)
    encoder.train()
    loss = fitting.loss(BATCH, CANDIDATES)
    loss.backward()
    group.sum_gradients(encoder.parameters())
    return {"loss": loss.detach()} | {name: weight.grad for name, weight in encoder.named_parameters()}


def _main(task: str, folder: Path) -> None:
    launch = Launch.from_environment()
    if task == "loss":
        with group_of(launch) as group:
            save_file(one_loss(group, start_of(folder)), folder / f"loss{launch.rank}.safetensors")
    elif task == "fit":
        leads = launch.rank == 0
        result = fit(FRAMES, SEGMENTS, PRESET, seed=1, start=start_of(folder)) if leads else join_fit()
        save_file(result.encoder.state_dict(), folder / f"fitted{launch.rank}.safetensors")
        (folder / f"report{launch.rank}.txt").write_text(repr(result.report.as_dict()))
    elif task == "lose one":
        try:
            with group_of(launch) as group:
                group.from_first(0)
                if launch.rank == 1:
                    os._exit(7)  # without a word, as if it were killed
                group.whole(torch.zeros(1, 2), 2)
        except FitError as error:
            (folder / "told.txt").write_text(str(error))
            raise
    elif task == "never come":
        _never_come(launch, folder)


def _never_come(launch: Launch, folder: Path) -> None:
    """The first process fails while the second waits for it; the second has a signal's handler like the command's."""
    waiting, ended = folder / "waiting.txt", folder / "ended.txt"
    if launch.rank == 0:
        while not waiting.exists():
            time.sleep(0.05)
        time.sleep(2.0)  # by now it waits
        sys.exit(5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    waiting.touch()
    try:
        with group_of(launch):
            pass
    finally:
        ended.touch()


if __name__ == "__main__":
    torch.set_num_threads(1)
    _main(sys.argv[1], Path(sys.argv[2]))
