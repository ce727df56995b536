"""A WHIP server to publish to, and how publishing to it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from server.whip_http import check_url


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
        url: of the endpoint.
        token: sent as a bearer token; None for none.

    Raises:
        ServerError: the address is none.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_url(self.url)

    @property
    def name(self) -> str:
        """The server, without what of its address may be secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

    def headers(self, **others: str) -> dict[str, str]:
        """Of a request."""
        return others if self.token is None else {"Authorization": f"Bearer {self.token}", **others}


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
