"""Settings of a command from environment variables.

Every option `--two-words` is `VIDEOTEXTURE_TWO_WORDS`, every argument likewise. An empty variable sets nothing. A flag
takes true or false, and `--no-flag` has a variable of its own. What may be given several times is a TOML or JSON list
of strings (`["one", "the other"]`), or one item a line; a single item needs no form.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from models.terminal import UnmetError, say

PREFIX = "VIDEOTEXTURE"  # what variables begin with
YES, NO = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")
_HOLD_BLANKS = ("texture", "play_at", "hls", "record")  # items of these lists may; those of the others cannot
_NEXT_ITEM = re.compile(r"\s+(?=\d{1,2}:\d{2}=|(?:~\w*|\.{1,2})?/\S)")  # a time of day, or a path from the root or home

# What Kubernetes sets for a Service called videotexture, or videotexture-anything (its documentation, "Discovering
# services", and kubernetes/pkg/kubelet/envvars), and Docker for a container linked by such a name.
_FOREIGN_NAME = re.compile(
    PREFIX + r"(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?|ENV_\w+)"
)
_FOREIGN_PORT = re.compile(r"(tcp|udp|sctp)://\S+")  # the value of ..._PORT, and of ..._PORT_80_TCP
_FOREIGN_LINK = re.compile(r"/[\w.-]+/[\w.-]+")  # the value of ..._NAME: /container/alias


def spellings(parameter: Any) -> dict[str, bool]:
    """The names by which a parameter can be set, and whether each says the opposite of it (as `no_renditions` does)."""
    names = {parameter.name: False}
    for option in parameter.opts:
        if option.startswith("--"):
            names.setdefault(option[2:].replace("-", "_"), False)
    for option in getattr(parameter, "secondary_opts", ()):
        names.setdefault(option[2:].replace("-", "_"), True)
    return names


def is_many(parameter: Any) -> bool:
    """Whether it can be given more than once."""
    return bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1


def is_foreign(name: str, value: str) -> bool:
    """Whether a variable is one that Kubernetes or Docker sets for a service of our name."""
    if _FOREIGN_NAME.fullmatch(name):
        return True
    return bool(
        (name.endswith("_PORT") and _FOREIGN_PORT.fullmatch(value))
        or (name.endswith("_NAME") and _FOREIGN_LINK.fullmatch(value))
    )


def ours(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that are meant for us and not empty, and the names of those that only look so."""
    named = {name: value for name, value in environment.items() if name.startswith(PREFIX + "_") and value.strip()}
    foreign = [name for name, value in named.items() if is_foreign(name, value)]
    return {name: value for name, value in named.items() if name not in foreign}, foreign


def say_ignored(foreign: list[str]) -> None:
    """Tell once which variables are left alone."""
    if foreign:
        others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        say(
            f"{min(foreign)}{others} in the environment set nothing: Kubernetes or Docker made them "
            "for a service of this name"
        )


def check_names(given: Iterable[str], parameters: Iterable[Any]) -> None:
    """See that no variable was meant for us and misspelt.

    Args:
        given: names of variables that are ours.
        parameters: of all commands that look at the environment.

    Raises:
        UnmetError: one was.
    """
    names = [f"{PREFIX}_{name.upper()}" for each in parameters for name in spellings(each)]
    for name in given:
        if name not in names:
            raise UnmetError(f"{name}, in the environment, sets nothing{perhaps(name, names)}")


def perhaps(given: str, known: list[str]) -> str:
    """A question, where a known name is like the given one."""
    close = difflib.get_close_matches(given, known, 1)
    return f"; did you mean {close[0]}?" if close else ""


def from_environment(given: Mapping[str, str], parameters: Iterable[Any]) -> dict[str, object]:
    """What the variables set, by the parameters' names, as click takes it.

    Raises:
        UnmetError: a value is of another form, or two variables contradict each other.
    """
    found: dict[str, object] = {}
    for parameter in parameters:
        values = {}
        for name, is_opposite in spellings(parameter).items():
            variable = f"{PREFIX}_{name.upper()}"
            if variable in given:
                values[variable] = _value(parameter, variable, given[variable], is_opposite=is_opposite)
        if len({repr(value) for value in values.values()}) > 1:
            raise UnmetError(f"{' and '.join(values)}, in the environment, contradict each other; leave one out")
        if values:
            found[parameter.name] = next(iter(values.values()))
    return found


def _value(parameter: Any, variable: str, text: str, *, is_opposite: bool) -> object:
    if is_many(parameter):
        return _items(parameter.name, variable, text.strip())
    if not getattr(parameter, "is_flag", False):
        return text.strip()
    said = text.strip().casefold()
    if said not in (*YES, *NO):
        raise UnmetError(f"{variable} is {text!r} in the environment, expected true or false")
    return (said in YES) is not is_opposite


def _items(name: str, variable: str, text: str) -> list[str]:
    if text.startswith("["):
        try:
            listed = tomllib.loads(f"items = {text}")["items"]
        except tomllib.TOMLDecodeError as error:
            if re.match(r"""\[\s*["']""", text):
                raise UnmetError(f'{variable}, in the environment, is no list like ["a", "b c"]: {error}') from error
        else:
            if all(isinstance(each, str) for each in listed):
                return list(listed)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return lines
    return _NEXT_ITEM.split(text) if name in _HOLD_BLANKS else text.split()
