"""What a texture is called, by whichever path it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import videotexture  # noqa: TID251 - the command line itself is what is tested
from models.terminal import UnmetError
from server.playing import _named
from server.schedule import Schedule
from stream.texture import Texture
from stream.texture_folder import texture_name
from tests.stream_media import write_texture


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("names") / "fire.texture", seconds=3.0, sound=False)


@pytest.fixture
def inside(fire: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In the texture's folder, which has another folder in it."""
    (fire / "sub").mkdir(exist_ok=True)
    monkeypatch.chdir(fire)
    yield fire
    (fire / "sub").rmdir()


@pytest.mark.parametrize(
    "path", [".", "./", "sub/..", "../fire.texture", "../fire.texture/", "./.", "../fire.texture/."]
)
def test_a_texture_is_called_by_its_folder(inside: Path, path: str) -> None:
    with Texture.open(Path(path)) as texture:
        assert texture.name == "fire"
    assert list(_named([Path(path)])) == ["fire"]


def test_from_a_folder_in_it(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inside / "sub")
    assert list(_named([Path("..")])) == ["fire"]


def test_inspect_takes_where_one_is(inside: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(videotexture.app, ["inspect", ".", "--figures", str(tmp_path / "figures")])
    assert done.exit_code == 0, done.exception
    written = [each.name for each in (tmp_path / "figures").iterdir()]
    assert written
    assert all(name.startswith("fire-") for name in written)


def test_a_link_is_called_by_its_own_name(fire: Path, tmp_path: Path) -> None:
    (tmp_path / "now.texture").symlink_to(fire)
    assert texture_name(tmp_path / "now.texture") == "now"
    assert texture_name(tmp_path / "now.texture" / ".") == "now"


@pytest.mark.parametrize(
    ("path", "name"), [("/", "texture"), ("/srv/.texture", "texture"), ("/srv/a.b", "a.b"), ("/srv/texture", "texture")]
)
def test_no_texture_is_without_a_name(path: str, name: str) -> None:
    assert texture_name(Path(path)) == name


def test_two_of_one_name_are_told_by_their_folders(inside: Path, tmp_path: Path) -> None:
    with pytest.raises(UnmetError, match="same texture; give it once"):
        _named([Path("."), inside])
    other = tmp_path / "fire.texture"
    other.mkdir()
    with pytest.raises(UnmetError, match=f"{other} have the same name, 'fire'; rename one"):
        _named([Path("."), other])


def test_the_playlist_may_say_the_folder() -> None:
    schedule = Schedule.parse(["07:00=/srv/fire.texture", "8:00=my water"], ["fire", "my water"])
    assert [name for _, name in schedule.cues] == ["fire", "my water"]
