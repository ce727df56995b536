"""Settings from the environment: each arrives as from a flag or a file, and what others set is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from typer.main import get_command
from typer.testing import CliRunner

import videotexture  # noqa: TID251 - the command line itself is what is tested
from models.terminal import UnmetError
from server.config import settings_of
from tests.test_server_config import TOKEN, printed

VALUES: dict[str, object] = {
    "texture": ["/srv/Fire [x].texture", "/srv/my water.texture"], "play_at": ["07:00=Fire [x]", "18:00=my water"],
    "host": "127.0.0.2", "port": 8081, "ice_address": ["127.0.0.1", "::1"], "jumps_per_minute": 9.5,
    "temperature": 0.25, "threshold": 0.5, "seed": 3, "mic": "My Microphone", "alpha": 0.25, "osc": 9001,
    "midi": "LPK25 MIDI 1", "interpolator": "flow", "rtmp": ["rtmp://127.0.0.1/a", "rtmp://127.0.0.1/b"],
    "srt": ["srt://127.0.0.1:1?streamid=#!::r=a,m=publish", "srt://127.0.0.1:2"],
    "hls": ["/srv/my live", "/srv/other"], "record": ["/srv/my recordings"], "record_minutes": 2.5,
    "record_files": 7, "viewer_token": TOKEN, "control_token": TOKEN[::-1], "no_auth": True,
    "allow_origin": ["https://a.example.org", "https://b.example.org"], "max_viewers": 3, "max_joins": 2.5,
    "udp_ports": "50000-50100", "advertise": "203.0.113.7", "turn": "turn:relay.example.org", "turn_secret": TOKEN,
    "relay_only": True, "renditions": False, "whip": ["https://a.example.org/w", "https://b.example.org/w"],
    "whip_token": TOKEN, "root_path": "/a wall", "trusted_proxy": ["127.0.0.1", "10.0.0.0/8"],
}  # fmt: skip
COMMAND: Any = get_command(videotexture.app).commands["serve"]  # type: ignore[attr-defined]
NEEDED = ["given.texture"]


def _settled(arguments: list[str], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The parameters of `serve`, as its code gets them."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with COMMAND.make_context("serve", [*arguments]) as ctx:
        return dict(ctx.params)


def test_every_setting_is_tried() -> None:
    with COMMAND.make_context("serve", [*NEEDED]) as ctx:
        assert set(VALUES) == set(settings_of(ctx)) - {"tls_cert", "tls_key"}  # paths: see test_server_config_paths


@pytest.mark.parametrize("name", VALUES)
def test_a_setting_arrives_from_wherever_it_is_said(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = VALUES[name]
    option = f"--{'no-' if name == 'renditions' else ''}{name.replace('_', '-')}"
    flags = (
        [option] if isinstance(value, bool)
        else [f"{option}={each}" for each in value] if isinstance(value, list) else [f"{option}={value}"]
    )  # fmt: skip
    by_flag = _settled([*value] if name == "texture" else [*NEEDED, *flags], {}, monkeypatch)[name]  # type: ignore[misc]
    needed = [] if name == "texture" else NEEDED
    (tmp_path / "serve.toml").write_text(tomli_w.dumps({name: value}))
    by_file = _settled([*needed, "--config", str(tmp_path / "serve.toml")], {}, monkeypatch)[name]
    forms = [str(value).lower()]
    if isinstance(value, list):
        forms = [tomli_w.dumps({"a": value}).split("=", 1)[1], json.dumps(value), "\n".join(value) + "\n"]
    elif isinstance(value, bool):
        forms = ["true", "1", "Yes", "on"] if value else ["false", "0", "No", "off"]
    elif isinstance(value, str):
        forms = [value]
    by_variable = [_settled(needed, {f"VIDEOTEXTURE_{name.upper()}": form}, monkeypatch)[name] for form in forms]
    assert _plain(by_flag) == _plain(by_file) == _plain(value)
    assert [_plain(each) for each in by_variable] == [_plain(value)] * len(forms)


def _plain(value: object) -> object:
    return [str(each) for each in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("play_at", "07:00=Fire [x]", ["07:00=Fire [x]"]),
        ("play_at", "07:00=my fire 18:00=water", ["07:00=my fire", "18:00=water"]),
        ("hls", "my live", ["my live"]),
        ("hls", "/srv/live /srv/also live", ["/srv/live", "/srv/also live"]),
        ("hls", "[live]", ["[live]"]),
        ("hls", "[1]", ["[1]"]),
        ("hls", "['live', \"also live\"]", ["live", "also live"]),
        ("hls", " \r\n one \r\n\r\n the other\r\n", ["one", "the other"]),
        ("rtmp", "rtmp://127.0.0.1/a rtmp://127.0.0.1/b", ["rtmp://127.0.0.1/a", "rtmp://127.0.0.1/b"]),
        ("ice_address", "127.0.0.1 [::1]", ["127.0.0.1", "::1"]),
        ("ice_address", "[::1]", ["::1"]),
    ],
)
def test_lists_hold_blanks(name: str, said: str, meant: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = _settled(NEEDED, {f"VIDEOTEXTURE_{name.upper()}": said}, monkeypatch)[name]
    assert _plain(found) == meant


def test_textures_of_the_environment_are_played_and_flags_win() -> None:
    variables = {"VIDEOTEXTURE_TEXTURE": "/srv/my fire.texture", "VIDEOTEXTURE_PORT": "1"}
    found = printed([], variables)
    assert found["texture"] == ["/srv/my fire.texture"]
    assert 'texture = [\n    "/srv/my fire.texture",\n]  # the environment' in str(found[""])
    assert printed(["/srv/a.texture", "--port", "2"], variables)["texture"] == ["/srv/a.texture"]


def test_a_broken_list_is_told() -> None:
    with pytest.raises(UnmetError, match=r'VIDEOTEXTURE_HLS, in the environment, is no list like \["a", "b c"\]'):
        printed(["a.texture"], {"VIDEOTEXTURE_HLS": '["live", "also'})


@pytest.mark.parametrize(("variable", "value", "renditions"), [
    ("RENDITIONS", "true", True), ("RENDITIONS", "false", False), ("NO_RENDITIONS", "1", False),
    ("NO_RENDITIONS", "off", True), ("NO_RENDITIONS", "", True),
])  # fmt: skip
def test_flags_with_an_opposite(variable: str, value: str, renditions: bool) -> None:
    assert printed(["a.texture"], {f"VIDEOTEXTURE_{variable}": value})["renditions"] is renditions


def test_flags_that_contradict_each_other_or_are_none_are_told(tmp_path: Path) -> None:
    both = {"VIDEOTEXTURE_RENDITIONS": "1", "VIDEOTEXTURE_NO_RENDITIONS": "1"}
    with pytest.raises(UnmetError, match="contradict each other"):
        printed(["a.texture"], both)
    with pytest.raises(UnmetError, match="VIDEOTEXTURE_NO_AUTH is 'maybe' in the environment, expected true or false"):
        printed(["a.texture"], {"VIDEOTEXTURE_NO_AUTH": "maybe"})
    (tmp_path / "serve.toml").write_text("no_renditions = true\n")
    assert printed(["a.texture", "--config", str(tmp_path / "serve.toml")])["renditions"] is False
    (tmp_path / "serve.toml").write_text("no_renditions = true\nrenditions = true\n")
    with pytest.raises(UnmetError, match="says again"):
        printed(["a.texture", "--config", str(tmp_path / "serve.toml")])


KUBERNETES = {
    "SERVICE_HOST": "10.96.1.5", "SERVICE_PORT": "8080", "SERVICE_PORT_HTTP": "8080", "SERVICE_PORT_MAX_VIEWERS": "80",
    "PORT": "tcp://10.96.1.5:8080", "PORT_8080_TCP": "tcp://10.96.1.5:8080", "PORT_8080_TCP_PROTO": "tcp",
    "PORT_8080_TCP_PORT": "8080", "PORT_8080_TCP_ADDR": "10.96.1.5", "PORT_50000_UDP": "udp://10.96.1.5:50000",
    "PORT_50000_UDP_ADDR": "10.96.1.5", "PORT_1_SCTP": "sctp://[fd00::5]:1",
}  # fmt: skip
DOCKER = {"NAME": "/wall/videotexture", "ENV_PATH": "/usr/bin", "PORT_8080_TCP_START": "tcp://172.17.0.5:8080"}


@pytest.mark.parametrize("service", ["", "FOO_", "TEXTURE_", "1_", "UDP_PORTS_"])
@pytest.mark.parametrize("command", ["serve", "demo", "doctor"])
def test_what_kubernetes_and_docker_set_is_left_alone_and_said_once(
    command: str, service: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**KUBERNETES, **DOCKER}.items():
        monkeypatch.setenv(f"VIDEOTEXTURE_{service}{name}", value)
    tried: Any = get_command(videotexture.app).commands[command]  # type: ignore[attr-defined]
    with tried.make_context(command, [*NEEDED] if command == "serve" else []) as ctx:
        assert ctx.params.get("port", 8080) == 8080
    told = " ".join(capsys.readouterr().err.split())
    assert told.count("in the environment set nothing") == 1
    assert f"and {len(KUBERNETES) + len(DOCKER) - 1} more" in told


def test_the_settings_file_is_taken_from_there(tmp_path: Path) -> None:
    (tmp_path / "serve.toml").write_text("port = 8081\nosc = 1\n")
    found = printed(["a.texture"], {"VIDEOTEXTURE_CONFIG": str(tmp_path / "serve.toml"), "VIDEOTEXTURE_OSC": "2"})
    assert (found["port"], found["osc"]) == (8081, 2)
    (tmp_path / "home.toml").write_text("port = 8082\n")
    for said in ({"VIDEOTEXTURE_CONFIG": "~/home.toml"}, {}):
        flags = [] if said else ["--config=~/home.toml"]
        assert printed(["a.texture", *flags], {"HOME": str(tmp_path), **said})["port"] == 8082


def test_the_port_itself_still_counts() -> None:
    assert (
        printed(["a.texture"], {"VIDEOTEXTURE_PORT": "8081", "VIDEOTEXTURE_SERVICE_HOST": "10.0.0.1"})["port"] == 8081
    )


def test_empty_variables_set_nothing() -> None:
    names = [f"VIDEOTEXTURE_{name.upper()}" for name in (*VALUES, "tls_cert", "config", "prot")]
    assert printed(["a.texture"], dict.fromkeys(names, " "))["port"] == 8080


@pytest.mark.parametrize("command", ["serve", "demo", "doctor"])
@pytest.mark.parametrize("name", ["PROT", "SERVICE", "PORTS", "HOST_NAME", "PORT_HTTP", "PLAY_AT_NAME", "PRINT_CONFIG"])
def test_a_misspelt_variable_is_told(command: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"VIDEOTEXTURE_{name}", "1")
    group: Any = get_command(videotexture.app)
    with pytest.raises(UnmetError, match=f"VIDEOTEXTURE_{name}, in the environment, sets nothing"):
        group.commands[command].make_context(command, [*NEEDED] if command == "serve" else [])


def test_what_was_perhaps_meant_is_told() -> None:
    with pytest.raises(UnmetError, match=r"VIDEOTEXTURE_PROT, .* sets nothing; did you mean VIDEOTEXTURE_PORT\?"):
        printed(["a.texture"], {"VIDEOTEXTURE_PROT": "1"})


def test_a_variable_of_serve_is_no_mistake_of_the_other_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    group: Any = get_command(videotexture.app)
    monkeypatch.setenv("VIDEOTEXTURE_MAX_VIEWERS", "3")
    with (
        group.make_context("videotexture", ["doctor"]) as above,
        group.commands["doctor"].make_context("doctor", [], parent=above) as ctx,
    ):
        assert "max_viewers" not in ctx.params


def test_a_wrong_value_says_where_it_is_from(tmp_path: Path) -> None:
    arguments = ["serve", "a.texture", "--print-config"]
    done = CliRunner().invoke(videotexture.app, arguments, env={"VIDEOTEXTURE_PORT": "http"})
    assert done.exit_code == 2
    assert "parse string as an integer, in the environment." in " ".join(done.output.replace("│", "").split())
    (tmp_path / "serve.toml").write_text('port = "http"')
    done = CliRunner().invoke(videotexture.app, [*arguments, "--config", str(tmp_path / "serve.toml")])
    assert "parse string as an integer, in the file of --config." in " ".join(done.output.replace("│", "").split())


def test_help_names_the_variables() -> None:
    done = CliRunner().invoke(videotexture.app, ["serve", "--help"], env={"COLUMNS": "200"})
    assert "VIDEOTEXTURE_MAX_VIEWERS" in done.output
