"""The families of drawn scenes, by name, and which of them nothing is ever trained on."""

from __future__ import annotations

from models.scenes.blobs import Blobs
from models.scenes.crowd import Crowd
from models.scenes.dancer import Dancer
from models.scenes.drawn import DrawnScene, Shot
from models.scenes.face import Face
from models.scenes.flag import Flag
from models.scenes.flame import Flame
from models.scenes.lights import Lights
from models.scenes.linkage import Linkage
from models.scenes.pendulum import Pendulum
from models.scenes.rubber import Rubber
from models.scenes.sprites import Sprites
from models.scenes.strings_picture import StringsPicture
from models.scenes.warp import Warp
from models.scenes.water import Water

FAMILIES: dict[str, type[DrawnScene]] = {
    "blobs": Blobs,
    "crowd": Crowd,
    "dancer": Dancer,
    "face": Face,
    "flag": Flag,
    "flame": Flame,
    "lights": Lights,
    "linkage": Linkage,
    "pendulum": Pendulum,
    "rubber": Rubber,
    "sprites": Sprites,
    "strings": StringsPicture,
    "warp": Warp,
    "water": Water,
}
UNSEEN = ("pendulum", "flag", "strings")  # never used for training anything: what works there, generalises


def create_scene(family: str, shot: Shot) -> DrawnScene:
    """One scene of a family.

    Args:
        family: one of `FAMILIES`.
        shot: how it is filmed.
    """
    return FAMILIES[family](shot)
