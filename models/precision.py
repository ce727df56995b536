"""Half precision where it pays: in the steps of a network that is trained on a GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.amp.grad_scaler import GradScaler


def half_type(device: torch.device) -> torch.dtype | None:
    """The half precision of a device: bfloat16 where it has it, float16 on older GPUs, None on a CPU."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def in_steps(device: torch.device, *, training: bool) -> AbstractContextManager[object]:
    """Half precision for what is computed in the block, if it is part of a training step on a GPU.

    Evaluation stays in float32, which is what the exported network computes in.
    """
    half = half_type(device) if training else None
    return nullcontext() if half is None else torch.autocast(device.type, dtype=half)


def gradient_scaler(device: torch.device) -> GradScaler:
    """Keeps small gradients above float16's least number; does nothing where float16 is not used."""
    return GradScaler("cuda", enabled=half_type(device) is torch.float16)
