"""What is measured on: drawn scenes under dials, and clips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.server_process import BenchError
from models.scenes.dials import DIALS, DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import FAMILIES, create_scene

ALL_LEVELS = {"all at 0.3": 0.3, "all at 0.6": 0.6}  # of every dial at once
ALONE_LEVEL = 1.0  # of one dial
DIAL_SETTINGS = ("none", *DIALS, *ALL_LEVELS)
WIDTH_PX, HEIGHT_PX = 160, 96
FIRST_SEED = 2**31 + 1000  # pre-training and tuning draw theirs below 2**31


@dataclass(frozen=True)
class Condition:
    """One film on which every method is measured.

    Attributes:
        family: of drawn scenes; "" for a clip.
        dials: how badly it is filmed, one of `DIAL_SETTINGS`; "" for a clip.
        seed: of the scene; of the walk for a clip.
        seconds: of the scene's length; 0 for a clip, which is taken whole.
        clip: the file; "" for a drawn scene.
    """

    family: str = ""
    dials: str = ""
    seed: int = 0
    seconds: float = 0.0
    clip: str = ""

    @property
    def name(self) -> str:
        """What identifies it in files."""
        where = Path(self.clip).name if self.clip else f"{self.family}, {self.dials}"
        return f"{where}, seed {self.seed}"

    def scene(self) -> DialledScene:
        """The drawn scene. The same seed gives the same scene under all dials."""
        shot = Shot(FIRST_SEED + self.seed, self.seconds, width=WIDTH_PX, height=HEIGHT_PX)
        return DialledScene(create_scene(self.family, shot), levels(self.dials), FIRST_SEED + self.seed)

    def as_dict(self) -> dict[str, object]:
        """For JSON; a clip is named, not located."""
        return {**asdict(self), "clip": Path(self.clip).name}


def levels(setting: str) -> Dials:
    """The dials of one setting."""
    if setting == "none":
        return Dials.none()
    return Dials.all(ALL_LEVELS[setting]) if setting in ALL_LEVELS else Dials.only(setting, ALONE_LEVEL)


def conditions(
    families: Sequence[str], dials: Sequence[str], seeds: int, seconds: float, clips: Sequence[Path]
) -> Iterator[Condition]:
    """Every combination, seed by seed, so that a run that is cut has something of everything.

    Raises:
        BenchError: a family or a dial that does not exist, or two clips of one name.
    """
    _check("family", families, tuple(FAMILIES))
    _check("dial", dials, DIAL_SETTINGS)
    if len({clip.name for clip in clips}) < len(clips):
        raise BenchError("two clips have the same name: rename one of them")
    for seed in range(seeds):
        yield from (Condition(seed=seed, clip=str(clip)) for clip in clips)
        for setting in dials:
            yield from (Condition(family, setting, seed, seconds) for family in families)


def _check(what: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    for name in wanted:
        if name not in known:
            raise BenchError(f"no {what} is called {name!r}, expected one of {', '.join(known)}")
