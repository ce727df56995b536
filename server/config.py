"""The settings of a command from a TOML file and the environment, checked as its options are.

A flag wins over the environment, that over the file, and that over the default (click's order). Every option
`--two-words` is `two_words` in the file and `VIDEOTEXTURE_TWO_WORDS` in the environment (see `server.environment`).
Relative paths in the file are beside it, those in the environment where the command was started; `~` is home in both.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import tomli_w
import typer
from typer.core import TyperCommand

from models.path_options import PathCommand, at_home, located
from models.terminal import UnmetError
from models.text_file import EncodingError, read_text
from server.environment import PREFIX, check_names, from_environment, is_many, ours, perhaps, say_ignored, spellings

SECRETS = ("viewer_token", "control_token", "turn_secret", "whip_token")  # never printed; `@FILE` keeps them elsewhere
_NO_SETTINGS = ("config", "print_config", "help")
_SOURCES = {
    "COMMANDLINE": "a flag", "ENVIRONMENT": "the environment", "DEFAULT_MAP": "the file", "DEFAULT": "the default",
}  # fmt: skip


class SettingsCommand(PathCommand):
    """A command whose parameters are taken from the environment too, and from the file that its `--config` names."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse.

        Raises:
            UnmetError: a variable is misspelt, or of another form.
        """
        given, foreign = ours(os.environ)
        check_names(given, [each for command in _alike(ctx, self) for each in _variable(command)])
        values = from_environment(given, _variable(self))
        ctx.default_map = {**(ctx.default_map or {}), **values}
        ctx.meta[PREFIX] = values
        say_ignored(foreign)
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            _tell_source(ctx, error)
            raise
        for name in values:
            source = ctx.get_parameter_source(name)
            if source is not None and source.name == "DEFAULT_MAP":
                ctx.set_parameter_source(name, type(source).ENVIRONMENT)
        return rest

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """With the names of the variables, which click would else read by itself."""
        ctx.auto_envvar_prefix = PREFIX
        super().format_help(ctx, formatter)


def _alike(ctx: typer.Context, command: TyperCommand) -> list[Any]:
    """All commands that take settings from the environment: a variable of one is no mistake of another's."""
    group = ctx.parent.command if ctx.parent is not None else None
    return [command, *(each for each in getattr(group, "commands", {}).values() if isinstance(each, SettingsCommand))]


def _variable(command: Any) -> list[Any]:
    """The parameters that the environment may set: where the settings are, and all of them."""
    return [each for each in command.params if each.name == "config" or each.name not in _NO_SETTINGS]


def _tell_source(ctx: typer.Context, error: typer.BadParameter) -> None:
    parameter: Any = error.param
    source = None if parameter is None else ctx.get_parameter_source(parameter.name)
    if source is not None and source.name == "DEFAULT_MAP":
        origin = "the environment" if parameter.name in ctx.meta[PREFIX] else "the file of --config"
        error.message = f"{error.message.rstrip('.')}, in {origin}."


def use_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """The callback of `--config`: what the file says is the default from here on.

    Raises:
        UnmetError: the file cannot be read, is no TOML, or has a setting that the command does not know or of
            another type.
    """
    return _use(ctx, path, ignores_others=False)


def use_config_of_serve(ctx: typer.Context, path: Path | None) -> Path | None:
    """The same for a command that takes only some of its settings: the others of the file are left to `serve`.

    Raises:
        UnmetError: as `use_config`, but for settings that the command does not know.
    """
    return _use(ctx, path, ignores_others=True)


def _use(ctx: typer.Context, path: Path | None, *, ignores_others: bool) -> Path | None:
    if path is None or ctx.resilient_parsing:
        return path
    path = Path(at_home(str(path)))
    known = {name: (each, opposite) for each in settings_of(ctx).values() for name, opposite in spellings(each).items()}
    said: dict[str, object] = {}
    for name, value in _read(path).items():
        if name not in known and ignores_others:
            continue
        if name not in known:
            raise UnmetError(f"--config {path}: there is no setting {name}{perhaps(name, list(known))}")
        parameter, is_opposite = known[name]
        if parameter.name in said:
            raise UnmetError(f"--config {path}: {name} says again what {parameter.name} is; leave one out")
        checked = _checked(path, name, value, parameter)
        said[parameter.name] = not checked if is_opposite else checked
    ctx.default_map = {**said, **ctx.meta.get(PREFIX, {})}
    return path


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_text(path))
    except (OSError, EncodingError) as error:
        raise UnmetError(f"--config {path}: cannot be read ({error}); expected a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise UnmetError(f"--config {path}: is no TOML: {error}") from error


def settings_of(ctx: typer.Context) -> dict[str, Any]:
    """The parameters of a command that can be set, by name."""
    assert isinstance(ctx.command, TyperCommand)
    return {each.name: each for each in ctx.command.params if each.name and each.name not in _NO_SETTINGS}


def _checked(path: Path, name: str, value: object, parameter: Any) -> object:
    """A value of the file as click takes it; files that it names are looked for beside it."""
    many, is_flag = is_many(parameter), bool(getattr(parameter, "is_flag", False))
    values = value if isinstance(value, list) and many else [value]
    for each in values:
        if isinstance(each, bool) is not is_flag or not isinstance(each, str | int | float):
            wanted = "true or false" if is_flag else "a list of strings" if many else "a string or a number"
            raise UnmetError(f"--config {path}: {name} is {each!r}, expected {wanted}")
    try:
        beside = [located(parameter, each, path.parent) for each in values]
    except UnmetError as error:
        raise UnmetError(f"--config {path}: {name} is {error}") from error
    return beside if many else beside[0]


def as_toml(ctx: typer.Context) -> str:
    """Every setting of a command as it is now and where it is from, as a file that `--config` takes.

    Paths are absolute, so that the file says the same wherever it is put.
    """
    lines = []
    for name, parameter in settings_of(ctx).items():
        value, source = ctx.params[name], ctx.get_parameter_source(name)
        origin = _SOURCES.get(source.name if source else "", "the default")
        if value in (None, [], ()) or (name in SECRETS and not str(value).startswith("@")):
            why = f"set by {origin}, not shown" if value else "not set"
            lines.append(f"# {name} =  # {why}")
        else:
            plain = _plain(located(parameter, value, Path.cwd()))
            lines.append(f"{tomli_w.dumps({name: plain}).strip()}  # {origin}")
    return "\n".join(lines) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, bool | int | float) else str(value)
