"""The families of drawn scenes, by name, and which of them nothing is ever trained on."""

from __future__ import annotations

from models.scenes.drawn import DrawnScene, Shot

FAMILIES: dict[str, type[DrawnScene]] = {}
UNSEEN = ("pendulum", "flag", "strings")  # never used for training anything: what works there, generalises


def create_scene(family: str, shot: Shot) -> DrawnScene:
    """One scene of a family.

    Args:
        family: one of `FAMILIES`.
        shot: how it is filmed.
    """
    return FAMILIES[family](shot)
