"""Why a DTLS handshake failed, in the log."""

from __future__ import annotations

import logging
import sys

from aiortc import RTCDtlsTransport, RTCPeerConnection
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

log = logging.getLogger(__name__)

CURVES = ("secp256r1", "secp384r1", "secp521r1")  # of certificates that TLS takes; OpenSSL 4 has no other left in it
MEND = "give it one of P-256 (FFmpeg: -cert_file and -key_file)"
FATAL = 2
ALERTS = {  # RFC 8446, 6
    10: "unexpected message", 20: "bad record MAC", 40: "handshake failure", 42: "bad certificate",
    43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
    47: "illegal parameter", 48: "unknown CA", 49: "access denied", 50: "decode error", 51: "decrypt error",
    70: "protocol version", 71: "insufficient security", 80: "internal error", 86: "inappropriate fallback",
    109: "missing extension", 110: "unsupported extension", 116: "certificate required",
}  # fmt: skip


def watch_handshakes(peer: RTCPeerConnection, who: str) -> None:
    """Log why a DTLS handshake of a connection fails, if it does. To be called once both descriptions are set.

    Args:
        who: is at the other end, as the log calls it.
    """
    for transport in {transceiver.receiver.transport for transceiver in peer.getTransceivers()}:
        _Handshake(peer, transport, who)


class _Handshake:
    """Watches one transport.

    aiortc tells the state of a transport, and not what OpenSSL said (1.16). OpenSSL tells of alerts itself, and while
    the transport turns to "failed", the error that it does so for is being handled.
    """

    def __init__(self, peer: RTCPeerConnection, transport: RTCDtlsTransport, who: str) -> None:
        self._peer, self._transport, self._who = peer, transport, who
        self._alerts: list[str] = []
        transport.on("statechange", self._changed)

    def _changed(self) -> None:
        if self._transport.state == "connecting":
            self._prepare()
        elif self._transport.state == "failed" and self._had_a_way():
            log.warning("%s: the DTLS handshake failed: %s", self._who, self._reason(sys.exc_info()[1]))

    def _had_a_way(self) -> bool:
        """aiortc begins handshakes even where ICE failed or we closed the connection (1.16); those are no failures."""
        return self._transport.transport.state == "completed" and self._peer.signalingState != "closed"

    def _prepare(self) -> None:
        connection = self._transport._ssl
        if connection is None:
            log.warning("this aiortc keeps its TLS elsewhere: failed handshakes are logged without their reason")
            return
        connection.set_info_callback(self._tell)

    def _tell(self, _: SSL.Connection, where: int, value: int) -> None:
        level, number = value >> 8, value & 0xFF
        if where & SSL.SSL_CB_ALERT and level == FATAL:
            whose = "they sent" if where & SSL.SSL_CB_READ else "we sent"
            self._alerts.append(f"{whose} the alert {ALERTS.get(number, number)!r}")

    def _reason(self, error: BaseException | None) -> str:
        role = "we are the DTLS " + ("server" if self._transport._role == "server" else "client")
        said = [role, *self._alerts, *self._doubts()]
        if isinstance(error, SSL.Error):
            said += [_words(error)] if _words(error) else []
        elif isinstance(error, ConnectionError):
            said.append("the connection ended before it was done")
        elif self._transport.encrypted and self._transport._ssl is not None:
            profile = self._transport._ssl.get_selected_srtp_profile()
            said.append("its certificate is not that of its a=fingerprint" if profile else "no SRTP profile in common")
        return "; ".join(said)

    def _doubts(self) -> list[str]:
        """What about the other end's certificate explains it; aiortc swallows what OpenSSL says of that."""
        if self._transport._ssl is None:
            return []
        is_client = self._transport._role == "client"
        certificate = self._transport._ssl.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            refused = is_client and any("they sent" in each and "handshake failure" in each for each in self._alerts)
            return [f"perhaps its certificate is no ECDSA one, which we need of a server; {MEND}"] if refused else []
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name in CURVES:
            return []
        return [f"its certificate is of the curve {key.curve.name}, expected one of {', '.join(CURVES)}; {MEND}"]


def _words(error: SSL.Error) -> str:
    """What OpenSSL's queue of errors says: triples of library, function and reason."""
    entries = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(entry[-1]) for entry in entries)
