"""Which epoch of a fit is kept: the one whose jumps continue best where it was not fitted, or the identity."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

from models.evaluation import Evaluation
from models.fitting import Fitting
from models.mixture import Mixture
from models.preset import Preset, SlowFastSettings
from models.progress import Progress
from models.report import HeldOut
from models.seam import Judge
from models.split import Indices


@dataclass(frozen=True)
class Outcome:
    """How a fit ended.

    Attributes:
        epochs_run: in all.
        chosen_epoch: whose heads were kept; 0 for the identity.
        why: in words.
        at_start: held-out figures before the first epoch.
        at_chosen: of the epoch that was kept.
        features: what the jumps are found by, where the preset mixes features.
        seams: what the judge said of each candidate, by name.
        unlikeness: what the learned features say of their jumps, by name.
    """

    epochs_run: int
    chosen_epoch: int
    why: str
    at_start: HeldOut | None = None
    at_chosen: HeldOut | None = None
    features: str | None = None
    seams: dict[str, float] = field(default_factory=dict)
    unlikeness: dict[str, float] = field(default_factory=dict)


def last_epoch(fitting: Fitting, pairs: Indices, preset: Preset) -> Outcome:
    """Too short a clip to hold anything out: nothing can tell a better epoch from a worse."""
    if _may_stay(preset):
        return Outcome(0, 0, "too few positive pairs to hold any out: the heads stay at the identity")
    for _ in range(preset.fit.epochs if len(pairs) else 0):
        fitting.epoch(pairs)
    epochs = preset.fit.epochs if len(pairs) else 0
    return Outcome(epochs, epochs, "too few positive pairs to hold any out: the last epoch was kept")


def best_epoch(fitting: Fitting, judge: Evaluation, pairs: Indices, preset: Preset, progress: Progress) -> Outcome:
    """Fit until the held-out figure stops improving, and leave the encoder at the best epoch."""
    settings, encoder = preset.fit, fitting.encoder

    def judged(epoch: int) -> HeldOut:  # one opinion for all: they must agree on when to stop
        return fitting.group.from_first(judge(epoch, *fitting.embeddings()))

    start = judged(0)
    best, weights = (start, copy.deepcopy(encoder.state_dict())) if _may_stay(preset) else (None, {})
    epoch = 0
    for epoch in range(1, settings.epochs + 1):
        fitting.epoch(pairs)
        now = judged(epoch)
        progress("fit", epoch / settings.epochs)
        if best is None or _better(now, best, settings.least_gain):
            best, weights = now, copy.deepcopy(encoder.state_dict())
        elif epoch - best.epoch >= settings.patience_epochs:
            break
    if best is None:
        return Outcome(0, 0, "no epoch was asked for", start, start)
    encoder.load_state_dict(weights)
    return Outcome(epoch, best.epoch, _why(best, start), start, best)


def unless_they_show(fitting: Fitting, outcome: Outcome, mixture: Mixture, judge: Judge | None) -> Outcome:
    """Keep fitted heads only if their jumps show no more than the mixture's own."""
    seams = dict(mixture.seams)
    outcome = replace(outcome, features=mixture.name, seams=seams, unlikeness=mixture.unlikeness)
    if not outcome.chosen_epoch or judge is None:
        return outcome
    query, target = fitting.embeddings()
    seams["heads"] = round(judge(query.numpy(), target.numpy()).seam, 4)
    if seams["heads"] <= seams[mixture.name]:
        return outcome
    for head in (fitting.encoder.query_head, fitting.encoder.target_head):
        head.reset()
    why = f"{outcome.why}, but their seams show more: {seams['heads']:.2f}, and {seams[mixture.name]:.2f} without"
    return replace(outcome, chosen_epoch=0, why=why, at_chosen=outcome.at_start)


def _may_stay(preset: Preset) -> bool:
    """With whole windows as both views, identity heads call a segment its own best successor."""
    return not (isinstance(preset.trunk, SlowFastSettings) and preset.trunk.view == "window")


def _better(now: HeldOut, best: HeldOut, least_gain: float) -> bool:
    """Lower continuation error, and lower than epoch 0's by more than the figure's noise."""
    if now.continuation_error is None or best.continuation_error is None:
        return best.epoch != 0 and now.nce < best.nce  # no jump can be judged: prefer the identity
    if best.epoch == 0:
        return now.continuation_error < best.continuation_error * (1.0 - least_gain)
    return now.continuation_error < best.continuation_error


def _why(best: HeldOut, start: HeldOut) -> str:
    if best.continuation_error is None or start.continuation_error is None:
        return "no held-out segment has a jump to judge"
    if best.epoch == 0:
        return f"no epoch continued better than the identity's {start.continuation_error:.3f} of random"
    error, at_start = best.continuation_error, start.continuation_error
    return f"held-out jumps continue at {error:.3f} of random, {at_start:.3f} at epoch 0"
