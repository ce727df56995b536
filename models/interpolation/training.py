"""Training the small interpolator: seeded, resumable, judged on families that it never sees."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.errors import FitError
from models.interpolation.film_triplets import Film
from models.interpolation.small import SmallInterpolator
from models.interpolation.triplets import PER_SCENE, TRAINED, Triplet, triplets
from models.scenes.families import UNSEEN
from models.threads import started
from models.whole import whole_file

EDGES_WEIGHT = 0.5  # of the differences of neighbouring pixels: a dissolve has the right colours and no edges
FILMED = 0.5  # share of what is learnt from, where clips are given
AVERAGING = 0.995  # of the weights that are judged and shipped, over steps
WARM_UP_STEPS = 50
JUDGED_SCENES = 24
VALIDATION_SEED = 2**31 + 11  # training draws from seeds below

Told = Callable[[dict[str, object]], None]


@dataclass(frozen=True)
class TrainingSettings:
    """How the small interpolator is trained.

    Attributes:
        seed: of the first weights and of every scene.
        steps: optimiser steps in all.
        scenes: per step, of which each gives some triplets.
        learning_rate: highest; it falls to 0 over the last `cooldown_steps`.
        cooldown_steps: see `learning_rate`. More steps may be asked of a resumed run until it cools down.
    """

    seed: int = 0
    steps: int = 3000
    scenes: int = 3
    learning_rate: float = 1e-3
    cooldown_steps: int = 500

    def rate(self, step: int) -> float:
        """The learning rate at a step."""
        up = min(1.0, (step + 1) / WARM_UP_STEPS)
        return self.learning_rate * up * min(1.0, (self.steps - step) / max(1, self.cooldown_steps))


class Training:
    """A run under way.

    Args:
        settings: how.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings, self.step = settings, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = SmallInterpolator()
        self.averaged = SmallInterpolator()
        self.averaged.load_state_dict(self.network.state_dict())
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)

    def one_step(self, given: Sequence[Triplet]) -> float:
        """Learn from some triplets; the loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        found = loss_of(self.network, given)
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        share = min(AVERAGING, self.step / (self.step + 10))
        with torch.no_grad():
            for kept, now in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
                kept.lerp_(now, 1 - share)
        return float(found.detach())

    def save(self, path: Path) -> None:
        """Everything a resumed run needs; the file appears under its name only when it is whole."""
        kept = {"settings": asdict(self.settings), "step": self.step, "optimiser": self.optimiser.state_dict()}
        kept |= {"network": self.network.state_dict(), "averaged": self.averaged.state_dict()}
        with whole_file(path) as part:
            torch.save(kept, part)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            FitError: it is no checkpoint of a run with this seed and so many scenes.
        """
        try:
            kept = torch.load(path, weights_only=True)
            for name in ("seed", "scenes"):
                if kept["settings"][name] != getattr(self.settings, name):
                    raise FitError(f"{path}: was made with another {name}: give the same one, or another file")
            self.network.load_state_dict(kept["network"])
            self.averaged.load_state_dict(kept["averaged"])
            self.optimiser.load_state_dict(kept["optimiser"])
            self.step = int(kept["step"])
        except FitError:
            raise
        except (UnpicklingError, EOFError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise FitError(f"{path}: no checkpoint of this network ({error}): remove it to start afresh") from error


def batch(given: Sequence[Triplet]) -> dict[str, Tensor]:
    """Triplets of one size as the network takes them, each entry (K, C, H, W), times (K,)."""

    def stacked(name: str, scale: float) -> Tensor:
        arrays = np.stack([getattr(each, name) for each in given]).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.ascontiguousarray(arrays, np.float32)) * scale

    pictures = {name: stacked(name, 1 / 255) for name in ("first", "last", "between")}
    flows = {name: stacked(name, 1.0) for name in ("forward", "backward")}
    return pictures | flows | {"times": torch.tensor([each.time for each in given])}


