"""Files and folders that appear whole or not at all, and what is left when their process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models import whole
from models.whole import partial_file, remove_leftovers, whole_file, whole_folder

HOLD = """
import sys
from pathlib import Path
from models import whole
path = Path(sys.argv[2])
rename = Path.rename
def rename_once(self, target):
    made = rename(self, target)
    if sys.argv[1] == "between":
        print("ready", flush=True)
        sys.stdin.read()
    return made
if sys.argv[1] == "file":
    held = whole.whole_file(path)
elif sys.argv[1] == "folder":
    held = whole.whole_folder(path)
else:
    Path.rename = rename_once
    held = whole.whole_folder(path)
with held as partial:
    if partial.is_dir():
        (partial / "half").write_text("half")
    if sys.argv[1] != "between":
        print("ready", flush=True)
        sys.stdin.read()
"""


@contextmanager
def process(kind: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, in the middle of writing."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield running
        finally:
            running.kill()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("name", ["fire.texture", "Fire [x] *.mp4", "-", "a.partial"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, kind: str, name: str) -> None:
    with process(kind, tmp_path / name) as running:
        (left,) = names(tmp_path)
        remove_leftovers(tmp_path / name)
        assert names(tmp_path) == [left], "it is being written"
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert names(tmp_path) == [left]
    with whole_file(tmp_path / "another"):
        pass
    assert names(tmp_path) == ["another"]


def test_a_folder_moved_out_of_the_way_is_given_its_name_back(tmp_path: Path) -> None:
    path = tmp_path / "fire.texture"
    path.mkdir()
    (path / "mine").write_text("mine")
    with process("between", path) as running:
        assert not path.exists(), "it was caught between the two renames"
        remove_leftovers(path)
        assert not path.exists(), "the other process is still at it"
        running.kill()
        running.wait()
    remove_leftovers(path)
    assert names(tmp_path) == ["fire.texture"]
    assert names(path) == ["mine"]


@pytest.mark.parametrize("stranger", [
    ".fire.texture.{machine}-{boot}-abcdefgh.partial",  # of another machine, on a shared disk
    ".other.texture.abcdefgh.partial",  # no mark of ours, no name of ours
    ".fire.texture.partial", "fire.texture.abcdefgh.partial", ".fire.texture.ABCDEFGH.partial",
])  # fmt: skip
def test_what_is_not_surely_ours_is_left(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger.format(machine="000000", boot="000000")).mkdir()
    before = names(tmp_path)
    remove_leftovers(tmp_path / "fire.texture")
    assert names(tmp_path) == before


def test_what_older_versions_left_of_this_name_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".fire.texture.a1b2c3d4.partial").mkdir()
    old = tmp_path / ".fire.texture.a1b2_3d4.old"
    (old / "fire.texture").mkdir(parents=True)
    remove_leftovers(tmp_path / "fire.texture")
    assert names(tmp_path) == ["fire.texture"]


def test_after_the_next_start_of_the_machine_it_is_still_known(tmp_path: Path) -> None:
    machine, boot = whole._marks()
    (tmp_path / f".a.{machine}-000000-abcdefgh.partial").mkdir()  # before it was started anew
    (tmp_path / f".b.000000-{boot}-abcdefgh.partial.mp4").touch()  # in a container of another name
    remove_leftovers(tmp_path / "c")
    assert names(tmp_path) == []


def test_where_there_are_no_locks_nothing_is_told_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(whole.fcntl, "flock", no_locks)
    (tmp_path / ".a.a1b2c3d4.partial").mkdir()
    with whole_folder(tmp_path / "a") as partial:
        (partial / "x").touch()
    assert names(tmp_path) == [".a.a1b2c3d4.partial", "a"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "dear").mkdir()
    (tmp_path / ".a.a1b2c3d4.partial").symlink_to(tmp_path / "dear")
    remove_leftovers(tmp_path / "a")
    assert (tmp_path / "dear").is_dir()


def test_a_file_is_whole_or_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        partial.write_text(str(1 / (len("half") - partial.write_text("half"))))
    assert (names(tmp_path), path.read_text()) == (["a.mp4"], "before")
    with whole_file(path) as partial:
        assert partial.suffix == ".mp4"
        partial.write_text("after")
        assert path.read_text() == "before"
    assert (names(tmp_path), path.read_text()) == (["a.mp4"], "after")
    umask = os.umask(0o022)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    with partial_file(path) as partial:
        pass
    assert names(tmp_path) == ["a.mp4"]


def test_a_name_of_as_many_bytes_as_there_can_be_is_written(tmp_path: Path) -> None:
    folder, file = tmp_path / ("ü" * 120 + ".texture"), tmp_path / ("v" * 251 + ".mp4")
    for content in ("old", "new"):
        with whole_folder(folder) as partial:
            (partial / "manifest.json").write_text(content)
        with whole_file(file) as partial:
            partial.write_text(content)
        assert partial.suffix == ".mp4"
        assert (folder / "manifest.json").read_text() == file.read_text() == content
    assert sorted(tmp_path.iterdir()) == sorted([folder, file])
