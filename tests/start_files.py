"""Files of start weights in the layout of the published ones, with random values, made by pytorchvideo itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from models.preset import SlowFastSettings

TINY = SlowFastSettings(sampled_frames=8, depth=18, slow_channels=8, start="kinetics", normalisation="kinetics")


def published_network(settings: SlowFastSettings, *, seed: int = 0) -> nn.Module:
    """pytorchvideo's whole network, classifier included, with random weights and statistics; in evaluation mode."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pytorchvideo.models.slowfast import create_slowfast
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = create_slowfast(
            model_depth=settings.depth, stem_dim_outs=(settings.slow_channels, settings.slow_channels // 8)
        )
        for name, tensor in network.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(0.0, 0.1)
            elif name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
                tensor.uniform_(0.5, 1.5)  # pytorchvideo starts some scales at 0, which would hide what is behind
    return network.eval()


def write_start_file(path: Path, settings: SlowFastSettings = TINY, *, seed: int = 0) -> Path:
    """{"model_state": weights}, as PyTorchVideo publishes them; returns `path`."""
    torch.save({"model_state": published_network(settings, seed=seed).state_dict()}, path)
    return path
