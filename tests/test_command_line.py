"""The command line as a user meets it: one line for what is wrong, an exit status, no traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from models.interpolation.super_slomo import SuperSloMo
from models.interpolation.weights import FLOW_PART, INTERPOLATION_PART
from stream.texture import Texture
from tests.clips import write_clip

COMMAND = [sys.executable, "-c", "import videotexture; videotexture.main()"]


def run(*arguments: object, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s)


def assert_one_clear_line(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert reason in errors[0]


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A texture made by the command itself."""
    folder = tmp_path_factory.mktemp("command line")
    clip = write_clip(folder / "clip.mp4", frames=120, with_sound=True)
    out = folder / "clip.texture"
    done = run("fit", clip, "-o", out, "--sound-weights", "none")
    assert done.returncode == 0, done.stderr
    assert "videotexture serve" in " ".join(done.stderr.split())
    return out


def test_render_copies_packets_into_a_file_of_the_right_length(texture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert run("render", texture, out, "--seconds", 10, "--seed", 3).returncode == 0
    with av.open(str(out)) as container:
        assert len(list(container.decode(video=0))) == 300
        container.seek(0)
        sound_s = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert sound_s == pytest.approx(10, abs=0.03)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_names_in_brackets_are_told_whole(texture: Path, tmp_path: Path) -> None:
    """Rich takes `[x]` for markup, and leaves it out."""
    done = run("render", texture, tmp_path / "12:30 [x].mp4", "--seconds", 2)
    assert "12:30 [x].mp4: 2 s" in " ".join(done.stderr.split())


def test_render_with_a_position_bar_says_that_it_encodes_again(texture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    done = run("render", texture, out, "--seconds", 4, "--seed", 3, "--position-bar")
    assert done.returncode == 0, done.stderr
    assert "encoded again (libx264)" in " ".join(done.stderr.split())
    with av.open(str(out)) as container:
        pictures = [picture.to_ndarray()[: picture.height] for picture in container.decode(video=0)]
    assert len(pictures) == 120
    corners = np.array([[picture[-6:-4, -8:].mean(), picture[-3:-1, -8:].mean()] for picture in pictures])
    assert (corners[:, 0] > 100).all()  # the clip is bright there
    assert (corners[:, 1] < 60).mean() > 0.5  # and the bar dark, but for when the playhead is there


def test_render_does_not_replace_unasked(texture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("mine")
    assert_one_clear_line(run("render", texture, out), "exists already")
    assert out.read_text() == "mine"


def test_inspect_tells_and_plots(texture: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.png"
    done = run("inspect", texture, "--plot", plot)
    assert done.returncode == 0
    assert "120 frames, 4.0 s" in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_inspect_draws_the_papers_figures(texture: Path, tmp_path: Path) -> None:
    done = run("inspect", texture, "--figures", tmp_path / "figures")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "figures").glob("clip-*.png"))) == 3
    assert "clip-matrices.png" in done.stderr
    (tmp_path / "file").touch()
    assert_one_clear_line(run("inspect", texture, "--figures", tmp_path / "file"), "wants a folder")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["fit", "missing.mp4", "-o", "x.texture"], "missing.mp4: no such file"),
        (["serve", "missing.texture"], "no such texture"),
        (["render", "missing.texture", "x.mp4"], "no such texture"),
        (["inspect", "."], "not a texture"),
    ],
)
def test_what_is_not_there(arguments: list[str], reason: str) -> None:
    assert_one_clear_line(run(*arguments), reason)


def test_an_existing_texture_is_not_replaced_unasked(texture: Path) -> None:
    assert_one_clear_line(run("fit", texture.parent / "clip.mp4", "-o", texture), "exists already")


def test_super_slomo_makes_the_bridges_of_a_texture_that_is_given_its_weights(texture: Path, tmp_path: Path) -> None:
    clip, out, weights = texture.parent / "clip.mp4", tmp_path / "slomo.texture", tmp_path / "SuperSloMo.ckpt"
    network = SuperSloMo(width=2)
    torch.save({FLOW_PART: network.flow.state_dict(), INTERPOLATION_PART: network.interpolation.state_dict()}, weights)
    wanted = ("fit", clip, "-o", out, "--sound-weights", "none", "--interpolator")
    assert_one_clear_line(run(*wanted, "superslomo"), "needs its weights; say --interpolator-weights")
    assert_one_clear_line(run(*wanted, "flow", "--interpolator-weights", weights), "not for --interpolator flow")
    assert_one_clear_line(run(*wanted, "auto", "--interpolator-weights", clip), "give SuperSloMo.ckpt")
    assert not out.exists()
    done = run(*wanted, "superslomo", "--interpolator-weights", weights, "--bridge-frames", 4)
    assert done.returncode == 0, done.stderr
    with Texture.open(out) as opened:
        assert opened.manifest.bridges is not None
        assert opened.manifest.bridges.stored_by == "superslomo"
        assert opened.bridge_index
    rendered = run("render", out, tmp_path / "out.mp4", "--seconds", 4, "--interpolator", "superslomo")
    assert rendered.returncode == 0, rendered.stderr
    assert_one_clear_line(
        run("render", texture, tmp_path / "other.mp4", "--interpolator", "superslomo"),
        "has no network for it; fit it again",
    )


def test_a_port_in_use(texture: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_one_clear_line(run("serve", texture, "--port", port), f"port {port} of 127.0.0.1 is in use")


def test_a_disk_that_fills_leaves_nothing(texture: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: writes fail in the middle alike."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)); "
    command = [sys.executable, "-c", limited + "import videotexture; videotexture.main()"]
    for arguments in (
        ["fit", texture.parent / "clip.mp4", "-o", tmp_path / "new.texture"],
        ["render", texture, tmp_path / "new.mp4", "--seconds", "60"],
    ):
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=120)
        assert_one_clear_line(done, "the disk is full")
        assert list(tmp_path.iterdir()) == []


def test_serving_loads_no_torch(texture: Path) -> None:
    """What a display box runs: everything up to the packets, in a fresh interpreter."""
    program = (
        "import sys; import server.serve; from pathlib import Path; from stream.texture import Texture;"
        "from stream.player import Player;"
        f"t = Texture.open(Path({str(texture)!r})); l = t.liveliness(15);"
        "p = Player(t, l, seed=0); g = p.packets(); [next(g) for _ in range(500)]; p.bridges.close();"
        "assert not {'torch', 'onnx', 'pytorchvideo'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
