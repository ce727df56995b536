"""A folder that appears whole or not at all, whatever happens."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stream.errors import TextureError
from stream.folder import disk_full, new_folder

ROOT = Path(__file__).parent.parent


def write_and_fail(folder: Path, error: BaseException) -> None:
    (folder / "half").write_text("half")
    raise error


def names(path: Path) -> list[str]:
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def test_nothing_is_there_until_all_is(tmp_path: Path) -> None:
    path = tmp_path / "new.texture"
    with new_folder(path, overwrite=False) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
        assert not path.exists()
        assert folder.parent == path.parent, "on the same disk, or renaming would not be atomic"
    assert names(tmp_path) == ["new.texture", "new.texture/sub", "new.texture/sub/file"]
    assert path.stat().st_mode & 0o777 == 0o755


def test_parents_are_made(tmp_path: Path) -> None:
    with new_folder(tmp_path / "a" / "b" / "c.texture", overwrite=False):
        pass
    assert (tmp_path / "a" / "b" / "c.texture").is_dir()


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyboardInterrupt(), TextureError("no good"), ValueError("x")])
@pytest.mark.parametrize("existing", [False, True])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, error: BaseException, existing: bool) -> None:
    path = tmp_path / "new.texture"
    if existing:
        path.mkdir()
        (path / "old").write_text("old")
    before = names(tmp_path)
    with pytest.raises(type(error)) as caught, new_folder(path, overwrite=True) as folder:
        write_and_fail(folder, error)
    assert caught.value is error
    assert names(tmp_path) == before


def test_what_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "new.texture"
    path.mkdir()
    with (
        pytest.raises(TextureError, match=r"new\.texture: exists already; choose another name, or say --overwrite"),
        new_folder(path, overwrite=False),
    ):
        pytest.fail("never entered")
    assert names(tmp_path) == ["new.texture"]


def test_overwriting_replaces_the_whole_folder(tmp_path: Path) -> None:
    path = tmp_path / "new.texture"
    path.mkdir()
    (path / "old").write_text("old")
    with new_folder(path, overwrite=True) as folder:
        (folder / "new").write_text("new")
        assert names(path) == ["old"]
    assert names(tmp_path) == ["new.texture", "new.texture/new"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    path = tmp_path / "new.texture"
    with (
        pytest.raises(TextureError, match=r"new\.texture: the disk is full; make room there, or choose another"),
        new_folder(path, overwrite=False) as folder,
    ):
        write_and_fail(folder, OSError(number, os.strerror(number)))
    assert names(tmp_path) == []


def test_other_failures_to_write_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), new_folder(tmp_path / "new.texture", overwrite=False):
        raise PermissionError(errno.EACCES, "no")
    assert names(tmp_path) == []
    assert not disk_full(OSError(errno.EACCES, "no"), tmp_path / "new.texture")


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(TextureError, match=r"new\.texture: cannot be written there \(.*\); choose another place"),
        new_folder(tmp_path / "file" / "new.texture", overwrite=False),
    ):
        pytest.fail("never entered")


WRITER = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
from stream.errors import TextureError
from stream.folder import new_folder
from tests.stream_media import tone, video_format, write_gops
from stream.sound import write_track
kind, out = sys.argv[1:]
try:
    with new_folder(Path(out), overwrite=False) as folder:
        if kind == "video":
            write_gops(folder / "video.mp4", range(200), video_format())
        elif kind == "sound":
            write_track(tone(5.0), folder / "audio.opus")
        else:
            (folder / "file").write_bytes(bytes(10_000))
except TextureError as error:
    print(error)
"""


@pytest.mark.parametrize("kind", ["video", "sound", "bytes"])
def test_no_room_for_what_is_really_written(tmp_path: Path, kind: str) -> None:
    """A process that may not write more than 6 kB, as if the disk ended there."""
    done = subprocess.run(
        [sys.executable, "-c", WRITER, kind, str(tmp_path / "new.texture")],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "new.texture: the disk is full; make room there" in done.stdout, done.stderr
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == []
