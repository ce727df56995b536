"""How start weights are made. No torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PretrainSettings:
    """How start weights are made.

    Attributes:
        seed: of the first weights and of every scene.
        steps: optimiser steps in all.
        scenes: per step.
        learning_rate: highest; warmed up over `warmup_steps`, and falling to 0 over the last `cooldown_steps`.
        weight_decay: AdamW's.
        warmup_steps: see `learning_rate`.
        cooldown_steps: see `learning_rate`. A run can be resumed with more steps as long as it has not begun
            to cool down.
        averaging: of the weights that are judged and shipped, over steps.
        first_step: where a run begins that begins with weights: behind the steps over which the dials go up.
    """

    seed: int = 0
    steps: int = 3000
    scenes: int = 2
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    warmup_steps: int = 100
    cooldown_steps: int = 600
    averaging: float = 0.995
    first_step: int = 0

    def rate(self, step: int) -> float:
        """The learning rate at a step."""
        up = min(1.0, (step - self.first_step + 1) / self.warmup_steps)
        down = min(1.0, (self.steps - step) / max(1, self.cooldown_steps))
        return self.learning_rate * up * down
