"""`videotexture pretrain` as a person starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

COMMAND = [sys.executable, "-m", "videotexture", "pretrain"]
SHORT = ("--steps", "1", "--cooldown", "0", "--scenes", "1", "--workers", "0", "--every", "1")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=250)


def test_it_makes_weights_and_a_log(tmp_path: Path) -> None:
    out = tmp_path / "made" / "start.safetensors"
    done = run(out, *SHORT)
    assert done.returncode == 0, done.stderr
    assert all(np.isfinite(value).all() for value in load_file(out).values())
    assert "written after 1 steps" in " ".join(done.stderr.split())
    line = json.loads(out.with_suffix(".jsonl").read_text())
    assert line["step"] == 1
    assert 0 < line["state_error"]["pendulum 0"] < 2


def test_what_is_wrong_is_told_in_a_line(tmp_path: Path) -> None:
    wrong = run(tmp_path / "start.pt")
    assert wrong.returncode == 1
    assert "name them so" in " ".join(wrong.stderr.split())
    damaged = tmp_path / "start.checkpoint"
    damaged.write_bytes(b"nothing")
    again = run(tmp_path / "start.safetensors", *SHORT)
    assert again.returncode == 1
    assert "remove it to start afresh" in " ".join(again.stderr.split())
    assert "Traceback" not in again.stderr