def loss_of(network: SmallInterpolator, given: Sequence[Triplet]) -> Tensor:
    """Mean absolute error of pictures and of their edges, ()."""
    entries = batch(given)
    truth = entries.pop("between")
    made = network.blended(**entries)
    off = (made - truth).abs().mean()
    edges = sum(((a - b).abs().mean() for a, b in zip(_edges(made), _edges(truth), strict=True)), torch.zeros(()))
    return off + EDGES_WEIGHT * edges


def _edges(maps: Tensor) -> tuple[Tensor, Tensor]:
    return maps[..., 1:] - maps[..., :-1], maps[..., 1:, :] - maps[..., :-1, :]


@torch.inference_mode()
def judge(network: SmallInterpolator, given: Sequence[Triplet]) -> dict[str, float]:
    """PSNR in dB, the mean over triplets that go on and over those that jump; of the blend it starts from, too."""
    plain = SmallInterpolator()
    found: dict[str, list[float]] = {}
    for each in given:
        entries = batch([each])
        truth = entries.pop("between")
        for name, judged in (("", network), ("flow, ", plain)):
            error = float(F.mse_loss(judged.blended(**entries), truth))
            found.setdefault(f"{name}{'jumps' if each.is_jump else 'going on'}", []).append(
                -10 * np.log10(error + 1e-7)
            )
    return {name: round(float(np.mean(values)), 3) for name, values in sorted(found.items())}


class _Draws(Dataset[list[Triplet]]):
    """Of each place, some triplets of a drawn scene, or where there are films, as often of one of those."""

    def __init__(self, seed: int, films: Sequence[Film]) -> None:
        self.seed, self.films = seed, films

    def __getitem__(self, index: int) -> list[Triplet]:
        random = np.random.default_rng([self.seed, index, 1])
        if self.films and random.random() < FILMED:
            filmed = self.films[int(random.integers(len(self.films)))].triplets(random, PER_SCENE)
            if filmed:  # chance may find no place between the cuts
                return filmed
        return triplets(self.seed, index)


def _together(drawn: list[list[Triplet]]) -> list[Triplet]:
    return [each for some in drawn for each in some]


def train(
    out: Path,
    settings: TrainingSettings,
    *,
    clips: Sequence[Path] = (),
    workers: int = 1,
    every: int = 100,
    told: Told = lambda figures: None,
) -> None:
    """Make the weights; goes on where a cut-off run of the same settings left its checkpoint.

    Args:
        out: the weights, `.safetensors`, half precision; `OUT.checkpoint` and `OUT.jsonl`, the log, lie beside it.
        settings: how.
        clips: real video to learn from beside drawn scenes.
        workers: processes that draw scenes; 0 draws in this one.
        every: steps between two judgements, each followed by a checkpoint.
        told: is given each line of the log.

    Raises:
        FitError: the checkpoint is not of these settings; a clip that cannot be learnt from.
    """
    films = [Film.read(clip) for clip in clips]
    run = Training(settings)
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".jsonl")
    if checkpoint.exists():
        run.load(checkpoint)
    order = range(run.step * settings.scenes, settings.steps * settings.scenes)
    loader: DataLoader[list[Triplet]] = DataLoader(
        _Draws(settings.seed, films), settings.scenes, sampler=order, num_workers=workers,
        collate_fn=_together, prefetch_factor=4 if workers else None,
    )  # fmt: skip
    seen, unseen = ([each for step in range(JUDGED_SCENES) for each in triplets(VALIDATION_SEED, step, families)]
                    for families in (TRAINED, UNSEEN))  # fmt: skip
    recent: deque[float] = deque(maxlen=every)
    began_s = time.perf_counter()
    for given in started(loader):
        recent.append(run.one_step(given))
        if run.step % every and run.step != settings.steps:
            continue
        figures: dict[str, object] = {
            "step": run.step,
            "loss": round(float(np.mean(recent)), 5),
            "seconds": round(time.perf_counter() - began_s, 1),
            "psnr": judge(run.averaged, seen),
            "psnr of unseen families": judge(run.averaged, unseen),
        }
        run.save(checkpoint)
        write_weights(run.averaged, out)
        with log.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(figures) + "\n")
        told(figures)


def write_weights(network: SmallInterpolator, path: Path) -> None:
    """A network's weights in half precision."""
    kept = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
    with whole_file(path) as part:
        save_file(kept, part)
