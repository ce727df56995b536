"""Who may watch, and who may steer: bearer tokens, and whose pages may ask (RFC 6750, RFC 9110 11, Fetch)."""

from __future__ import annotations

import hmac
import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from models.text_file import BYTE_ORDER_MARK, EncodingError, read_text
from server.errors import ServerError
from server.origin import as_browsers_say

SHORTEST_TOKEN = 16
TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750, 2.1
REALM = "videotexture"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
FOR_ALL = ("/page/", "/healthz", "/readyz", "/api/docs")  # pages have no secrets: they ask with their token
SHARED = ("/whep", "/whip")  # where pages of other origins may ask


class Right(IntEnum):
    """What somebody may do; each includes those before it."""

    NOTHING = 0
    VIEW = 1
    CONTROL = 2


@dataclass(frozen=True)
class Refusal:
    """Why a request is not carried out.

    Attributes:
        challenge: for `WWW-Authenticate`; None where a token would not help.
    """

    status: int
    reason: str
    challenge: str | None = None


@dataclass(frozen=True)
class Asked:
    """What of a request decides whether it may be carried out; header fields are None where they are missing."""

    method: str
    path: str
    host: str | None = None
    origin: str | None = None
    authorization: str | None = None
    fetch_site: str | None = None


@dataclass(frozen=True)
class Access:
    """Who may do what.

    Attributes:
        viewer_token: needed to watch; None for nothing.
        control_token: needed to steer, and good for watching too; None for what watching needs.
        no_auth: whether what has no token may be reached from other machines all the same.
        is_local: whether the server listens on loopback only.
        origins: whose pages may ask, like "https://show.example.org", where no token protects.

    Raises:
        ServerError: a token is no good, or one is missing.
    """

    viewer_token: str | None = field(default=None, repr=False)
    control_token: str | None = field(default=None, repr=False)
    no_auth: bool = False
    is_local: bool = True
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "origins", tuple(map(as_browsers_say, self.origins)))
        for name, token in (("viewer", self.viewer_token), ("control", self.control_token)):
            if token is not None and (len(token) < SHORTEST_TOKEN or not TOKEN.fullmatch(token)):
                raise ServerError(
                    f"the {name} token has {len(token)} characters, expected {SHORTEST_TOKEN} or more of letters, "
                    "digits and -._~+/; `openssl rand -hex 16` makes one"
                )
        if self.viewer_token is not None and self.viewer_token == self.control_token:
            raise ServerError("the viewer and the control token are the same; then nothing keeps viewers from steering")
        missing = [f"--{name}-token" for name in ("viewer", "control") if getattr(self, f"{name}_token") is None]
        if missing and not self.is_local and not self.no_auth:
            raise ServerError(
                f"other machines can reach this address, so it needs {' and '.join(missing)} "
                "(`openssl rand -hex 16` makes one); or say --no-auth to let everybody in"
            )

    def needed(self, method: str, path: str) -> Right:
        """What a request needs, if there are tokens."""
        if path == "/" or path.startswith(FOR_ALL):
            return Right.NOTHING
        if path.startswith("/whep"):
            return Right.NOTHING if method == "OPTIONS" else Right.VIEW
        if path.startswith("/whip"):
            return Right.NOTHING if method == "OPTIONS" else Right.CONTROL
        return Right.VIEW if method in SAFE_METHODS else Right.CONTROL

    def asks_for(self, right: Right) -> bool:
        """Whether what needs this right is refused without a token."""
        return self._token_for(right) is not None

    def refusal(self, asked: Asked) -> Refusal | None:
        """Why a request may not be carried out; None if it may."""
        needed = self.needed(asked.method, asked.path)
        if self._token_for(needed) is None:
            return self._untokened(asked, needed)
        scheme, _, token = (asked.authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return Refusal(401, f"this needs the {_name(needed)} token; {_MEND}", f'Bearer realm="{REALM}"')
        held = self._right_of(token.strip())
        if held is Right.NOTHING:
            return Refusal(401, f"this is not the token; {_MEND}", f'Bearer realm="{REALM}", error="invalid_token"')
        if held < needed:
            scope = f'Bearer realm="{REALM}", error="insufficient_scope", scope="control"'
            return Refusal(403, "this token is for watching; steering needs the control token", scope)
        return None

    def may_share(self, asked: Asked) -> bool:
        """Whether a page of the origin that asks may see the answer."""
        if asked.origin is None or self.no_auth or self._token_for(self.needed("POST", asked.path)) is not None:
            return True  # a token is no ambient authority: the page that sends it was given it
        return _is_loopback_origin(asked.origin) or self._is_own(asked)

    def _untokened(self, asked: Asked, needed: Right) -> Refusal | None:
        """Where no token protects, a browser must not be made to ask by a page from elsewhere."""
        if needed is Right.NOTHING or self.no_auth:
            return None
        if (
            self.is_local
            and not _is_local_host(asked.host)
            and asked.host not in {_netloc(each) for each in self.origins}
        ):
            return Refusal(
                421,
                f"{asked.host} is no name of this machine's own; to serve by names or a proxy, use tokens, --no-auth, "
                "or --allow-origin with the page's address, like https://show.example.org",
            )
        is_shared = asked.path.startswith(SHARED)
        if asked.method in SAFE_METHODS and not is_shared:
            return None  # other origins' pages can ask, and are not shown the answer
        if asked.origin is None or self._is_own(asked) or (is_shared and self.may_share(asked)):
            return None
        return Refusal(403, f"pages of {asked.origin} may not ask this server; --allow-origin lets them")

    def _is_own(self, asked: Asked) -> bool:
        """Whether a page of this server's own asks.

        A proxy may tell another name than the browser knows; the browser itself says what it took the two for, and no
        page can write that field (Fetch Metadata, 2.3).
        """
        return (
            asked.fetch_site == "same-origin"
            or asked.origin in self.origins
            or _netloc(asked.origin or "") == asked.host
        )

    def _token_for(self, right: Right) -> str | None:
        if right is Right.NOTHING:
            return None
        return self.viewer_token if right is Right.VIEW else self.control_token or self.viewer_token

    def _right_of(self, token: str) -> Right:
        """In a time that does not tell how much of it was right."""
        is_control, is_viewer = (_same(token, known) for known in (self.control_token, self.viewer_token))
        if is_control or (is_viewer and self.control_token is None):
            return Right.CONTROL
        return Right.VIEW if is_viewer else Right.NOTHING


_MEND = "open the page as /#token=..., or send Authorization: Bearer"


def _name(right: Right) -> str:
    return "viewer" if right is Right.VIEW else "control"


def _same(token: str, known: str | None) -> bool:
    digests = [sha256(each.encode()).digest() for each in (token, known or "")]
    return hmac.compare_digest(*digests) and known is not None


def _netloc(origin: str) -> str:
    return urlsplit(origin).netloc


def _is_local_host(host: str | None) -> bool:
    """A name that no other's name server can point at us: an address, or localhost."""
    if host is None:
        return True
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    return True


def _is_loopback_origin(origin: str) -> bool:
    name = urlsplit(origin).hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def read_token(text: str | None) -> str | None:
    """A token as it is said: itself, or, after an @, the file that it stands in, on its one line.

    Raises:
        ServerError: the file cannot be read, is empty, or has several lines.
    """
    if text is None or not text.startswith("@"):
        return None if text is None else text.removeprefix(BYTE_ORDER_MARK).strip()  # "$(cat FILE)" hands on a mark
    try:
        lines = [line.strip() for line in read_text(Path(text[1:])).splitlines() if line.strip()]
    except (OSError, EncodingError) as error:
        raise ServerError(f"no token can be read from {text[1:]}: {error}") from error
    if len(lines) != 1:
        raise ServerError(f"{text[1:]} has {len(lines)} lines of text, expected one: the token or secret alone")
    return lines[0]


class _EncryptedError(Exception):
    """Nobody is there to be asked for a passphrase."""


def _no_passphrase() -> str:
    raise _EncryptedError


@dataclass(frozen=True)
class Tls:
    """Files for https.

    Raises:
        ServerError: they do not go together, or cannot be read.
    """

    certificate: Path
    key: Path

    def __post_init__(self) -> None:
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate, self.key, password=_no_passphrase)
        except _EncryptedError as error:
            raise ServerError(
                f"{self.key} is encrypted; give a key without a passphrase (`openssl pkey -in KEY -out PLAIN`)"
            ) from error
        except (OSError, ssl.SSLError) as error:
            raise ServerError(
                f"{self.certificate} and {self.key} are no certificate and its key in PEM: {error.strerror or error}"
            ) from error

    @staticmethod
    def given(certificate: Path | None, key: Path | None) -> Tls | None:
        """None where neither is.

        Raises:
            ServerError: only one of them is, and as above.
        """
        if certificate is None and key is None:
            return None
        if certificate is None or key is None:
            raise ServerError("--tls-cert and --tls-key go together: say both or none")
        return Tls(certificate, key)
