"""Which of a fit's processes this is, as `torchrun` tells it. No torch: the command line asks before loading it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from models.errors import FitError
from models.preset import Preset, SlowFastSettings


@dataclass(frozen=True)
class Launch:
    """One process among those of a fit.

    Attributes:
        rank: its number, 0 to size - 1; number 0 leads: it alone reads the clip, writes and prints.
        size: how many there are.
        local_rank: its number on its own machine, which is its GPU's too.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.size or self.local_rank < 0:
            raise FitError(
                f"RANK={self.rank}, WORLD_SIZE={self.size} and LOCAL_RANK={self.local_rank} name no process: "
                "let `torchrun` set them, or unset all three"
            )

    @classmethod
    def from_environment(cls) -> Launch:
        """As `torchrun` says in RANK, WORLD_SIZE and LOCAL_RANK; alone where it did not start this process.

        Raises:
            FitError: they are no numbers, or none that go together.
        """
        if "RANK" not in os.environ:  # something else may set WORLD_SIZE alone
            return cls()
        told = {"RANK": os.environ["RANK"], "WORLD_SIZE": os.environ.get("WORLD_SIZE", "")}
        told["LOCAL_RANK"] = os.environ.get("LOCAL_RANK", told["RANK"])
        try:
            rank, size, local_rank = (int(value) for value in told.values())
        except ValueError as error:
            said = ", ".join(f"{name}={value!r}" for name, value in told.items())
            raise FitError(f"{said}: expected whole numbers; let `torchrun` set them, or unset all three") from error
        return cls(rank, size, local_rank)


def launch_for(preset: Preset) -> Launch:
    """As `Launch.from_environment`, for a fit of this preset.

    Raises:
        FitError: there are several processes, and nothing in the preset is worth sharing.
    """
    launch = Launch.from_environment()
    if launch.size > 1 and not (isinstance(preset.trunk, SlowFastSettings) and preset.trunk.trained):
        raise FitError(f"the {preset.name} preset trains no network: fit it with one process, without `torchrun`")
    return launch
