"""The pre-training run: seeded, resumable, judged as it goes."""

from __future__ import annotations

import copy
import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, distributed, nn
from torch.utils.data import DataLoader, Dataset

from models.errors import FitError
from models.pretraining.draws import Draw, draw
from models.pretraining.judge import judge
from models.pretraining.loss import soft_contrastive
from models.pretraining.settings import PretrainSettings
from models.scene_slowfast import SceneSlowFast, network_input
from models.scene_trunk import load_weights
from models.threads import share_cores, started
from models.whole import whole_file

Told = Callable[[dict[str, object]], None]


class Pretraining:
    """A run under way.

    Args:
        settings: how.
        device: where it learns; a GPU, if there is one, by default.
    """

    def __init__(self, settings: PretrainSettings, device: torch.device | None = None) -> None:
        self.settings = settings
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = SceneSlowFast()
        self.averaged = copy.deepcopy(self.network)
        self.log_scale = nn.Parameter(torch.tensor(1.5, device=self.device))
        self.step = settings.first_step
        self.processes = distributed.get_world_size() if distributed.is_initialized() else 1
        for part in (self.network, self.averaged):
            part.to(self.device).train()
        self.optimiser = torch.optim.AdamW(
            [
                {"params": list(self.network.parameters()), "weight_decay": settings.weight_decay},
                {"params": [self.log_scale], "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
        )

    def start_with(self, path: Path) -> None:
        """Begin with weights that another run made.

        Raises:
            FitError: they are not of this network.
        """
        for network in (self.network, self.averaged):
            load_weights(network, path)

    def save(self, path: Path) -> None:
        """Everything a resumed run needs; the file appears under its name only when it is whole."""
        kept = {
            "settings": asdict(self.settings),
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "log_scale": self.log_scale.data,
            "optimiser": self.optimiser.state_dict(),
        }
        with whole_file(path) as part:
            torch.save(kept, part)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            FitError: it is no checkpoint of a run with these settings.
        """
        try:
            kept = torch.load(path, map_location=self.device, weights_only=True)
            fixed = ("seed", "scenes", "first_step")
            others = [name for name in fixed if kept["settings"].get(name, 0) != getattr(self.settings, name)]
            if others:
                raise FitError(f"{path}: was made with other {' and '.join(others)}: give the same, or another file")
            self.network.load_state_dict(kept["network"])
            self.averaged.load_state_dict(kept["averaged"])
            self.log_scale.data.copy_(kept["log_scale"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step = int(kept["step"])
        except FitError:
            raise
        except (UnpicklingError, EOFError) as error:
            raise FitError(f"{path}: damaged, or no checkpoint at all: remove it to start afresh") from error
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise FitError(f"{path}: no checkpoint of this network ({error}): remove it to start afresh") from error

    def one_step(self, drawn: list[Draw]) -> float:
        """Learn from some scenes; the mean loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for scene in drawn:
            loss = self._loss(scene) / len(drawn)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        made = self.step - self.settings.first_step
        share = min(self.settings.averaging, made / (made + 10))
        with torch.no_grad():
            for kept, now in zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True):
                if kept.is_floating_point():
                    kept.lerp_(now, 1.0 - share)
        return total

    def _share_gradients(self) -> None:
        """The mean of all processes' gradients, where there are several."""
        if self.processes == 1:
            return
        changed = [*self.network.parameters(), self.log_scale]
        flat = torch.cat([value.grad.flatten() for value in changed if value.grad is not None])
        distributed.all_reduce(flat)
        flat /= self.processes
        at = 0
        for value in changed:
            if value.grad is not None:
                value.grad.copy_(flat[at : at + value.numel()].view_as(value))
                at += value.numel()

    def _loss(self, scene: Draw) -> Tensor:
        frames = torch.from_numpy(scene.frames).to(self.device)
        pictures = network_input(frames, torch.from_numpy(scene.mean).to(self.device))
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            features = self.network(pictures)
        return soft_contrastive(features.float(), torch.from_numpy(scene.distance).to(self.device), self.log_scale)


class _Draws(Dataset[Draw]):
    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, index: int) -> Draw:
        return draw(self.seed, index)


def _drawn(
    settings: PretrainSettings, first_step: int, workers: int, rank: int, processes: int
) -> Iterator[list[Draw]]:
    """The scenes of each step from `first_step` on, this process's share of them."""
    order = range(first_step * settings.scenes + rank, settings.steps * settings.scenes, processes)
    loader: DataLoader[Draw] = DataLoader(
        _Draws(settings.seed),
        batch_size=settings.scenes // processes,
        sampler=order,
        num_workers=workers,
        collate_fn=list,
        prefetch_factor=4 if workers else None,
    )
    return started(loader)


def pretrain(
    out: Path,
    settings: PretrainSettings,
    *,
    start: Path | None = None,
    workers: int = 1,
    every: int = 200,
    told: Told = lambda figures: None,
) -> None:
    """Make start weights; goes on where a cut-off run of the same settings left its checkpoint.

    Args:
        out: the weights, `.safetensors`, half precision; `OUT.checkpoint` and `OUT.jsonl`, the log, lie beside it.
        settings: how.
        start: weights to begin with, unless there is a checkpoint.
        workers: processes that draw scenes; 0 draws in this one.
        every: steps between two judgements, each followed by a checkpoint.
        told: is given each line of the log.

    Raises:
        FitError: the checkpoint is not of these settings, or the weights not of this network.
    """
    several = "WORLD_SIZE" in os.environ  # started by torchrun
    if several:
        distributed.init_process_group("gloo")
        share_cores(int(os.environ.get("LOCAL_WORLD_SIZE", os.environ["WORLD_SIZE"])))
    rank = distributed.get_rank() if several else 0
    run = Pretraining(settings)
    if settings.scenes % run.processes:
        raise FitError(f"{settings.scenes} scenes per step cannot be shared among {run.processes} processes")
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".jsonl")
    if checkpoint.exists():
        run.load(checkpoint)
    elif start is not None:
        run.start_with(start)
    recent: deque[float] = deque(maxlen=every)
    began_s = time.perf_counter()
    for drawn in _drawn(settings, run.step, workers, rank, run.processes):
        recent.append(run.one_step(drawn))
        if rank or (run.step % every and run.step != settings.steps):
            continue
        figures: dict[str, object] = {
            "step": run.step,
            "loss": round(float(np.mean(recent)), 4),
            "scale": round(float(run.log_scale.detach().exp()), 2),
            "seconds": round(time.perf_counter() - began_s, 1),
            "state_error": judge(run.averaged),
        }
        run.save(checkpoint)
        write_weights(run.averaged, out)
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        told(figures)


def write_weights(network: SceneSlowFast, path: Path) -> None:
    """A network's weights in half precision, without the statistics that each clip brings."""
    kept = {
        name: value.detach().to("cpu", torch.float16).contiguous()
        for name, value in network.state_dict().items()
        if "running_" not in name and "num_batches" not in name
    }
    with whole_file(path) as part:
        save_file(kept, part)
