"""What a fit tells about itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class HeldOut:
    """Figures on the held-out part of the timeline, in evaluation mode.

    Attributes:
        epoch: after how many epochs of fitting.
        nce: contrastive loss in nats, over all segments that do not overlap the positive.
        next_segment_top1: share of segments whose most similar target of the whole clip is their successor.
        continuation_error: see `models.continuation`; a share of a random jump's, lower is better. None where
            no held-out segment has a jump to judge.
    """

    epoch: int
    nce: float
    next_segment_top1: float
    continuation_error: float | None


@dataclass(frozen=True)
class FitReport:
    """How a fit went.

    Attributes:
        preset: its name.
        trunk: the trunk's kind.
        seed: of weights and draws.
        segments: clip's segments (N).
        fitted_pairs: positive pairs learnt from.
        held_out_pairs: positive pairs judged on; 0 where the clip is too short to hold any out.
        epochs_run: epochs of fitting, whichever was chosen.
        chosen_epoch: the epoch whose weights were kept; 0 is the identity heads.
        why: why that one, in words.
        at_start: figures at epoch 0, None without held-out pairs.
        at_chosen: figures at the chosen epoch, None without held-out pairs.
        seconds: wall time per part of the fit.
        weights: the file that the trunk started from; None where it started from chance, or has nothing to learn.
        weights_sha256: of that file.
        processes: how many shared the fit.
        features: what the jumps are found by, where the clip itself decided it: "pixels", "learned", or how much
            of a mixture is learned.
        seams: how much the jumps by each of these show at an equal rate of jumps, as multiples of the clip's own
            steps; by fitted heads too, where some were tried.
        unlikeness: of both ends of those jumps by the learned features, 1 - cosine on the average: what is much more
            unlike than by the best of them is not taken.
    """

    preset: str
    trunk: str
    seed: int
    segments: int
    fitted_pairs: int
    held_out_pairs: int
    epochs_run: int
    chosen_epoch: int
    why: str
    at_start: HeldOut | None
    at_chosen: HeldOut | None
    seconds: dict[str, float]
    weights: str | None = None
    weights_sha256: str | None = None
    processes: int = 1
    features: str | None = None
    seams: dict[str, float] = field(default_factory=dict)
    unlikeness: dict[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The report as plain JSON types."""
        return asdict(self)
