"""FFmpeg publishes by its own WHIP muxer, the one that is in PyAV's wheels."""

from __future__ import annotations

import asyncio
import datetime
import sys
from pathlib import Path

import av
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.whip import WhipSource
from tests.serving import serve_here
from tests.sounds import Ear
from tests.stream_media import write_texture

pytestmark = pytest.mark.skipif("whip" not in av.formats_available, reason="this FFmpeg has no WHIP muxer")

PUBLISHES_S = 2.0


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "moved.texture")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of P-256 and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "publisher")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    signed, secret = tmp_path / "certificate.pem", tmp_path / "key.pem"
    signed.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return signed, secret


async def publish(address: str, *certificate: Path) -> int:
    """Publish for a while; returns how the publisher ended."""
    command = [sys.executable, "-m", "tests.whip_muxer", f"{address}/whip", str(PUBLISHES_S), *map(str, certificate)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(40):
        return await process.wait()


async def test_it_is_heard_with_a_certificate_of_p256(texture: Path, certificate: tuple[Path, Path]) -> None:
    ear = Ear()
    with WhipSource() as source:
        source.start(ear)
        async with serve_here(texture, hears=source) as server:
            assert await publish(server.address, *certificate) == 0
    assert len(ear.blocks) > 50


async def test_its_own_certificate_is_taken_or_the_log_says_why_not(
    texture: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ear = Ear()
    with WhipSource() as source:
        source.start(ear)
        async with serve_here(texture, hears=source) as server:
            code = await publish(server.address)
    if code == 0:
        assert len(ear.blocks) > 50
        return
    lines = [record.getMessage() for record in caplog.records if record.name == "server.handshakes"]
    assert len(lines) == 1
    assert lines[0].startswith("publisher ")
    assert "curve secp224r1" in lines[0]
    assert "-cert_file" in lines[0]
