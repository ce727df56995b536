"""The settings of a command from a TOML file and the environment, checked as its options are.

A flag wins over the environment, that over the file, and that over the default (click's order). Every option
`--two-words` is `two_words` in the file and `VIDEOTEXTURE_TWO_WORDS` in the environment.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
import typer
from typer.core import TyperCommand

from models.terminal import UnmetError

ENVIRONMENT = "VIDEOTEXTURE"  # what variables begin with
SECRETS = ("viewer_token", "control_token", "turn_secret", "whip_token")  # never printed; `@FILE` keeps them elsewhere
PATHS = ("texture", "hls", "record", "tls_cert", "tls_key")  # looked for beside the file that names them
_NO_SETTINGS = ("config", "print_config", "help")
_SOURCES = {
    "COMMANDLINE": "a flag", "ENVIRONMENT": "the environment", "DEFAULT_MAP": "the file", "DEFAULT": "the default",
}  # fmt: skip


def use_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """The callback of `--config`: what the file says is the default from here on.

    Raises:
        UnmetError: the file cannot be read, is no TOML, or has a setting that the command does not know or of
            another type.
    """
    known = settings_of(ctx)
    check_environment(os.environ, list(known))
    if path is not None and not ctx.resilient_parsing:
        ctx.default_map = {name: _checked(path, name, value, known) for name, value in _read(path).items()}
    return path


def use_config_of_serve(ctx: typer.Context, path: Path | None) -> Path | None:
    """The same for a command that takes only some of its settings: the others of the file are left to `serve`.

    Raises:
        UnmetError: as `use_config`, but for settings that the command does not know.
    """
    known = settings_of(ctx)
    if path is not None and not ctx.resilient_parsing:
        shared = {name: value for name, value in _read(path).items() if name in known}
        ctx.default_map = {name: _checked(path, name, value, known) for name, value in shared.items()}
    return path


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnmetError(f"--config {path}: cannot be read ({error}); expected a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise UnmetError(f"--config {path}: is no TOML: {error}") from error


def settings_of(ctx: typer.Context) -> dict[str, Any]:
    """The parameters of a command that can be set, by name."""
    assert isinstance(ctx.command, TyperCommand)
    return {each.name: each for each in ctx.command.params if each.name and each.name not in _NO_SETTINGS}


def check_environment(environment: Mapping[str, str], known: list[str]) -> None:
    """See that no variable was meant for us and misspelt.

    Raises:
        UnmetError: one was.
    """
    names = [f"{ENVIRONMENT}_{name.upper()}" for name in (*known, "config")]
    for given in environment:
        if given.startswith(ENVIRONMENT + "_") and given not in names:
            raise UnmetError(f"{given}, in the environment, sets nothing{_perhaps(given, names)}")


def _checked(path: Path, name: str, value: object, known: Mapping[str, Any]) -> object:
    """A value of the file as click takes it; files that it names are looked for beside it."""
    if name not in known:
        raise UnmetError(f"--config {path}: there is no setting {name}{_perhaps(name, list(known))}")
    parameter = known[name]
    many = parameter.multiple or parameter.nargs == -1
    is_flag = bool(getattr(parameter, "is_flag", False))
    values = value if isinstance(value, list) and many else [value]
    for each in values:
        if isinstance(each, bool) is not is_flag or not isinstance(each, str | int | float):
            wanted = "true or false" if is_flag else "a list of strings" if many else "a string or a number"
            raise UnmetError(f"--config {path}: {name} is {each!r}, expected {wanted}")
    beside = [_beside(path, name, each) for each in values]
    return beside if many else beside[0]


def _beside(path: Path, name: str, value: object) -> object:
    if name in PATHS:
        return str(path.parent / str(value))
    if name in SECRETS and str(value).startswith("@"):
        return f"@{path.parent / str(value)[1:]}"
    return value


def _perhaps(given: str, known: list[str]) -> str:
    close = difflib.get_close_matches(given, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def as_toml(ctx: typer.Context) -> str:
    """Every setting of a command as it is now and where it is from, as a file that `--config` takes."""
    lines = []
    for name in settings_of(ctx):
        value, source = ctx.params[name], ctx.get_parameter_source(name)
        origin = _SOURCES.get(source.name if source else "", "the default")
        if value in (None, [], ()) or (name in SECRETS and not str(value).startswith("@")):
            why = f"set by {origin}, not shown" if value else "not set"
            lines.append(f"# {name} =  # {why}")
        else:
            lines.append(f"{tomli_w.dumps({name: _plain(value)}).strip()}  # {origin}")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float) else str(value)
