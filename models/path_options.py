"""Paths among the parameters of a command: `~` is home, though no shell put it in (`--hls=~/live`, settings files).

Which parameters hold paths is read off the parameters themselves: those of type `Path`, those whose metavar says FILE
beside other things (a microphone may be a device), and those whose metavar says @FILE (a secret may stand in one).
"""

from __future__ import annotations

import os
from enum import Enum, auto
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from models.terminal import UnmetError

_WORDS = ("none", "default")  # which name no file wherever FILE may stand


class Holds(Enum):
    """What the text of a parameter may be."""

    PATH = auto()
    PERHAPS_A_PATH = auto()
    PERHAPS_AT_A_PATH = auto()
    NO_PATH = auto()


def holds(parameter: Any) -> Holds:
    """What a parameter of a command holds."""
    choices = (getattr(parameter, "metavar", None) or "").split("|")
    if parameter.type_descriptor.annotation in (Path, list[Path]):
        return Holds.PATH
    if "@FILE" in choices:
        return Holds.PERHAPS_AT_A_PATH
    return Holds.PERHAPS_A_PATH if "FILE" in choices else Holds.NO_PATH


def at_home(text: str) -> str:
    """A path with `~` and `~user` replaced by that home.

    Raises:
        UnmetError: there is no such user.
    """
    if not text.startswith("~"):
        return text
    expanded = os.path.expanduser(text)
    if not expanded.startswith("~"):
        return expanded
    if "/" in text:
        raise UnmetError(f"{text}: there is no user {text[1 : text.index('/')]!r}; a folder called so is ./{text}")
    return os.path.abspath(text)  # a file may be called ~draft


def located(parameter: Any, value: object, folder: Path | None) -> object:
    """A value, or each of several, with the paths in it located.

    Args:
        parameter: of the command.
        value: a string, a `Path`, or a list or tuple of them; anything else stays as it is.
        folder: relative paths are relative to it; None leaves them relative.

    Raises:
        UnmetError: it is the home of an unknown user, or empty, as a script gives it whose variable is not set.
    """
    what = holds(parameter)
    if isinstance(value, list | tuple):
        return type(value)(located(parameter, each, folder) for each in value)
    if what is Holds.NO_PATH or not isinstance(value, str | Path):
        return value
    if str(value) == ("@" if what is Holds.PERHAPS_AT_A_PATH else ""):
        expected = "a path" if what is Holds.PATH else parameter.metavar
        raise UnmetError(f"{max(parameter.opts, key=len)} is empty; expected {expected}")
    if what is Holds.PATH:
        return type(value)(_within(folder, at_home(str(value))))
    text = str(value)
    if what is Holds.PERHAPS_AT_A_PATH:
        return f"@{_within(folder, at_home(text[1:]))}" if text.startswith("@") else text
    words = (*_WORDS, *(choice for choice in parameter.metavar.split("|") if choice.islower()))
    return text if text.strip().casefold() in words else _perhaps_a_path(text, folder)


def _perhaps_a_path(text: str, folder: Path | None) -> str:
    if "://" in text and not text.startswith(("/", "~", ".")):
        return text
    path = _within(folder, at_home(text))
    is_meant = text.startswith(("~", "./", "../")) or ("/" in text and Path(text).suffix != "")
    return path if is_meant or (text and os.path.isfile(path)) else text


def _within(folder: Path | None, text: str) -> str:
    return text if folder is None else str(folder / text)


class PathCommand(TyperCommand):
    """A command in whose parameters `~` is home, wherever a path may stand."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, and find home."""
        if not set(args) & set(self.get_help_option_names(ctx)):
            # Looked at before conversion too: `Path("")` is the working directory, and no longer seen to be empty.
            said, _, _ = self.make_parser(ctx).parse_args(args=[*args])
            for parameter in self.params:
                for source in (said, ctx.default_map or {}):
                    located(parameter, source.get(parameter.name), None)
        rest = super().parse_args(ctx, args)
        for parameter in self.params:
            if parameter.name in ctx.params:
                ctx.params[parameter.name] = located(parameter, ctx.params[parameter.name], None)
        return rest
