"""What the doctor says of connections, with real ends, ports and a real relay."""

from __future__ import annotations

import socket
from pathlib import Path

import aioice.ice
import pytest
from typer.testing import CliRunner

from bench import connection_findings as connections
from bench.connection_findings import connection_findings
from bench.finding import Finding
from server.ice import LOOPBACK, IceSettings
from tests.test_server_ice import SECRET, coturn, free_ports  # noqa: F401 (coturn is a fixture)
from videotexture import app  # noqa: TID251 - the command itself is what is tested

NOBODY = "turn:127.0.0.1:9"


def found(settings: dict[str, str], addresses: tuple[str, ...] = (LOOPBACK,)) -> dict[str, Finding]:
    return {each.what: each for each in connection_findings(settings, addresses)}


def test_a_connection_is_really_made() -> None:
    lookup = aioice.ice.get_host_addresses
    said = found({})
    assert said["ICE on 127.0.0.1"].is_well
    assert "connects in" in said["ICE on 127.0.0.1"].found
    assert aioice.ice.get_host_addresses is lookup, "what the process offers is as it was"


def test_an_address_on_which_nothing_passes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECT_LIMIT_S", 1.0)
    said = found({}, (LOOPBACK, "192.0.2.1"))["ICE on 192.0.2.1"]  # none of this machine's
    assert not said.is_well
    assert not said.is_needed
    assert "--ice-address" in said.mend


def test_only_loopback_is_told_with_what_that_means() -> None:
    said = found({})["viewers elsewhere"]
    assert "only loopback" in said.found
    assert "this machine's own browser" in said.mend


def test_an_address_inside_of_a_container_is_no_use_to_viewers() -> None:
    said = connections._elsewhere((LOOPBACK, "172.17.0.2"), IceSettings(), in_container=True)
    assert not said.is_well
    assert "--advertise" in said.mend
    told = connections._elsewhere((LOOPBACK, "172.17.0.2"), IceSettings(advertised="203.0.113.7"), in_container=True)
    assert told.is_well
    assert "203.0.113.7" in told.found


def test_ports_that_somebody_has_are_counted() -> None:
    ports = free_ports(3)
    settings = {"udp_ports": str(ports)}
    assert found(settings)["UDP ports"].is_well
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", ports.first + 1))
        said = found(settings)["UDP ports"]
    assert "2 of 3 are free" in said.found
    assert str(ports.first + 1) in said.mend


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"udp_ports": "many"}, "no range"), ({"turn_secret": SECRET}, "--turn"),
     ({"turn": "http://relay", "turn_secret": SECRET}, "no TURN server")],
)  # fmt: skip
def test_settings_that_contradict_themselves_are_told(settings: dict[str, str], message: str) -> None:
    assert message in found(settings)["ICE settings"].found


def test_a_relay_is_asked_for_an_address(coturn: str) -> None:  # noqa: F811
    said = found({"turn": coturn, "turn_secret": SECRET})["TURN"]
    assert said.is_well, said
    assert f"{coturn} relays by 127.0.0.1:" in said.found


def test_a_relay_with_another_secret_refuses(coturn: str) -> None:  # noqa: F811
    said = found({"turn": coturn, "turn_secret": "another"})["TURN"]
    assert not said.is_well
    assert "refuses us" in said.found
    assert "static-auth-secret" in said.mend


@pytest.mark.parametrize(
    ("url", "message"),
    [(NOBODY, "9"), (f"{NOBODY}?transport=tcp", "cannot be reached"), ("turn:no.such.name.invalid", "has no address")],
)
def test_a_relay_that_is_not_there_is_told(url: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "RELAY_LIMIT_S", 1.0)
    said = found({"turn": url, "turn_secret": SECRET})["TURN"]
    assert not said.is_well
    assert message in said.found + said.mend
    assert SECRET not in str(said)


def test_doctor_takes_what_serve_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[dict[str, str | None], tuple[str, ...] | None]] = []
    monkeypatch.setattr("bench.doctor.examine", lambda said, addresses: asked.append((said, addresses)) or [])
    (tmp_path / "relay.secret").write_text(SECRET)
    file = tmp_path / "serve.toml"
    file.write_text('max_viewers = 20\nturn = "turn:relay.example.org:3478"\nturn_secret = "@relay.secret"\n')
    run = CliRunner().invoke(
        app,
        ["doctor", "--config", str(file), "--udp-ports", "50000-50010", "--ice-address", LOOPBACK],
        env={"VIDEOTEXTURE_ADVERTISE": "203.0.113.7"},
    )
    assert run.exit_code == 0, run.output
    said, addresses = asked[0]
    assert addresses == (LOOPBACK,)
    assert said == {
        "udp_ports": "50000-50010", "advertise": "203.0.113.7", "turn": "turn:relay.example.org:3478",
        "turn_secret": f"@{tmp_path / 'relay.secret'}",
    }  # fmt: skip
