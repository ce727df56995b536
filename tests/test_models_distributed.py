"""Several processes that share one fit: two of them, by gloo on loopback, against one that does all of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.errors import FitError
from models.fit import fit, join_fit
from models.group import Alone, group_of
from models.launch import Launch, launch_for
from models.preset import CPU, PAPER
from models.threads import torch_threads
from tests.one_of_two import FRAMES, PRESET, SEGMENTS, one_loss, start_of
from tests.start_files import write_start_file

BOUND_S = 120  # of any run here; they take about 10 s on a free machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("two processes")
    write_start_file(made / "start.pyth")
    return made


def _environment(**more: object) -> dict[str, str]:
    usual = {"GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return os.environ | usual | {name: str(value) for name, value in more.items()}


def _two(task: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Both processes of a task, started by hand."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.one_of_two", task, str(folder)],
            env=_environment(RANK=rank, WORLD_SIZE=2, LOCAL_RANK=rank, MASTER_ADDR="127.0.0.1", MASTER_PORT=port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        said = [each.communicate(timeout=BOUND_S) for each in running]
    finally:
        for each in running:
            each.kill()
    return [
        subprocess.CompletedProcess(each.args, each.returncode, *text) for each, text in zip(running, said, strict=True)
    ]


def _torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    return subprocess.run(
        [*launcher, "--nproc-per-node", "2", "-m", *arguments],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
    )


def test_loss_and_gradients_are_those_of_one_process(folder: Path) -> None:
    for done in _two("loss", folder):
        assert done.returncode == 0, done.stderr
    with torch_threads(1):
        alone = one_loss(Alone(), start_of(folder))
    for rank in range(2):
        shared = load_file(folder / f"loss{rank}.safetensors")
        assert shared.keys() == alone.keys()
        for name, expected in alone.items():
            torch.testing.assert_close(shared[name], expected, atol=1e-5, rtol=1e-5, msg=lambda why: f"{name}: {why}")  # noqa: B023
    moved = [name for name, gradient in alone.items() if float(gradient.abs().max()) > 1e-4]
    assert len(moved) > 0.9 * len(alone)  # so the comparison is one of something


def test_torchrun_fits_the_same_encoder_in_each_process(folder: Path) -> None:
    done = _torchrun("tests.one_of_two", "fit", str(folder))
    assert done.returncode == 0, done.stderr
    first, second = (load_file(folder / f"fitted{rank}.safetensors") for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert "'processes': 2" in (folder / "report0.txt").read_text()
    assert "'weights': 'start.pyth'" in (folder / "report0.txt").read_text()

    with torch_threads(1):
        alone = fit(FRAMES, SEGMENTS, PRESET, seed=1, start=start_of(folder))
    assert alone.report.processes == 1
    for name, tensor in alone.encoder.state_dict().items():
        torch.testing.assert_close(first[name], tensor, atol=1e-4, rtol=1e-4, msg=lambda why: f"{name}: {why}")  # noqa: B023


def test_a_lost_process_ends_the_others_with_a_reason(folder: Path) -> None:
    began_s = time.monotonic()
    leader, lost = _two("lose one", folder)
    assert (leader.returncode, lost.returncode) == (1, 7)
    assert time.monotonic() - began_s < 60
    assert "another process of this fit was lost" in (folder / "told.txt").read_text()


def test_the_command_ends_all_processes_when_the_first_fails(tmp_path: Path) -> None:
    """One line by the first; `torchrun` ends the second."""
    began_s = time.monotonic()
    done = _torchrun(
        "videotexture", "fit", str(tmp_path / "gone.mp4"), "-o", str(tmp_path / "x.texture"), "--preset=paper"
    )
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "gone.mp4: no such file" in errors[0]
    assert time.monotonic() - began_s < 60


def test_who_waits_for_the_first_process_hears_signals(folder: Path) -> None:
    began_s = time.monotonic()
    assert _torchrun("tests.one_of_two", "never come", str(folder)).returncode != 0
    assert (folder / "ended.txt").exists()  # by its own hand: `torchrun` would kill it after 30 s
    assert time.monotonic() - began_s < 30


def test_alone_nothing_of_torch_distributed_is_started() -> None:
    program = (
        "import sys, models.fit, models.group, models.launch, torch;"
        "group = models.group.group_of(models.launch.Launch()).__enter__();"
        "assert type(group).__name__ == 'Alone' and 'models.distributed' not in sys.modules;"
        "assert not torch.distributed.is_initialized()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=BOUND_S)


@pytest.mark.parametrize(
    ("told", "launch"),
    [
        ({}, Launch()),
        ({"WORLD_SIZE": "8"}, Launch()),
        ({"RANK": "3", "WORLD_SIZE": "4"}, Launch(3, 4, 3)),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, Launch(3, 4, 1)),
    ],
)
def test_the_environment_says_which_process_this_is(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], launch: Launch
) -> None:
    _tell(monkeypatch, told)
    assert Launch.from_environment() == launch


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"RANK": "two", "WORLD_SIZE": "4"}, r"RANK='two', WORLD_SIZE='4'.*expected whole numbers"),
        ({"RANK": "0"}, r"WORLD_SIZE=''.*expected whole numbers; let `torchrun` set them"),
        ({"RANK": "4", "WORLD_SIZE": "4"}, r"RANK=4, WORLD_SIZE=4.* name no process"),
    ],
)
def test_an_impossible_environment_is_told(monkeypatch: pytest.MonkeyPatch, told: dict[str, str], message: str) -> None:
    _tell(monkeypatch, told)
    with pytest.raises(FitError, match=message):
        Launch.from_environment()


def test_a_preset_without_a_network_to_train_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    _tell(monkeypatch, {"RANK": "0", "WORLD_SIZE": "2"})
    assert launch_for(PAPER).size == 2
    with pytest.raises(FitError, match=r"the cpu preset trains no network: .*without `torchrun`"):
        launch_for(CPU)


def test_the_first_process_has_nobody_to_join() -> None:
    with pytest.raises(FitError, match="leads the fit"):
        join_fit()


def test_a_group_of_one_does_everything_itself() -> None:
    with group_of(Launch()) as group:
        which = np.array([4, 2, 2])
        assert group.part(which) is which
        rows = torch.ones(3, 2)
        assert group.whole(rows, 3) is rows
        assert group.from_first("said") == "said"
        with pytest.raises(ValueError, match="there is no other process"):
            group.frames_from_first(None)


def _tell(monkeypatch: pytest.MonkeyPatch, told: dict[str, str]) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
