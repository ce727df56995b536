"""RTMPS: what is sent is encrypted, and the server's certificate is looked at."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server.targets.status import State
from tests.media_servers import Nginx, between
from tests.stream_media import write_texture
from tests.target_run import sending, to

KEY = "live_5_encrypted"


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("rtmps") / "numbers.texture")


def certificate(folder: Path, address: str) -> Path:
    """A file of a self-signed certificate for an address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    now, day, number = datetime.now(UTC), timedelta(1), x509.random_serial_number()
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), number, now - day, now + day)
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / f"{address}.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.mark.parametrize(
    ("trusted", "issued_to", "accepted"),
    [(True, "127.0.0.1", True), (True, "127.0.0.9", False), (False, "127.0.0.1", False)],
)
async def test_only_to_whom_it_is_meant(
    trusted: bool, issued_to: str, accepted: bool, texture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, issued_to)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with Nginx(tmp_path / "nginx") as nginx:
        address = f"/live/{KEY}"
        async with (
            between(nginx.port, context) as way,
            sending(texture, to("rtmp", f"rtmps://127.0.0.1:{way.port}{address}")) as running,
        ):
            if accepted:
                await running.until_state("rtmp-1", State.LIVE)
                await running.for_s(1.0)
                assert running.status("rtmp-1").confirmed_bytes > 1000
                assert running.status("rtmp-1").attempts == 1
            else:
                failed = await running.until("rtmp-1", lambda status: status.attempts == 2)
                assert "certificate" in failed.reason
                assert State.LIVE not in running.states("rtmp-1")
    assert KEY not in repr(running.log)
