"""The state of a running fit: trunk features, one epoch of steps, and embeddings of the whole clip."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.encoder import ContrastiveEncoder
from models.group import Alone, Group
from models.loss import nce, negatives_mask
from models.negatives import draw
from models.precision import gradient_scaler
from models.preset import EMBEDDING_SIZE, Preset, SlowFastSettings
from models.segments import Segments
from models.split import Indices, overlap_span
from models.windows import UInt8Frames, gather, gather_following

EMBEDDED_AT_ONCE = 32  # windows
MOMENTUM = 0.9


class Fitting:
    """A fit under way.

    A trunk that is not trained is run over the clip once, and its features are kept; the heads alone then
    learn, in milliseconds per epoch. A trunk that is trained may be shared by several processes: each
    runs its part of the windows through the network, and all take the same steps.

    Args:
        encoder: calibrated; changed in place. Inputs are sent to the device that it is on.
        frames: the clip, uint8 (F, h, w, 3).
        segments: its windows.
        preset: how to fit.
        random: draws batches and negatives, the same in each process.
        group: the processes that share the work; one, unless told otherwise.
        features: the trunk's (query, target) of all segments, float32 (N, 512) each, where they are known already.
    """

    def __init__(
        self,
        encoder: ContrastiveEncoder,
        frames: UInt8Frames,
        segments: Segments,
        preset: Preset,
        random: np.random.Generator,
        group: Group | None = None,
        features: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        self.encoder = encoder
        self.frames = frames
        self.segments = segments
        self.settings = preset.fit
        self.random = random
        self.trained = isinstance(preset.trunk, SlowFastSettings) and preset.trunk.trained
        self.device = next(encoder.parameters()).device
        self.group = group or Alone()
        self.query, self.target = features or self._features_of_all()  # (N, 512) each
        self.at_start = self.target  # before anything is learnt: what look-alikes are told by
        self.optimiser = self._optimiser()
        self.scaler = gradient_scaler(self.device)

    def _optimiser(self) -> torch.optim.Optimizer:
        """The heads at one rate, and a trained trunk, which has less to learn, at its own."""
        changed = [{"params": self._head_parameters(), "lr": self.settings.learning_rate}]
        if self.trained:
            changed.append({"params": [*self.encoder.trunk.parameters()], "lr": self.settings.trunk_learning_rate})
        if self.settings.optimiser == "sgd":
            return torch.optim.SGD(changed, momentum=MOMENTUM)
        return torch.optim.AdamW(changed)

    def _head_parameters(self) -> list[torch.nn.Parameter]:
        return [*self.encoder.query_head.parameters(), *self.encoder.target_head.parameters()]

    @torch.no_grad()
    def _features_of_all(self) -> tuple[Tensor, Tensor]:
        own = self.group.part(np.arange(self.segments.count))
        # Into what was there before: kept one by one, results pin the heap between the networks' own (docs/notes.md).
        query, target = (torch.empty(len(own), EMBEDDING_SIZE, device=self.device) for _ in range(2))
        for first in range(0, len(own), EMBEDDED_AT_ONCE):
            part = slice(first, first + EMBEDDED_AT_ONCE)
            query[part], target[part] = self._computed(own[part])
        return self.group.whole(query, self.segments.count), self.group.whole(target, self.segments.count)

    def _computed(self, which: Indices) -> tuple[Tensor, Tensor]:
        """Trunk features of some segments, (B, 512) each."""
        windows = torch.from_numpy(gather(self.frames, self.segments, which))
        query, target = self.encoder.trunk(windows.to(self.device))
        if self.encoder.trunk.looks_ahead:
            following = torch.from_numpy(gather_following(self.frames, self.segments, which))
            query, _ = self.encoder.trunk(following.to(self.device))
        return query, target

    def _embedded(self, batch: Indices, candidates: Indices) -> tuple[Tensor, Tensor]:
        """Query embeddings of the batch (B, 512) and target embeddings of the candidates (C, 512)."""
        query_head, target_head = self.encoder.query_head, self.encoder.target_head
        if not self.trained:
            return query_head(self.query[batch]), target_head(self.target[candidates])
        windows, place = np.unique(np.concatenate([batch, candidates]), return_inverse=True)
        query, target = self._computed(self.group.part(windows))
        everybodys_query = self.group.whole(query_head(query), len(windows))
        everybodys_target = self.group.whole(target_head(target), len(windows))
        return everybodys_query[place[: len(batch)]], everybodys_target[place[len(batch) :]]

    def epoch(self, pairs: Indices) -> None:
        """One pass over the positive pairs, int64 (P,), in random order."""
        self.encoder.train()
        allowed = np.unique(np.concatenate([pairs, pairs + 1]))
        order = self.random.permutation(pairs)
        for first in range(0, len(order), self.settings.batch):
            self._step(order[first : first + self.settings.batch], allowed)
        self.encoder.eval()

    def loss(self, batch: Indices, candidates: Indices) -> Tensor:
        """The contrastive loss of some pairs, float32 (), the same in each process.

        Args:
            batch: positive pairs (i, i + 1), named by i, int64 (B,).
            candidates: segments, int64 (C,); the b-th is the b-th pair's positive.
        """
        query, target = self._embedded(batch, candidates)
        similarity = query @ target.T  # (B, C)
        positives = candidates[: len(batch)]
        mask = negatives_mask(
            torch.from_numpy(positives).to(self.device),
            torch.from_numpy(candidates).to(self.device),
            self.at_start[positives] @ self.at_start[candidates].T,
            span=0 if self.settings.near_negatives else overlap_span(self.segments),
            duplicate_share=self.settings.duplicate_share,
        )
        return nce(similarity.diagonal(), similarity, mask, self.settings.temperature)

    def _step(self, batch: Indices, allowed: Indices) -> None:
        loss = self.loss(batch, draw(batch, allowed, self.settings, self.random))
        self.optimiser.zero_grad()
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.trained:
            self.group.sum_gradients(self.encoder.parameters())
        self.scaler.step(self.optimiser)
        self.scaler.update()

    @torch.no_grad()
    def embeddings(self) -> tuple[Tensor, Tensor]:
        """The whole clip's (query, target), float32 (N, 512) each, on the CPU, in evaluation mode."""
        self.encoder.eval()
        query, target = self._features_of_all() if self.trained else (self.query, self.target)
        return self.encoder.query_head(query).cpu(), self.encoder.target_head(target).cpu()
