"""Where a server listens: addresses as people write them, names, and what is told of those that are none."""

from __future__ import annotations

import socket

import pytest
from typer.testing import CliRunner

import videotexture  # noqa: TID251 - the command line itself is what is tested
from server.errors import ServerError
from server.hosts import is_loopback, listening_address, unbracketed
from server.serve import ServerSettings, _page_addresses, listen


@pytest.mark.parametrize(
    ("host", "address", "is_local"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        (" 127.0.0.1 ", "127.0.0.1", True),
        ("127.1", "127.0.0.1", True),
        ("localhost", "127.0.0.1", True),
        ("::1", "::1", True),
        ("[::1]", "::1", True),
        ("0:0:0:0:0:0:0:1", "::1", True),
        ("::1%lo", "::1", True),
        ("[::1%lo]", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", False),
        ("0", "0.0.0.0", False),
        ("0.0.0.0", "0.0.0.0", False),
        ("::", "::", False),
        ("[::]", "::", False),
        ("192.0.2.1", "192.0.2.1", False),
    ],
)
def test_an_address_is_taken_as_people_write_it(host: str, address: str, is_local: bool) -> None:
    assert listening_address(host) == address
    assert is_loopback(address) is is_local
    assert ServerSettings(address).is_local is is_local


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("no-such-name.invalid", "--host no-such-name.invalid: no address can be found for it"),
        ("127.0.0.1:8080", "takes no port; say --host 127.0.0.1 --port 8080"),
        ("[::1]:8080", r"takes no port; say --host \[::1\] --port 8080"),
        ("localhost:8080", "takes no port; say --host localhost --port 8080"),
        ("", "is no address; to listen on every address, say --host 0.0.0.0"),
        ("*", "is no address; to listen on every address"),
        ("http://127.0.0.1", "expected an address or a name alone"),
        ("10.0.0.0/8", "expected an address or a name alone"),
        ("a" * 70, "no address can be found"),
        ("[::1", "no address can be found"),
        ("fe80::1", "link-local address; say its interface too, like fe80::1%eth0"),
        ("fe80::1%no-such", "no address can be found"),
        ("256.1.1.1", "no address can be found"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_what_is_no_address_is_told_by_its_own_reason(command: str, host: str, told: str) -> None:
    with pytest.raises(ServerError, match=told) as refused:
        listening_address(host)
    assert "token" not in str(refused.value)
    textures = ["a.texture"] if command == "serve" else []
    done = CliRunner().invoke(videotexture.app, [command, *textures, "--host", host])
    assert str(done.exception) == str(refused.value)


@pytest.mark.parametrize(
    ("host", "reached_by", "page"),
    [
        ("127.0.0.1", ["127.0.0.1"], "http://127.0.0.1:"),
        ("localhost", ["127.0.0.1"], "http://127.0.0.1:"),
        ("[::1]", ["::1"], "http://[::1]:"),
        ("::1%lo", ["::1"], "http://[::1]:"),
        ("::ffff:127.0.0.1", ["127.0.0.1"], "http://127.0.0.1:"),
        ("::", ["::1", "127.0.0.1"], "http://127.0.0.1:"),
    ],
)
def test_it_is_listened_there(host: str, reached_by: list[str], page: str) -> None:
    if ":" in host and "ffff" not in host and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen(host, 0) as listening:
        assert _page_addresses(listening)[0].startswith(page)
        for address in reached_by:
            with socket.create_connection((address, listening.getsockname()[1]), timeout=5):
                pass


def _has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(ServerError, match=r"cannot listen on 192\.0\.2\.1 port 1: .*`ip addr` lists this machine's"):
        listen("192.0.2.1", 1)


@pytest.mark.parametrize(("said", "meant"), [("[::1]", "::1"), ("::1", "::1"), (" 10.0.0.1", "10.0.0.1"), ("[a", "[a")])
def test_brackets_are_taken_off(said: str, meant: str) -> None:
    assert unbracketed(said) == meant
