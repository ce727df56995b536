"""A certificate that is renewed while the server runs: seen by real handshakes."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.certificate_finding import certificate_findings
from server.access import Tls
from server.certificate import LOOKS_BEFORE_TROUBLE, REMIND_S, Certificate, Validity
from server.errors import ServerError
from tests.serving import serve_process
from tests.sounds import wait_until
from tests.stream_media import write_texture

DAY_S = 86400.0


def pair(
    name: str, *, days: float = 90.0, begun_days: float = 1.0, passphrase: bytes | None = None
) -> tuple[bytes, bytes]:
    """A self-signed certificate and its key, PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=begun_days))
        .not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    hidden = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    return (
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, hidden),
    )


def write(folder: Path, name: str, **how: float) -> Tls:
    """As `pair`, in files."""
    folder.mkdir(exist_ok=True)
    for file, text in zip(("cert.pem", "key.pem"), pair(name, **how), strict=True):  # type: ignore[arg-type]
        replace(folder / file, text)
    return Tls(folder / "cert.pem", folder / "key.pem")


def replace(path: Path, text: bytes) -> None:
    """At once, as whoever renews it does."""
    path.with_suffix(".new").write_bytes(text)
    path.with_suffix(".new").replace(path)


def name_of(der: bytes) -> str:
    (name,) = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(name.value)


def shown(context: ssl.SSLContext, server_name: str | None = None) -> str:
    """Whose certificate a client is shown."""
    ours, theirs = socket.socketpair()
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE

    def answer() -> None:
        with context.wrap_socket(theirs, server_side=True) as connection:
            connection.recv(1)

    answering = threading.Thread(target=answer)
    answering.start()
    with asking.wrap_socket(ours, server_hostname=server_name) as connection:
        der = connection.getpeercert(binary_form=True)
        connection.send(b".")
    answering.join()
    assert der is not None
    return name_of(der)


def running(tls: Tls) -> tuple[Certificate, ssl.SSLContext]:
    certificate = Certificate(tls)

    def make() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        return context

    return certificate, certificate.first_context(None, make)


@pytest.mark.parametrize("server_name", [None, "localhost"])
def test_a_renewed_pair_is_shown_from_then_on(tmp_path: Path, server_name: str | None) -> None:
    certificate, context = running(write(tmp_path, "old", days=5))
    assert shown(context, server_name) == "old"
    write(tmp_path, "new", days=90)
    certificate.look()
    assert shown(context, server_name) == "new"
    assert certificate.validity == Validity.of(tmp_path / "cert.pem")


def test_links_that_are_turned_to_another_pair_are_followed(tmp_path: Path) -> None:
    """certbot: live/ holds links into archive/. Kubernetes: the link is the folder's."""
    for name in ("one", "two"):
        write(tmp_path / name, name)
    (tmp_path / "live").symlink_to("one")
    certificate, context = running(Tls(tmp_path / "live" / "cert.pem", tmp_path / "live" / "key.pem"))
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "live")
    certificate.look()
    assert shown(context) == "two"


def test_half_a_renewal_keeps_the_old_pair_until_the_other_half_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, context = running(write(tmp_path, "old"))
    chain, key = pair("new")
    replace(tmp_path / "cert.pem", chain)
    for _ in range(LOOKS_BEFORE_TROUBLE - 1):
        certificate.look()
    assert shown(context) == "old"
    assert caplog.text == "", "the other half may be on its way"
    for _ in range(20):
        certificate.look()
    assert caplog.text.count("the old one is kept") == 1
    replace(tmp_path / "key.pem", key)
    certificate.look()
    assert shown(context) == "new"


@pytest.mark.parametrize("spoilt", ["gone", "garbage", "empty", "folder", "encrypted"])
def test_files_that_are_no_good_keep_the_old_pair(
    tmp_path: Path, spoilt: str, caplog: pytest.LogCaptureFixture
) -> None:
    certificate, context = running(write(tmp_path, "old"))
    (tmp_path / "key.pem").unlink()
    if spoilt == "folder":
        (tmp_path / "key.pem").mkdir()
    elif spoilt != "gone":
        text = {"garbage": b"\xff\x00", "empty": b"", "encrypted": pair("other", passphrase=b"word")[1]}[spoilt]
        (tmp_path / "key.pem").write_bytes(text)
    for _ in range(10):
        certificate.look()
    assert shown(context) == "old"
    assert len(caplog.records) == 1


def test_an_encrypted_key_is_told_and_nobody_is_asked(tmp_path: Path) -> None:
    chain, key = pair("secret", passphrase=b"word")
    (tmp_path / "cert.pem").write_bytes(chain)
    (tmp_path / "key.pem").write_bytes(key)
    with pytest.raises(ServerError, match="is encrypted"):
        Tls(tmp_path / "cert.pem", tmp_path / "key.pem")


def test_its_end_is_told_in_good_time_and_not_too_often(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate, _ = running(write(tmp_path, "old", days=90))
    ends_s = certificate.validity.ends_s
    for before_s, told in ((15 * DAY_S, 0), (13 * DAY_S, 1), (13 * DAY_S - 60, 1), (13 * DAY_S - REMIND_S, 2), (-1, 3)):
        certificate.remind(ends_s - before_s)
        assert len(caplog.records) == told, before_s
    assert "expires soon" in caplog.text
    assert "has expired" in caplog.text


def test_a_short_lived_one_is_not_always_about_to_expire() -> None:
    assert Validity(0.0, DAY_S).trouble(DAY_S / 2) == ""
    assert "soon" in Validity(0.0, DAY_S).trouble(DAY_S * 0.8)
    assert "not valid yet" in Validity(DAY_S, 90 * DAY_S).trouble(0.0)


@pytest.mark.parametrize(("days", "found"), [(60.0, "valid until"), (3.0, "expires soon"), (-0.5, "has expired")])
def test_the_doctor_tells_how_long_it_is_good(tmp_path: Path, days: float, found: str) -> None:
    tls = write(tmp_path, "a", days=days, begun_days=90.0)
    (finding,) = certificate_findings(tls.certificate, tls.key)
    assert found in finding.found
    assert finding.is_well == (days > 30)


def test_the_doctor_tells_of_files_that_do_not_go_together(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", "one"), write(tmp_path / "two", "two")
    for certificate, key in ((one.certificate, two.key), (one.certificate, None), (tmp_path / "none", one.key)):
        (finding,) = certificate_findings(certificate, key)
        assert not finding.is_well
        assert finding.mend
    assert certificate_findings(None, None) == []


def test_a_running_server_takes_the_renewed_pair_and_tells_its_end(tmp_path: Path) -> None:
    texture = write_texture(tmp_path / "n.texture", seconds=3.0)
    tls = write(tmp_path, "old", days=40)
    with serve_process(texture, "--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)) as server:

        def served() -> str:
            return name_of(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", server.port))))

        assert served() == "old"
        with httpx.Client(base_url=server.address, verify=False) as staying:
            assert staying.get("/healthz").status_code == 200
            write(tmp_path, "new", days=80)
            wait_until(lambda: served() == "new", 20.0)
            figures = staying.get("/metrics").text  # by the connection that was there before
        (line,) = [each for each in figures.splitlines() if each.startswith("videotexture_tls_certificate_expiry_")]
        assert float(line.split()[1]) == pytest.approx(Validity.of(tls.certificate).ends_s)
        assert os.path.exists(tls.key)
