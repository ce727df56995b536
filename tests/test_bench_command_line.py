"""What the commands of `videotexture bench` print."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.command_line import report


def test_what_is_too_wide_is_told_line_by_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # Rich takes the captured output for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    figures: list[dict[str, object]] = [{f"figure_{index}": 10 * row + index for index in range(9)} for row in (1, 2)]
    report([{name: row[name] for name in ("figure_0", "figure_1")} for row in figures], tmp_path / "out.json")
    narrow = capsys.readouterr().out
    assert [line.split()[1::2] for line in narrow.splitlines() if "figure" in line] == [["figure_0", "figure_1"]]
    assert json.loads((tmp_path / "out.json").read_text())[1] == {"figure_0": 20, "figure_1": 21}
    report(figures, None)
    wide = capsys.readouterr().out
    assert [line.split()[1::2] for line in wide.splitlines() if "figure" in line] == [
        [f"figure_{index}", str(10 + index), str(20 + index)] for index in range(9)
    ]


def test_names_in_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    report([{"clip": "Fire [dQw4w9WgXcQ].mp4", "total_s": 1.5}, {"clip": "[bold]x[/bold].mp4", "total_s": 2}], None)
    text = capsys.readouterr().out
    assert "Fire [dQw4w9WgXcQ].mp4" in text
    assert "[bold]x[/bold].mp4" in text
