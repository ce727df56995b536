"""Paths among the settings: `~`, files beside the settings file, and text files as editors leave them."""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import videotexture  # noqa: TID251 - the command line itself is what is tested
from models.terminal import UnmetError
from models.text_file import EncodingError, read_text
from server.access import read_token
from server.errors import ServerError
from stream.texture_folder import read_manifest
from tests.test_server_config import TOKEN, printed

SONG = b"RIFF"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's, away from where the command is started."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    (folder / "secret").write_text(TOKEN)
    return folder


EVERYTHING = {
    "texture": ["fire.texture", "~/water.texture"],
    "hls": ["~/live", "live"],
    "record": ["~/kept"],
    "tls_cert": "~/cert.pem",
    "tls_key": "key.pem",
    "control_token": "@~/secret",
    "viewer_token": "@secret",
    "turn": "turn:relay.example.org",
    "turn_secret": "@~/secret",
    "whip_token": "@~/secret",
}


def _expected(home: Path, beside: Path) -> dict[str, object]:
    return {
        "texture": [str(beside / "fire.texture"), str(home / "water.texture")],
        "hls": [str(home / "live"), str(beside / "live")],
        "record": [str(home / "kept")],
        "tls_cert": str(home / "cert.pem"),
        "tls_key": str(beside / "key.pem"),
        "control_token": f"@{home / 'secret'}",
        "viewer_token": f"@{beside / 'secret'}",
        "turn": "turn:relay.example.org",
        "turn_secret": f"@{home / 'secret'}",
        "whip_token": f"@{home / 'secret'}",
    }


def test_every_path_of_a_file_is_beside_it_or_at_home(home: Path, tmp_path: Path) -> None:
    import tomli_w

    beside = tmp_path / "settings"
    beside.mkdir()
    (beside / "secret").write_text(TOKEN[::-1])
    _certify(home / "cert.pem", beside / "key.pem")
    file = beside / "serve.toml"
    file.write_text(tomli_w.dumps(EVERYTHING))
    found = printed(["--config", str(file)])
    expected = _expected(home, beside)
    assert {name: found[name] for name in expected} == expected


def test_every_path_of_the_environment_and_of_flags_may_be_at_home(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(TOKEN[::-1])
    _certify(home / "cert.pem", tmp_path / "key.pem")
    expected = _expected(home, tmp_path)
    variables = {
        f"VIDEOTEXTURE_{name.upper()}": "\n".join(value) if isinstance(value, list) else str(value)
        for name, value in EVERYTHING.items()
    }
    found = printed([], {**variables, "HOME": str(home)})
    assert {name: found[name] for name in expected} == expected
    flags = [
        f"--{name.replace('_', '-')}={each}"
        for name, value in EVERYTHING.items()
        for each in (value if isinstance(value, list) else [value])
        if name != "texture"
    ]
    found = printed([*EVERYTHING["texture"], *flags], {"HOME": str(home)})
    assert {name: found[name] for name in expected} == expected


def _certify(certificate: Path, key: Path) -> None:
    import subprocess

    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", str(key), "-out", str(certificate), "-days", "1", "-subj", "/CN=x"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("song.wav", "{beside}/song.wav"),
        ("./song.wav", "{beside}/./song.wav"),
        ("music/none.wav", "{beside}/music/none.wav"),  # not there: the message then says where it was looked for
        ("~/song.wav", "{home}/song.wav"),
        ("/srv/song.wav", "/srv/song.wav"),
        ("12:30 song.wav", "{beside}/12:30 song.wav"),
        ("USB Microphone", "USB Microphone"),
        ("HDA Intel: ALC/Analog", "HDA Intel: ALC/Analog"),
        ("default", "default"),
        ("browser", "browser"),
        ("whip", "whip"),
        ("none", "none"),
        ("http://127.0.0.1/song.wav", "http://127.0.0.1/song.wav"),
    ],
)
def test_a_microphone_is_a_file_where_one_is_meant(home: Path, tmp_path: Path, said: str, meant: str) -> None:
    beside = tmp_path / "settings"
    beside.mkdir()
    for name in ("song.wav", "12:30 song.wav", "browser"):
        (beside / name).write_bytes(SONG)
    (beside / "serve.toml").write_text(f'texture = "a.texture"\nmic = "{said}"\n')
    found = printed(["--config", str(beside / "serve.toml")])
    assert str(Path(str(found["mic"]))) == str(Path(meant.format(beside=beside, home=home)))


def test_what_is_printed_means_the_same_from_another_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    for folder in (here, elsewhere):
        folder.mkdir()
    (here / "song.wav").write_bytes(SONG)
    (here / "secret").write_text(TOKEN)
    monkeypatch.chdir(here)
    flags = ["fire.texture", "--mic", "song.wav", "--hls", "live", "--control-token", "@secret", "--record=~/kept"]
    once = printed(flags, {"HOME": str(home)})
    (elsewhere / "serve.toml").write_text(str(once.pop("")))
    monkeypatch.chdir(elsewhere)
    again = printed(["--config", "serve.toml"], {"HOME": str(home)})
    again.pop("")
    assert again == once
    assert (again["mic"], again["texture"]) == (str(here / "song.wav"), [str(here / "fire.texture")])


