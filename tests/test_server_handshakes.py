"""A failed DTLS handshake says in the log whose it was, on which side we stood, and why."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from server.handshakes import MEND, watch_handshakes
from server.ice import LOOPBACK, offer_addresses
from tests.whep_peer import FRAME_S

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate(key: Key) -> RTCCertificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "publisher")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return RTCCertificate(key, signed)  # type: ignore[arg-type]


@asynccontextmanager
async def peers(theirs: RTCCertificate | None = None) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """Ours, and another that has that certificate."""
    offer_addresses((LOOPBACK,))
    made = [RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2)]
    if theirs is not None:
        made[1]._RTCPeerConnection__certificates = [theirs]  # type: ignore[attr-defined]
    try:
        yield made[0], made[1]
    finally:
        for each in made:
            await each.close()


async def fail(
    ours: RTCPeerConnection, theirs: RTCPeerConnection, change: Callable[[str], str] = str, *, we_begin: bool
) -> None:
    """Connect the two, and wait until that has failed."""
    theirs.addTransceiver("audio", direction="recvonly")
    await theirs.setLocalDescription(await theirs.createOffer())
    await ours.setRemoteDescription(RTCSessionDescription(change(theirs.localDescription.sdp), "offer"))
    answer = (await ours.createAnswer()).sdp
    answer = answer if we_begin else answer.replace("a=setup:active", "a=setup:passive")
    await ours.setLocalDescription(RTCSessionDescription(answer, "answer"))
    watch_handshakes(ours, "publisher 7")
    await theirs.setRemoteDescription(RTCSessionDescription(ours.localDescription.sdp, "answer"))
    async with asyncio.timeout(FRAME_S):
        while ours.connectionState not in ("failed", "closed"):  # noqa: ASYNC110 - nothing tells a test of it
            await asyncio.sleep(0.02)


def said(caplog: pytest.LogCaptureFixture) -> str:
    lines = [record.getMessage() for record in caplog.records if record.name == "server.handshakes"]
    assert len(lines) == 1, lines
    assert lines[0].startswith("publisher 7: the DTLS handshake failed: ")
    return lines[0]


async def test_a_curve_that_tls_does_not_take(caplog: pytest.LogCaptureFixture) -> None:
    """Of it is FFmpeg's own certificate, where it is built with GnuTLS."""
    async with peers(certificate(ec.generate_private_key(ec.SECP224R1()))) as (ours, theirs):
        await fail(ours, theirs, we_begin=True)
    line = said(caplog)
    assert "we are the DTLS client" in line
    assert MEND in line


async def test_no_cipher_in_common(caplog: pytest.LogCaptureFixture) -> None:
    async with peers(certificate(rsa.generate_private_key(65537, 2048))) as (ours, theirs):
        await fail(ours, theirs, we_begin=True)
    line = said(caplog)
    assert "we are the DTLS client" in line
    assert "they sent the alert 'handshake failure'" in line
    assert "no ECDSA one" in line
    assert "-cert_file" in line


async def test_another_certificate_than_was_announced(caplog: pytest.LogCaptureFixture) -> None:
    def elsewhere(sdp: str) -> str:
        return "\r\n".join(
            f"{line[:-2]}{'00' if line[-2:] != '00' else '01'}" if line.startswith("a=fingerprint") else line
            for line in sdp.split("\r\n")
        )

    async with peers() as (ours, theirs):
        await fail(ours, theirs, elsewhere, we_begin=False)
    assert "its certificate is not that of its a=fingerprint" in said(caplog)


async def test_what_succeeds_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "server.handshakes")
    async with peers() as (ours, theirs):
        theirs.addTransceiver("audio", direction="recvonly")
        await theirs.setLocalDescription(await theirs.createOffer())
        await ours.setRemoteDescription(RTCSessionDescription(theirs.localDescription.sdp, "offer"))
        await ours.setLocalDescription(await ours.createAnswer())
        watch_handshakes(ours, "viewer 7")
        await theirs.setRemoteDescription(RTCSessionDescription(ours.localDescription.sdp, "answer"))
        async with asyncio.timeout(FRAME_S):
            while ours.connectionState != "connected":  # noqa: ASYNC110 - nothing tells a test of it
                await asyncio.sleep(0.02)
    assert not [record for record in caplog.records if record.name == "server.handshakes"]
