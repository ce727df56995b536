"""Options of the command line that several commands share, and what they mean."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from models.terminal import UnmetError, finite, say

if TYPE_CHECKING:
    from stream.bridges import Bridges
    from stream.liveliness import Liveliness
    from stream.texture import Texture


class InterpolatorName(StrEnum):
    """What makes bridges; the names of `stream.interpolation.choose`."""

    AUTO = "auto"
    SUPERSLOMO = "superslomo"
    SMALL = "small"
    FLOW = "flow"
    CROSSFADE = "crossfade"
    CUT = "cut"


Interpolator = Annotated[
    InterpolatorName, typer.Option("--interpolator", help="What makes bridges; auto: the best that is quick enough.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
JumpsPerMinute = Annotated[
    float | None,
    typer.Option("--jumps-per-minute", min=0.1, max=60, callback=finite, help="How lively; 15 by default."),
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", min=1e-4, callback=finite, help="Set τ directly, as in the paper (0.3)."),
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", min=0, max=1, callback=finite, help="With --temperature; 0.01.")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of the walk; by default another one each time.")]


def open_texture_bridges(
    texture: Texture, interpolator: InterpolatorName, *, waited_for: bool = False, frames: int | None = None
) -> Bridges:
    """Over which it jumps; says what was chosen, and why.

    Args:
        waited_for: whether bridges may take as long as they like, as in a file.
        frames: of every bridge; None for as many as each leap wants.

    Raises:
        TextureError: the interpolator cannot be had.
    """
    from stream.bridge_choice import open_bridges
    from stream.interpolation.choose import OFFLINE_S

    return open_bridges(texture, interpolator.value, limit_s=OFFLINE_S if waited_for else None, frames=frames, tell=say)


def wanted_liveliness(
    texture: Texture, jumps_per_minute: float | None, temperature: float | None, threshold: float | None
) -> Liveliness:
    """How lively the walk is: as given, or as the texture is used to.

    Raises:
        UnmetError: a rate, and what it would be solved for.
    """
    from stream.graph import Weighting
    from stream.liveliness import Liveliness

    if temperature is None and threshold is None:
        if jumps_per_minute is None:
            return texture.usual_liveliness()
        return texture.liveliness(jumps_per_minute)
    if jumps_per_minute is not None:
        raise UnmetError("--jumps-per-minute solves for what --temperature and --threshold set; give one or the other")
    weighting = Weighting(
        Weighting.temperature if temperature is None else temperature,
        Weighting.threshold if threshold is None else threshold,
    )
    return Liveliness.at_weighting(texture.graph, texture.tempo, weighting)
