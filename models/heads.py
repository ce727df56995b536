"""The two heads, φ for queries and ψ for targets."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from models.preset import EMBEDDING_SIZE


class Head(nn.Module):
    """A three-layer perceptron around the identity.

    Its last layer starts at zero, so that a fit starts from the trunk's own features and leaves them only
    where that pays (FACTS, trap 3: heads fitted from random weights made the jumps worse).

    Args:
        channels: width of the two hidden layers.

    Source:
        Narasimhan et al., section 3.2: three-layer perceptrons, 512 outputs. The identity path is ours.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Linear(channels, EMBEDDING_SIZE)
        self.layers = nn.Sequential(
            nn.Linear(EMBEDDING_SIZE, channels), nn.ReLU(), nn.Linear(channels, channels), nn.ReLU(), last
        )
        self.reset()

    def reset(self) -> None:
        """Back to the identity."""
        for values in self.layers[-1].parameters():
            nn.init.zeros_(values)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings of norm 1, float32 (B, 512), from a trunk's features (B, 512)."""
        return F.normalize(features + self.layers(features), dim=1)
