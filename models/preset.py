"""Presets: every number of the encoders and of their fit, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

EMBEDDING_SIZE = 512  # the paper's
SIZE_STEP_PX = 16  # analysis frames' sides are multiples of it


@dataclass(frozen=True)
class PixelSettings:
    """Contrast-normalised pixels, projected on each clip's own principal components.

    Attributes:
        sampled_frames: frames compared per view, at most.
        components: principal components kept per frame, at most.
        view: "overlap" compares the frames that true neighbours share; "window" whole windows, of which the
            query's is the one that truly follows.
        kind: which trunk this describes.
    """

    sampled_frames: int = 8
    components: int = 63
    view: Literal["overlap", "window"] = "overlap"
    kind: Literal["pixels"] = "pixels"


@dataclass(frozen=True)
class SlowFastSettings:
    """A SlowFast network (Feichtenhofer et al. 2019) by pytorchvideo.

    Attributes:
        sampled_frames: frames of the fast pathway; the slow one takes every fourth.
        depth: ResNet depth, 18 or 50.
        slow_channels: channels of the slow pathway's stem (64 in the original).
        grid: the last maps are averaged over grid × grid cells, and the cells kept apart.
        view: "window" embeds whole windows, as in the paper; "overlap" the parts of them that true
            neighbours share.
        trained: whether the fit changes the network, or only the heads behind it.
        start: where its weights come from: "kinetics", PyTorchVideo's published checkpoint or a file of the
            same layout; "random", the seed.
        normalisation: "kinetics" gives the network what that checkpoint was trained on: pixels of mean 0.45
            and deviation 0.225, slow frames from the first to the last, and its own batch statistics. "clip"
            takes the clip's temporal mean away and measures the statistics on the clip.
        kind: which trunk this describes.
    """

    sampled_frames: int = 32
    depth: Literal[18, 50] = 50
    slow_channels: int = 64
    grid: int = 1
    view: Literal["window", "overlap"] = "window"
    trained: bool = True
    start: Literal["kinetics", "random"] = "random"
    normalisation: Literal["kinetics", "clip"] = "clip"
    kind: Literal["slowfast"] = "slowfast"

    def __post_init__(self) -> None:
        if self.start == "random" and self.normalisation == "kinetics":
            raise ValueError(
                "random weights have no batch statistics of their own (FACTS, trap 1): "
                'normalise on the "clip", or start from "kinetics"'
            )


@dataclass(frozen=True)
class SceneSettings:
    """The SlowFast that is pre-trained on drawn scenes, beside windowed pixels.

    Attributes:
        pixels: the other half.
        shares: of the learned half, the preferred first; the clip itself decides which is taken
            (`models.mixture`).
        weights: the network's start weights; None for those that come with the package.
        kind: which trunk this describes.
    """

    pixels: PixelSettings = PixelSettings(view="window")
    shares: tuple[float, ...] = (0.75, 1.0, 0.5, 0.25, 0.0)
    weights: Path | None = None
    kind: Literal["scenes"] = "scenes"


@dataclass(frozen=True)
class FitSettings:
    """How heads (and trunk, where it is trained) are fitted.

    Attributes:
        epochs: at most this many; 0 keeps the heads at the identity.
        patience_epochs: stop after this many without a better held-out figure.
        batch: positive pairs per step.
        negatives: segments drawn per step as negatives, besides the batch's other positives.
        near_negatives: of these, how many are drawn close around the batch's pairs. If there are any, windows
            that overlap the positive count as negatives too, as in the paper; with 0 they never do.
        optimiser: "adamw", or "sgd" with momentum 0.9 as in the paper.
        learning_rate: of the heads.
        trunk_learning_rate: of the trunk, where it is trained.
        temperature: τ of the loss (paper: 0.1).
        duplicate_share: this share of segments, those most like the positive, are no negatives.
        least_gain: share by which an epoch must beat epoch 0 to be chosen instead of it.
    """

    epochs: int = 20
    patience_epochs: int = 10
    batch: int = 32
    negatives: int = 192
    near_negatives: int = 0
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    trunk_learning_rate: float = 1e-4
    temperature: float = 0.1
    duplicate_share: float = 0.1
    least_gain: float = 0.02


@dataclass(frozen=True)
class Preset:
    """One named way to make an encoder.

    Attributes:
        name: what `--preset` takes.
        frame_height_px: the shorter side of the analysis frames, a multiple of 16.
        square: whether analysis frames are squeezed to a square, whatever the clip's aspect.
        steadies: whether a shaking camera's motion is taken out of them first.
        trunk: the network before the heads.
        head_channels: width of the heads' two hidden layers.
        fit: how it is fitted.
    """

    name: str
    frame_height_px: int
    trunk: PixelSettings | SlowFastSettings | SceneSettings
    head_channels: int
    fit: FitSettings = field(default_factory=FitSettings)
    square: bool = False
    steadies: bool = False

    def frame_size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """The size to which a clip's frames are scaled before they come to the models.

        Args:
            width_px: the clip's width as displayed, at least 1.
            height_px: the clip's height as displayed, at least 1.

        Returns:
            (width, height) in pixels: the shorter side is `frame_height_px`; the longer one follows the
            clip's aspect, rounded to a multiple of 16 and at most four times the shorter, unless the preset is
            square.

        Raises:
            ValueError: a side is not positive.
        """
        if width_px < 1 or height_px < 1:
            raise ValueError(f"a clip of {width_px}×{height_px} px has no size: both sides must be positive")
        short = self.frame_height_px
        if self.square:
            return short, short
        aspect = min(4.0, max(width_px, height_px) / min(width_px, height_px))
        long = max(short, round(short * aspect / SIZE_STEP_PX) * SIZE_STEP_PX)
        return (long, short) if width_px >= height_px else (short, long)


CPU = Preset(name="cpu", frame_height_px=64, trunk=SceneSettings(), head_channels=256, square=True, steadies=True)

# The paper's network, start, heads, temperature, optimiser and rates; 20 negatives, 8 of them near, as in the
# authors' code, but shared by the batch instead of drawn for each pair anew. Epochs and batch are ours, untuned.
PAPER = Preset(
    name="paper",
    frame_height_px=224,
    trunk=SlowFastSettings(start="kinetics", normalisation="kinetics"),
    head_channels=512,
    fit=FitSettings(
        epochs=30,
        batch=8,
        negatives=20,
        near_negatives=8,
        optimiser="sgd",
        learning_rate=1e-3,
        trunk_learning_rate=1e-4,
        duplicate_share=0.0,
    ),
)

PRESETS = {preset.name: preset for preset in (CPU, PAPER)}
