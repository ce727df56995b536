"""Who made a texture, with what."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from stream.manifest import Provenance

if TYPE_CHECKING:
    from models.preset import Preset


def provenance(seed: int, preset: Preset) -> Provenance:
    """What a manifest says of a build by this installation."""
    return Provenance(
        version=version("videotexture"),
        commit=_commit(),
        seed=seed,
        preset=preset.name,
        settings=asdict(preset),
    )


@cache
def _commit() -> str | None:
    """The commit of a checkout that is run in place; None when it is installed."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
