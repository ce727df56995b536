"""Settings from a file, the environment and flags: defined once, and printed as a file that is taken again."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import videotexture  # noqa: TID251 - the command line itself is what is tested
from models.path_options import Holds, holds
from models.terminal import UnmetError
from server.config import SECRETS, settings_of

TOKEN = "0123456789abcdef"


def printed(arguments: list[str], environment: dict[str, str] | None = None) -> dict[str, object]:
    """What `serve ... --print-config` takes its settings to be, and the lines themselves under ""."""
    done = CliRunner().invoke(videotexture.app, ["serve", *arguments, "--print-config"], env=environment or {})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return {**tomllib.loads(done.stdout), "": done.stdout}


def test_a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text("port = 1\nmax_viewers = 2\nosc = 3\n")
    found = printed(
        ["a.texture", "--config", str(file), "--port", "10"],
        {"VIDEOTEXTURE_PORT": "20", "VIDEOTEXTURE_MAX_VIEWERS": "30"},
    )
    assert (found["port"], found["max_viewers"], found["osc"], found["max_joins"]) == (10, 30, 3, 5.0)
    text = str(found[""])
    assert "port = 10  # a flag" in text
    assert "max_viewers = 30  # the environment" in text
    assert "osc = 3  # the file" in text
    assert "max_joins = 5.0  # the default" in text


def test_what_is_printed_is_taken_again(tmp_path: Path) -> None:
    first = tmp_path / "first.toml"
    first.write_text(
        'texture = "fire.texture"\nhls = ["live", "also live"]\nrtmp = ["rtmp://127.0.0.1/a?\\"b\\""]\nno_auth = true\n'
        'jumps_per_minute = 9\ncontrol_token = "@secret"\ninterpolator = "flow"\n'
    )
    (tmp_path / "secret").write_text(TOKEN)
    once = printed(["--config", str(first)])
    second = tmp_path / "second.toml"
    second.write_text(str(once.pop("")))
    again = printed(["--config", str(second)])
    again.pop("")
    assert again == once
    assert once["no_auth"] is True
    assert once["rtmp"] == ['rtmp://127.0.0.1/a?"b"']


def test_paths_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    (tmp_path / "secret").write_text(TOKEN)
    file.write_text(
        'texture = "fire.texture"\nhls = ["live", "/far/away"]\ncontrol_token = "@secret"\nmic = "song.mp3"\n'
    )
    found = printed(["--config", str(file)])
    assert found["texture"] == [str(tmp_path / "fire.texture")]
    assert found["hls"] == [str(tmp_path / "live"), "/far/away"]
    assert found["control_token"] == f"@{tmp_path / 'secret'}"
    assert found["mic"] == "song.mp3"  # no such file is there, so it is a device's name


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    text = str(printed(["a.texture", "--viewer-token", TOKEN], {"VIDEOTEXTURE_CONTROL_TOKEN": TOKEN[::-1]})[""])
    assert TOKEN not in text
    assert TOKEN[::-1] not in text
    assert "# viewer_token =  # set by a flag, not shown" in text
    assert "# control_token =  # set by the environment, not shown" in text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("prot = 1", "there is no setting prot; did you mean port?"),
        ("print_config = true", "there is no setting print_config"),
        ("x = = 1", "is no TOML"),
        ("port = true", "port is True, expected a string or a number"),
        ("no_auth = 1", "no_auth is 1, expected true or false"),
        ("port = [1]", "port is [1], expected a string or a number"),
        ('rtmp = ["rtmp://a", ["b"]]', "rtmp is ['b'], expected a list of strings"),
        ("[serve]\nport = 1", "there is no setting serve"),
    ],
)
def test_a_wrong_file_is_told_in_its_own_words(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(line)
    with pytest.raises(UnmetError) as refused:
        printed(["a.texture", "--config", str(file)])
    assert told in str(refused.value)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize(
    "line", ["port = 99999", "port = 8.5", 'port = "a"', "max_joins = nan", 'interpolator = "magic"']
)
def test_values_are_checked_as_flags_are(tmp_path: Path, line: str) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(line)
    done = CliRunner().invoke(videotexture.app, ["serve", "a.texture", "--config", str(file), "--print-config"])
    assert done.exit_code == 2
    assert f"--{line.split(' ')[0].replace('_', '-')}" in done.output


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnmetError, match="cannot be read"):
        printed(["a.texture", "--config", str(tmp_path / "none.toml")])
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnmetError, match="cannot be read"):
        printed(["a.texture", "--config", str(tmp_path / "binary.toml")])


def test_what_holds_paths_and_secrets_is_read_off_the_options() -> None:
    command = get_command(videotexture.app).commands["serve"]  # type: ignore[attr-defined]
    held = {what: {each.name for each in command.params if holds(each) is what} for what in Holds}
    assert held[Holds.PATH] == {"texture", "hls", "record", "tls_cert", "tls_key", "config"}
    assert held[Holds.PERHAPS_A_PATH] == {"mic"}
    assert held[Holds.PERHAPS_AT_A_PATH] == set(SECRETS)
    with command.make_context("serve", ["a.texture"]) as ctx:
        assert {"port", "texture", "hls"} <= set(settings_of(ctx))


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_tokens_are_taken_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    command = get_command(videotexture.app).commands[name]  # type: ignore[attr-defined]
    monkeypatch.setenv("VIDEOTEXTURE_VIEWER_TOKEN", TOKEN)
    arguments = ["a.texture"] if name == "serve" else []
    with command.make_context(name, arguments) as ctx:
        assert ctx.params["viewer_token"] == TOKEN
