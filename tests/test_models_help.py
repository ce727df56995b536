"""What `--help` shows in a terminal of 80 columns."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import videotexture  # noqa: TID251 (the command line is what is tested)

COMMANDS = [
    [],
    ["bench"],
    *([name] for name in ("demo", "fit", "serve", "render", "inspect", "export", "devices", "pretrain", "doctor")),
    ["bench", "quality"],
    ["bench", "fanout"],
]


def shown(arguments: list[str]) -> str:
    done = CliRunner().invoke(videotexture.app, [*arguments, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_nothing_is_cut_short_at_80_columns(arguments: list[str]) -> None:
    lines = shown(arguments).splitlines()
    assert max(map(len, lines)) <= 80
    command: Any = typer.main.get_command(videotexture.app)
    for name in arguments:
        command = command.commands[name]
    for option in (spelling for each in command.params for spelling in each.opts if spelling.startswith("--")):
        assert any(option in line.split("  ")[1].replace(",", " ").split() for line in lines if line.startswith("  -"))
    assert not [line for line in lines[1:] if "…" in line or line.endswith("...")]


def test_variables_are_named_in_full_and_only_those_there_are() -> None:
    told = shown(["serve"])
    assert "VIDEOTEXTURE_JUMPS_PER_MINUTE" in told
    assert "VIDEOTEXTURE_PRINT_CONFIG" not in told


def test_each_command_is_told_in_a_whole_sentence() -> None:
    assert "make its texture once, serve it, print the address." in " ".join(shown([]).split())
