"""ImageNet features of single frames, which Classic Deep compares instead of pixels (paper, section 4.1)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet18

from models.errors import FitError
from models.pixels import channels_first
from models.windows import UInt8Frames

PUBLISHED = "resnet18-f37072fd.pth"  # torchvision's IMAGENET1K_V1
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # what those weights were trained with
FRAMES_AT_ONCE = 32


def find_weights(file: Path | None = None) -> Path | None:
    """The file of weights: the one that is named, or torchvision's if it was fetched before; nothing is fetched.

    Raises:
        FitError: the named file does not exist.
    """
    if file is not None:
        if not file.is_file():
            raise FitError(f"{file}: no such file; --resnet takes torchvision's {PUBLISHED}")
        return file
    published = Path(torch.hub.get_dir()) / "checkpoints" / PUBLISHED
    return published if published.is_file() else None


@torch.no_grad()
def resnet_features(frames: UInt8Frames, weights: Path) -> npt.NDArray[np.float32]:
    """Each frame's averaged last maps, of norm 1.

    Args:
        frames: uint8 RGB (F, h, w, 3).
        weights: of a ResNet-18, as torchvision publishes them.

    Returns:
        float32 (F, 512).

    Raises:
        FitError: the file is no such weights.
    """
    network = resnet18(weights=None)
    try:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever a foreign file makes of pickle, zip and shapes
        raise FitError(f"{weights}: no weights of torchvision's ResNet-18 ({error})") from error
    network.fc = nn.Identity()
    network.eval()
    mean, deviation = (torch.tensor(channel)[:, None, None] for channel in (MEAN, DEVIATION))
    parts = [
        F.normalize(network((channels_first(torch.from_numpy(part)) - mean) / deviation), dim=1)
        for part in np.array_split(frames, max(1, len(frames) // FRAMES_AT_ONCE))
    ]
    features: npt.NDArray[np.float32] = torch.cat(parts).numpy()
    return features
