"""A TURN server: credentials that expire, and how viewers are told of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from aiortc import RTCIceServer

from server.errors import ServerError
from stream.network_address import pasted

ADDRESS = re.compile(
    r"(turns?):(?://)?(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?/?(?:\?transport=(udp|tcp))?", re.IGNORECASE
)
USER = "videotexture"
VALID_S = 24 * 3600  # a relay asks with the same credentials again every few minutes, as long as it is used


@dataclass(frozen=True)
class TurnServer:
    """A TURN server that shares a secret with us.

    Attributes:
        url: as in RFC 7065, like "turn:relay.example.org:3478?transport=udp".
        secret: shared with the server (coturn's `static-auth-secret`); never sent.
        valid_s: for how long the credentials that are made of it can be used.

    Raises:
        ServerError: the address is none, or the secret is empty.
    """

    url: str
    secret: str = field(repr=False)
    valid_s: int = VALID_S

    def __post_init__(self) -> None:
        found = ADDRESS.fullmatch(pasted(self.url))
        if found is None or int(found[3] or 1) not in range(1, 65536):
            raise ServerError(_refusal(pasted(self.url)))
        scheme, transport = found[1].lower(), (found[4] or "").lower()
        # As browsers and aiortc take it, in which people add what it does not have: blanks, slashes, capitals.
        written = f"{scheme}:{found[2]}" + (f":{found[3]}" if found[3] else "")
        object.__setattr__(self, "url", written + (f"?transport={transport}" if transport else ""))
        if scheme == "turns" and transport == "udp":
            raise ServerError(
                f"{self.url}: TURN over DTLS is not spoken here; leave ?transport=udp out, TLS goes over TCP"
            )
        if not self.secret:
            raise ServerError(f"{self.url} needs the secret that it shares with us; say --turn-secret")

    def credentials(self, now_s: float) -> tuple[str, str]:
        """A user name that tells when it expires, and the password that goes with it.

        Args:
            now_s: seconds since the epoch, as the TURN server's clock has them.

        Source: draft-uberti-behave-turn-rest-00, 2.2; coturn's `use-auth-secret`.
        """
        user = f"{int(now_s) + self.valid_s}:{USER}"
        digest = hmac.new(self.secret.encode(), user.encode(), hashlib.sha1).digest()
        return user, base64.b64encode(digest).decode()

    def ice_server(self, now_s: float) -> RTCIceServer:
        """For our own end of a connection."""
        user, password = self.credentials(now_s)
        return RTCIceServer(self.url, user, password)

    def link(self, now_s: float) -> str:
        """For a viewer's end: a `Link` header (RFC 9725, 4.6)."""
        user, password = self.credentials(now_s)
        return f'<{self.url}>; rel="ice-server"; username="{user}"; credential="{password}"; credential-type="password"'


def _refusal(url: str) -> str:
    if "@" in url:
        return "this is no TURN server: one has no user in its address, who may use it is made of --turn-secret"
    hint = "; STUN relays nothing" if url.lower().startswith("stun") else ""
    return f"{url!r} is no TURN server; expected one like turn:relay.example.org:3478{hint}"
