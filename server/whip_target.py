"""A WHIP server to publish to, and how publishing to it goes."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import unquote

from server.whip_http import check_url
from stream.network_address import hide

SHORTEST_KEY = 8  # shorter parts of a path are words like whip, live, publish


class PublishState(StrEnum):
    """How publishing is."""

    CONNECTING = "connecting"
    LIVE = "live"
    WAITING = "waiting"  # to try again
    ENDED = "ended"


@dataclass(frozen=True)
class WhipTarget:
    """Where to publish.

    Attributes:
        url: of the endpoint. A user and password in it are sent as such (RFC 7617), and are no longer in it then.
        token: sent as a bearer token, where the URL has no user; None for none.
        name: the server, without what of its address may be secret.

    Raises:
        ServerError: the address is none.
    """

    url: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    name: str = field(init=False)
    _user: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        address = check_url(self.url)
        # Frozen for others.
        object.__setattr__(self, "name", f"{address.scheme}://{address.place}")
        object.__setattr__(self, "_user", address.user)
        object.__setattr__(self, "url", replace(address, user="", rest=address.rest.partition("#")[0]).text)

    def headers(self, **others: str) -> dict[str, str]:
        """Of a request."""
        if self._user:
            user, _, password = self._user.partition(":")
            said = b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
            return {"Authorization": f"Basic {said}", **others}
        return others if self.token is None else {"Authorization": f"Bearer {self.token}", **others}

    def redacted(self, text: str) -> str:
        """A text without the token, and without what of the URL may be a key."""
        address = check_url(self.url)
        secrets = {self.token or "", *self._user.split(":", 1)} | address.secrets()
        path = address.rest.partition("?")[0]
        return hide(
            text, secrets | {path, *(part for part in path.split("/") if len(part) >= SHORTEST_KEY)} - {"/", ""}
        )


@dataclass
class PublishReport:
    """How publishing goes, for whoever asks.

    Attributes:
        live_s: for how long it has been live; 0 while it is not.
        sessions: how often it became live.
        retry_s: how long it waits before it tries again; 0 while it does not.
        trouble: why it is not live; empty while it is.
    """

    target: str
    state: PublishState = PublishState.CONNECTING
    live_s: float = 0.0
    sessions: int = 0
    attempts: int = 0
    retry_s: float = 0.0
    dropped_packets: int = 0
    trouble: str = ""
