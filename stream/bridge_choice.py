"""The bridges of an open texture, made by the interpolator that is asked for, or the best that is quick enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from export.chain import Choice, open_engine
from export.engine import Engine
from export.onnxruntime_session import read_spec
from stream.bridge_maker import Edge, make_bridge
from stream.bridges import Bridges
from stream.interpolation.choose import AUTO, Offer, Tell, best_within, by_name
from stream.interpolation.interpolator import Interpolator
from stream.texture import Texture

OpenEngine = Callable[[Path], Engine]


def open_quietly(path: Path) -> Engine:
    """The best engine that is there now; a better one that must be built first takes over when it is."""
    return open_engine(path, Choice(waits=False))


def offer_of(network: Path | None, open_network: OpenEngine = open_quietly) -> Offer:
    """What can make bridges, given a texture's `interpolator.onnx`.

    Raises:
        EngineError: it cannot be read.
    """
    if network is None:
        return Offer()
    return Offer(str(read_spec(network).fact("kind")), partial(open_network, network))


def open_bridges(
    texture: Texture,
    name: str = AUTO,
    *,
    limit_s: float | None = None,
    frames: int | None = None,
    tell: Tell = lambda _: None,
    open_network: OpenEngine = open_quietly,
) -> Bridges:
    """Bridges over which a texture can be walked; the caller's, or a player's, to close.

    Args:
        name: one of `stream.interpolation.choose.NAMES`. "auto" plays stored ones whoever made them.
        limit_s: what making one may take if it is to be chosen by "auto"; by default a stride.
        frames: pictures of every bridge alike; by default as many as the texture says of each.
        tell: given one sentence that says what "auto" chose and why nothing better.
        open_network: opens the texture's network.

    Raises:
        InterpolatorError: the named one is not to be had.
        EngineError: the texture's network cannot be read.
    """
    offer = offer_of(texture.interpolator_network, open_network)
    if name != AUTO:
        return Bridges(texture, by_name(name, offer), frames=frames, only_its_own=True)
    edge, count = _usual_jump(texture)
    if not count:
        return Bridges(texture, frames=frames)

    def bridge(interpolator: Interpolator) -> object:
        return make_bridge(texture, edge, count, interpolator)

    limit_s = texture.tempo.stride_s if limit_s is None else limit_s
    return Bridges(texture, best_within(limit_s, offer, bridge, tell), frames=frames)


def _usual_jump(texture: Texture) -> tuple[Edge, int]:
    """The likeliest jump, and how many pictures a bridge has on average; 0 where there are none."""
    leaves, lands, _ = texture.usual_liveliness().transitions.traffic()
    edge = (int(leaves[0]), int(lands[0])) if len(leaves) else (texture.segments.count - 1, 0)
    facts = texture.manifest.bridges
    return edge, texture.manifest.video.bridge_frames if facts is None else math.ceil(facts.mean_frames)
