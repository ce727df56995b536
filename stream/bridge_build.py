"""The part of making a texture that is about its bridges: what makes them, how long they are, which are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from models.progress import Progress
from models.segments import Segments
from stream.bridge_choice import OpenEngine, offer_of
from stream.bridge_lengths import BRIDGE_FRAMES, BridgeLengths
from stream.bridge_maker import bridge_pictures
from stream.bridge_store import Budget, Jumps, store_bridges
from stream.h264 import GopFile
from stream.ingest import IngestedVideo
from stream.interpolation.choose import AUTO, OFFLINE_S, best_within, by_name
from stream.interpolation.interpolator import Interpolator
from stream.manifest import BridgeFacts
from stream.texture import BRIDGE_ENDS, INTERPOLATOR, VIDEO
from stream.transitions import Transitions

ExportNetwork = Callable[[Path, int, int], Mapping[str, Any]]  # file, width and height in px → what it says of itself


@dataclass(frozen=True)
class BridgeSettings:
    """How the jumps of a texture are to be bridged.

    Attributes:
        frames: interpolated pictures per jump, 0 for plain cuts; None for as many as its ends are far apart.
        interpolator: one of `stream.interpolation.choose.NAMES`.
        export_network: writes the network that makes them, for pictures of a size; None for none.
        budget: of those that are stored.
    """

    frames: int | None = None
    interpolator: str = AUTO
    export_network: ExportNetwork | None = None
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        if self.interpolator == "cut":
            object.__setattr__(self, "frames", 0)

    @property
    def usual_frames(self) -> int:
        """Before it is known where the walk jumps."""
        return BRIDGE_FRAMES if self.frames is None else self.frames


@dataclass(frozen=True)
class BuiltBridges:
    """What was made.

    Attributes:
        facts: for the manifest.
        stored: how many.
        coverage: share of the jumps that need none, or whose bridge is stored.
        notes: what was chosen, and why.
    """

    facts: BridgeFacts
    stored: int
    coverage: float
    notes: tuple[str, ...]


def jumps_of(transitions: Transitions, settings: BridgeSettings, lengths: BridgeLengths) -> Jumps:
    """The jumps of a walk, and the lengths of their bridges."""
    leaves, lands, shares = transitions.traffic()
    frames = lengths.frames(leaves, lands)
    if settings.frames is not None:
        frames[:] = settings.frames
    return Jumps(leaves.astype(np.int64), lands.astype(np.int64), shares, frames)


def build_bridges(
    folder: Path, video: IngestedVideo, transitions: Transitions, settings: BridgeSettings,
    *, open_engine: OpenEngine, progress: Progress,
) -> BuiltBridges:  # fmt: skip
    """Write the network, the ends by which lengths are known, and the bridges of the likeliest jumps.

    Raises:
        InterpolatorError: the one that was asked for is not to be had.
        EngineError: the network that was written cannot be read.
    """
    lengths = BridgeLengths.of_frames(video.analysis, video.segments)
    if settings.frames is None:
        lengths.write(folder / BRIDGE_ENDS)
    jumps = jumps_of(transitions, settings, lengths)
    network, told = None, list[str]()
    if settings.export_network is not None and settings.frames != 0:
        network = dict(settings.export_network(folder / INTERPOLATOR, video.format.width, video.format.height))
    file = None if network is None else folder / INTERPOLATOR
    with (
        GopFile(folder / VIDEO) as source,
        _chosen(settings, file, jumps, source, video.segments, open_engine, told) as chosen,
    ):
        stored, coverage = store_bridges(
            folder, source, video.segments, video.format, jumps,
            interpolator=chosen, budget=settings.budget, progress=progress,
        )  # fmt: skip
        facts = BridgeFacts(
            by_distance=settings.frames is None,
            mean_frames=0.0 if chosen.cuts else round(jumps.mean_frames, 3),
            stored_by=chosen.name,
            network=network,
        )
    return BuiltBridges(facts, stored, coverage, tuple(told))


def _chosen(
    settings: BridgeSettings, network: Path | None, jumps: Jumps, source: GopFile, segments: Segments,
    open_engine: OpenEngine, told: list[str],
) -> Interpolator:  # fmt: skip
    offer = offer_of(network, open_engine)
    if settings.interpolator != AUTO:
        return by_name(settings.interpolator, offer)
    if not jumps.frames.any():
        return by_name("flow", offer)
    where = int(jumps.frames.argmax())
    edge, count = (int(jumps.leaves[where]), int(jumps.lands[where])), int(jumps.frames[where])
    return best_within(
        OFFLINE_S, offer, lambda interpolator: bridge_pictures(source, segments, edge, count, interpolator), told.append
    )
