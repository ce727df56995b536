"""The state of a running fit: trunk features, one epoch of steps, and embeddings of the whole clip."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.encoder import ContrastiveEncoder
from models.loss import nce, negatives_mask
from models.preset import Preset, SlowFastSettings
from models.segments import Segments
from models.split import Indices, overlap_span
from models.windows import UInt8Frames, gather

EMBEDDED_AT_ONCE = 32  # windows
MOMENTUM = 0.9


class Fitting:
    """A fit under way.

    A trunk that is not trained is run over the clip once, and its features are kept; the heads alone then
    learn, in milliseconds per epoch.

    Args:
        encoder: calibrated; changed in place. Inputs are sent to the device that it is on.
        frames: the clip, uint8 (F, h, w, 3).
        segments: its windows.
        preset: how to fit.
        random: draws batches and negatives.
    """

    def __init__(
        self,
        encoder: ContrastiveEncoder,
        frames: UInt8Frames,
        segments: Segments,
        preset: Preset,
        random: np.random.Generator,
    ) -> None:
        self.encoder = encoder
        self.frames = frames
        self.segments = segments
        self.settings = preset.fit
        self.random = random
        self.trained = isinstance(preset.trunk, SlowFastSettings) and preset.trunk.trained
        self.device = next(encoder.parameters()).device
        self.query, self.target = self._features_of_all()  # (N, 512) each
        self.likeness = self.target @ self.target.T  # (N, N), before anything is learnt
        changed = encoder.parameters() if self.trained else self._head_parameters()
        rate = self.settings.learning_rate
        self.optimiser: torch.optim.Optimizer = (
            torch.optim.SGD(changed, lr=rate, momentum=MOMENTUM)
            if self.settings.optimiser == "sgd"
            else torch.optim.AdamW(changed, lr=rate)
        )

    def _head_parameters(self) -> list[torch.nn.Parameter]:
        return [*self.encoder.query_head.parameters(), *self.encoder.target_head.parameters()]

    @torch.no_grad()
    def _features_of_all(self) -> tuple[Tensor, Tensor]:
        every = np.arange(self.segments.count)
        parts = [self._computed(every[k : k + EMBEDDED_AT_ONCE]) for k in range(0, len(every), EMBEDDED_AT_ONCE)]
        return torch.cat([query for query, _ in parts]), torch.cat([target for _, target in parts])

    def _computed(self, which: Indices) -> tuple[Tensor, Tensor]:
        """Trunk features of some segments, (B, 512) each."""
        windows = torch.from_numpy(gather(self.frames, self.segments, which))
        query, target = self.encoder.trunk(windows.to(self.device))
        return query, target

    def _features(self, which: Indices) -> tuple[Tensor, Tensor]:
        return self._computed(which) if self.trained else (self.query[which], self.target[which])

    def epoch(self, pairs: Indices) -> None:
        """One pass over the positive pairs, int64 (P,), in random order."""
        self.encoder.train()
        allowed = np.unique(np.concatenate([pairs, pairs + 1]))
        order = self.random.permutation(pairs)
        for first in range(0, len(order), self.settings.batch):
            self._step(order[first : first + self.settings.batch], allowed)
        self.encoder.eval()

    def _step(self, batch: Indices, allowed: Indices) -> None:
        drawn = self.random.choice(allowed, min(self.settings.negatives, len(allowed)), replace=False)
        successors = batch + 1
        others = np.setdiff1d(drawn, successors)
        query = self.encoder.query_head(self._features(batch)[0])
        candidates = np.concatenate([successors, others])
        target = self.encoder.target_head(self._features(candidates)[1])
        similarity = query @ target.T  # (B, C); the b-th candidate is the b-th positive
        mask = negatives_mask(
            torch.from_numpy(successors).to(self.device),
            torch.from_numpy(candidates).to(self.device),
            self.likeness[successors][:, candidates],
            span=overlap_span(self.segments),
            duplicate_share=self.settings.duplicate_share,
        )
        loss = nce(similarity.diagonal(), similarity, mask, self.settings.temperature)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()

    @torch.no_grad()
    def embeddings(self) -> tuple[Tensor, Tensor]:
        """The whole clip's (query, target), float32 (N, 512) each, on the CPU, in evaluation mode."""
        self.encoder.eval()
        query, target = self._features_of_all() if self.trained else (self.query, self.target)
        return self.encoder.query_head(query).cpu(), self.encoder.target_head(target).cpu()
