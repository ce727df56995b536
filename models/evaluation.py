"""Judging embeddings on the held-out part of the timeline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.continuation import ContinuationError
from models.loss import nce
from models.report import HeldOut
from models.segments import Segments
from models.split import Indices, overlap_span

MOST_JUDGED = 600  # held-out pairs: in an hour of video there are thousands, and each is compared with all segments


class Evaluation:
    """The held-out figures, with everything prepared that does not depend on the embeddings.

    Args:
        described: contrast-normalised pixels per frame, float32 (F, d).
        segments: the clip's windows.
        held_out: positive pairs to judge on, int64 (H,), H at least 1.
        temperature: τ of the loss.
    """

    def __init__(
        self,
        described: npt.NDArray[np.float32],
        segments: Segments,
        held_out: Indices,
        temperature: float,
    ) -> None:
        spread = np.linspace(0, len(held_out) - 1, min(MOST_JUDGED, len(held_out))).astype(np.int64)
        self.held_out = held_out = held_out[spread]
        self.clean = segments.clean
        self.span = overlap_span(segments)
        self.temperature = temperature
        self.continuation = ContinuationError(described, segments, held_out)

    def __call__(self, epoch: int, query: Tensor, target: Tensor) -> HeldOut:
        """Figures of the whole clip's embeddings.

        Args:
            epoch: which epoch they are of.
            query: float32 (N, D), on the CPU.
            target: float32 (N, D), on the CPU.
        """
        rows = query[self.held_out] @ target.T  # (H, N)
        successors = torch.from_numpy(self.held_out + 1)
        apart = (successors[:, None] - torch.arange(len(target))).abs() > self.span
        clean = torch.from_numpy(self.clean)
        positive = rows.gather(1, successors[:, None])[:, 0]
        best = rows.masked_fill(~clean, -torch.inf).argmax(dim=1)
        return HeldOut(
            epoch=epoch,
            nce=float(nce(positive, rows, apart & clean, self.temperature)),
            next_segment_top1=float((best == successors).float().mean()),
            continuation_error=self.continuation.of((query[self.continuation.rows] @ target.T).numpy()),
        )
