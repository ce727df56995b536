"""Which interpolator makes the bridges: one by name, or the best that is quick enough here, and why no better one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from export.engine import Engine
from export.spec import EngineError
from stream.errors import InterpolatorError
from stream.interpolation.flow import Flow
from stream.interpolation.interpolator import Interpolator
from stream.interpolation.plain import CrossFade, Cut
from stream.interpolation.small import Small
from stream.interpolation.super_slomo import SuperSloMo

AUTO = "auto"
# The best first. Super SloMo's place is its authors' word; `small` is nearer to held-out pictures than flow is, but the
# seams of real jumps show no less (docs/performance.md), and it takes longer: it is for who asks for it.
RANKED = ("superslomo", "flow", "small", "crossfade", "cut")
QUICK_ENOUGH = RANKED[:-1]  # what `auto` chooses among: a cut is what is left when all else is late
NAMES = (AUTO, *RANKED)
STAND_IN = "flow"  # what `auto` takes where nothing is quick enough: bridges are asked for ahead of time
TRIALS = 2  # the first run of anything is slow
PATIENCE = 5.0  # times the limit: for so long a trial is waited for
OFFLINE_S = 2.0  # for a bridge, where nobody is kept waiting

PLAIN: dict[str, type[Interpolator]] = {"flow": Flow, "crossfade": CrossFade, "cut": Cut}
BY_NETWORK: dict[str, Callable[[Engine], Interpolator]] = {"superslomo": SuperSloMo, "small": Small}

Tell = Callable[[str], None]
Bridge = Callable[[Interpolator], object]  # makes one, from decoding its ends to encoding it
Opener = Callable[[], Engine]


@dataclass(frozen=True)
class Offer:
    """What there is to choose from.

    Attributes:
        kind: of the network, "superslomo" or "small"; None where there is none.
        open_network: opens it; None where there is none.
        lacking: why there is none, with the mend.
    """

    kind: str | None = None
    open_network: Opener | None = None
    lacking: str = "the texture has no network for it; fit it again (Super SloMo needs --interpolator-weights)"

    def opened(self, name: str) -> Interpolator:
        """One of them.

        Raises:
            InterpolatorError: it is not to be had; the message says the mend.
        """
        if name in PLAIN:
            return PLAIN[name]()
        if self.open_network is None:
            raise InterpolatorError(f"{name}: {self.lacking}")
        if self.kind != name:
            raise InterpolatorError(f"{name}: the texture has {self.kind} instead; fit it again with another")
        try:
            return BY_NETWORK[name](self.open_network())
        except EngineError as error:
            raise InterpolatorError(f"{name}: {error}") from error


def by_name(name: str, offer: Offer) -> Interpolator:
    """That one, or an error.

    Raises:
        InterpolatorError: it is not to be had, or there is none of that name; the message says the mend.
    """
    if name not in RANKED:
        raise InterpolatorError(f"there is no interpolator {name!r}: give {', '.join(NAMES)}")
    try:
        return offer.opened(name)
    except InterpolatorError as error:
        raise InterpolatorError(f"--interpolator {error}") from error


def best_within(
    limit_s: float, offer: Offer, bridge: Bridge, tell: Tell, ranked: Sequence[str] = QUICK_ENOUGH
) -> Interpolator:
    """The best that makes a bridge within some seconds on this machine; says once why no better one.

    Args:
        limit_s: for one bridge.
        offer: what there is.
        bridge: makes one by a given interpolator; called in a thread of its own, twice at most.
        tell: given that one sentence.
        ranked: the best first.
    """
    refused: dict[str, list[str]] = {}  # reasons, and whose they are

    def refuse(name: str, reason: str) -> None:
        refused.setdefault(reason, []).append(name)

    for name in ranked:
        try:
            interpolator = offer.opened(name)
        except InterpolatorError as error:
            refuse(name, str(error).removeprefix(f"{name}: "))
            continue
        seconds = _trial(interpolator, bridge, limit_s)
        if isinstance(seconds, str):
            refuse(name, seconds)
        elif seconds > limit_s:
            refuse(name, f"one takes {1000 * seconds:.0f} ms, may take {1000 * limit_s:.0f}")
            interpolator.close()
        else:
            tell(_told(f"bridges are made by {name}, {1000 * seconds:.0f} ms each", refused))
            return interpolator
    tell(_told(f"bridges are made by {STAND_IN}, and late ones are cuts", refused))
    return offer.opened(STAND_IN)


def _told(chosen: str, refused: Mapping[str, Sequence[str]]) -> str:
    return "; ".join([chosen, *(f"not by {' or '.join(names)}: {reason}" for reason, names in refused.items())])


def _trial(interpolator: Interpolator, bridge: Bridge, limit_s: float) -> float | str:
    """Seconds of one bridge; or in words why that is not known.

    One that does not end is left to end by itself: a network's run cannot be interrupted.
    """
    took: list[float] = []
    failed: list[str] = []
    given_up = threading.Event()

    def run() -> None:
        try:
            for _ in range(TRIALS):
                began = time.perf_counter()
                bridge(interpolator)
                took.append(time.perf_counter() - began)
                if given_up.is_set() or took[-1] > 2 * limit_s:
                    break
        except Exception as error:  # whatever it is, the next best one may do  # noqa: BLE001
            failed.append(f"{type(error).__name__}: {error}")
        if given_up.is_set() or failed:
            interpolator.close()

    thread = threading.Thread(target=run, name=f"trial of {interpolator.name}", daemon=True)
    thread.start()
    thread.join(PATIENCE * limit_s)
    if thread.is_alive():
        given_up.set()
        return f"one is not done after {PATIENCE * limit_s:.1f} s"
    return failed[0] if failed else min(took)
