"""What the options of `serve` and `demo` mean to the server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.terminal import UnmetError

if TYPE_CHECKING:
    from server.access import Access
    from server.ice import IceSettings
    from server.targets.address import Destination


def given_access(
    host: str, viewer_token: str | None, control_token: str | None, origins: list[str] | None, *, no_auth: bool
) -> Access:
    """Who may watch and steer.

    Raises:
        ServerError: a token cannot be read, or one is wanted.
    """
    from server.access import Access, read_token
    from server.serve import ServerSettings

    return Access(
        read_token(viewer_token), read_token(control_token), no_auth=no_auth, is_local=ServerSettings(host).is_local,
        origins=tuple(origins or ()),
    )  # fmt: skip


def given_ice(
    addresses: list[str] | None,
    udp_ports: str | None = None,
    advertise: str | None = None,
    turn: str | None = None,
    turn_secret: str | None = None,
    *,
    relay_only: bool = False,
) -> IceSettings:
    """How media finds its way.

    Raises:
        UnmetError: a secret for no relay.
        ServerError: an address, a range or a relay that is none.
    """
    from server.access import read_token
    from server.ice import IceSettings
    from server.turn import TurnServer
    from server.udp_ports import PortRange

    if turn_secret is not None and turn is None:
        raise UnmetError("--turn-secret is for a relay; say which with --turn turn:HOST:PORT")
    return IceSettings(
        tuple(addresses) if addresses else None,
        PortRange.parse(udp_ports) if udp_ports else None,
        advertise,
        TurnServer(turn, read_token(turn_secret) or "") if turn else None,
        relay_only,
    )


def given_destinations(**given: Sequence[str | Path]) -> tuple[Destination, ...]:
    """Where it is sent from the start, by the name of the option.

    Raises:
        UnmetError: an address that is none of its kind.
    """
    from server.targets.address import Kind, destination

    found = []
    for kind, addresses in given.items():
        for address in addresses:
            try:
                found.append(destination(Kind(kind), str(address)))
            except ValueError as error:
                raise UnmetError(f"--{kind}: {error}") from error
    return tuple(found)


def heeded_alpha(alpha: float | None, mic: str | None) -> float | None:
    """The weight of what is seen against what is heard.

    Raises:
        UnmetError: nothing is heard.
    """
    if alpha is not None and mic in (None, "none"):
        raise UnmetError("--alpha weighs what is heard; say with --mic what to listen to")
    return alpha
