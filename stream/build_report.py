"""What a build did, and what the person who asked for it should know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stream.jump_judge import Repetition


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        seconds: by stage.
        notes: what was changed when the clip was read, and what was found out about it.
        segments: how many (N).
        bridges: how many were stored.
        bridge_coverage: share of the jumps, at the default liveliness, whose bridge is stored.
        encoder: the encoder's own report.
        sound: the sound network's own report; None where none was made.
    """

    seconds: dict[str, float]
    notes: tuple[str, ...]
    segments: int
    bridges: int
    bridge_coverage: float
    encoder: dict[str, Any]
    sound: dict[str, Any] | None = None


def notes(
    encoder_report: dict[str, Any],
    sound_report: dict[str, Any] | None,
    repetition: Repetition | None,
    shake: float = 0.0,
    place_share: float = 0.0,
) -> Iterator[str]:
    """What the person who makes a texture should know of it, a line each."""
    if shake:
        yield (
            f"the camera moves the picture by {100 * shake:.1f} % of its height: moments are compared without that, "
            f"where it was counts for {100 * place_share:.0f} % beside it, and they are shown as they are; a clip from "
            "a tripod, or a steadied one, jumps better"
        )
    if features := encoder_report.get("features"):
        said = ", ".join(f"{name} {seam:.2f}" for name, seam in encoder_report["seams"].items())
        yield f"jumps are found by: {features} (what they show, in multiples of the clip's own steps: {said})"
    if sound_report is not None:
        why = sound_report.get("why")
        yield f"sounds are compared by: {sound_report['kind']}" + (f" ({why})" if why else "")
    if repetition is not None and repetition.is_poor:
        yield (
            f"warning: this clip hardly repeats: one jump in ten shows {repetition.worst_tenth_seam:.1f} times as much "
            f"as its own steps, a random one {repetition.random_seam:.1f}; longer or calmer footage jumps better"
        )