def test_the_home_of_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnmetError, match="there is no user 'nobody-here'"):
        printed(["a.texture", "--hls=~nobody-here/live"])
    (tmp_path / "serve.toml").write_text('hls = ["~nobody-here/live"]')
    with pytest.raises(UnmetError, match=r"serve\.toml: hls is ~nobody-here/live: there is no user"):
        printed(["a.texture", "--config", str(tmp_path / "serve.toml")])


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--record", "", "a path"), ("--hls", "", "a path"), ("--tls-cert", "", "a path"), ("--config", "", "a path"),
        ("--mic", "", r"DEVICE\|browser"), ("--viewer-token", "@", r"TOKEN\|@FILE"),
    ],
)  # fmt: skip
def test_an_empty_path_is_told_and_not_taken_for_the_working_directory(option: str, value: str, expected: str) -> None:
    """As a script says it whose variable is not set: `--record "$FOLDER"`."""
    with pytest.raises(UnmetError, match=f"{option} is empty; expected {expected}"):
        printed(["a.texture", option, value])


def test_an_empty_path_in_a_file_is_told_and_an_empty_variable_is_none(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text('record = [""]')
    with pytest.raises(UnmetError, match="record is empty; expected a path"):
        printed(["a.texture", "--config", str(tmp_path / "serve.toml")])
    assert not printed(["a.texture"], {"VIDEOTEXTURE_RECORD": ""}).get("record")  # an empty variable is as good as none


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["inspect", ""], "a path"), (["render", "a.texture", ""], "a path"),
        (["fit", "", "-o", "a.texture"], "a path"),
        (["fit", "a.mp4", "-o", "a.texture", "--weights", ""], "FILE|random"),
        (["fit", "a.mp4", "-o", "a.texture", "--sound-weights", ""], "FILE|none"),
    ],
)  # fmt: skip
def test_other_commands_tell_an_empty_path_too(arguments: list[str], expected: str) -> None:
    done = CliRunner().invoke(videotexture.app, arguments)
    assert isinstance(done.exception, UnmetError)
    assert f"is empty; expected {expected}" in str(done.exception)


def test_help_is_shown_whatever_else_is_said() -> None:
    done = CliRunner().invoke(videotexture.app, ["serve", "--record", "", "--help"])
    assert done.exit_code == 0
    assert "--record" in done.output


def test_home_is_found_by_other_commands_too(home: Path) -> None:
    done = CliRunner().invoke(videotexture.app, ["inspect", "~/none.texture"], env={"HOME": str(home)})
    assert str(home / "none.texture") in str(done.exception)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_text_files_may_have_a_mark_and_any_line_ends(tmp_path: Path, mark: bytes, ends: str) -> None:
    def write(name: str, *lines: str) -> Path:
        (tmp_path / name).write_bytes(mark + ends.join((*lines, "")).encode())
        return tmp_path / name

    secret = write("secret", "", TOKEN, "")
    config = write("serve.toml", 'texture = "a.texture"', "port = 8081", 'control_token = "@secret"')
    found = printed(["--config", str(config)])
    assert (found["port"], found["texture"]) == (8081, [str(tmp_path / "a.texture")])
    assert read_token(f"@{secret}") == TOKEN
    assert read_token(secret.read_text(encoding="utf-8")) == TOKEN  # as "$(cat secret)" hands it on


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("port = 1\n".encode("utf-16"), "it is UTF-16; save it as UTF-8"),
        ("port = 1\n".encode("utf-16-le"), "NUL characters"),
        ("port = 1\n".encode("utf-32"), "it is UTF-32; save it as UTF-8"),
        ("# Wärme\n".encode("latin-1"), "byte 3 is not UTF-8"),
    ],
)
def test_other_encodings_are_told(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "written"
    file.write_bytes(content)
    with pytest.raises(EncodingError, match=told):
        read_text(file)
    with pytest.raises(UnmetError, match=told):
        printed(["a.texture", "--config", str(file)])
    with pytest.raises(ServerError, match=told):
        read_token(f"@{file}")


@pytest.mark.parametrize(("content", "lines"), [("", 0), (" \n\n", 0), (f"{TOKEN}\n{TOKEN}\n", 2)])
def test_a_file_of_no_token_or_several_is_told(tmp_path: Path, content: str, lines: int) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(ServerError, match=f"has {lines} lines of text, expected one"):
        read_token(f"@{tmp_path / 'secret'}")


def test_a_manifest_may_have_a_mark(tmp_path: Path) -> None:
    from tests.stream_media import write_texture

    path = write_texture(tmp_path / "a.texture")
    manifest = path / "manifest.json"
    manifest.write_bytes(codecs.BOM_UTF8 + manifest.read_bytes())
    assert read_manifest(path).clip.has_sound in (True, False)


def test_the_settings_of_a_marked_file_are_toml_without_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(codecs.BOM_UTF8 + b"port = 1")
    assert tomllib.loads(read_text(tmp_path / "a")) == {"port": 1}
