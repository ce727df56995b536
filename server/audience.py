"""Everyone who watches a channel: who is sent what, and what it comes to."""

from __future__ import annotations

from dataclasses import dataclass

from server.fan_out import FanOut
from server.frame import Codec
from server.viewer import Viewer
from server.vp8_lane import Vp8Lane
from stream.reel import MediaPacket
from stream.texture import Texture

HEADERS = 1.05  # what RTP, SRTP, UDP and IP add to pictures
FULL = "full"


@dataclass(frozen=True)
class ViewerReport:
    """How it goes with one viewer.

    Attributes:
        number: by which it is known; 0 for a WHIP server.
        codec: of its pictures.
        rendition: what it is sent: "full", or the name of a lighter one.
        changes: how often that changed.
        lost: the share of packets that it reported lost lately; None before a report.
        estimate_bit_s: what it reported that it could receive; None where it reports no such thing.
        dropped: frames that it was too slow for.
    """

    number: int
    codec: str
    rendition: str
    changes: int
    lost: float | None
    estimate_bit_s: float | None
    dropped: int


class Audience:
    """All viewers of a channel.

    Args:
        adapts: whether who has a narrow link gets lighter pictures.

    Attributes:
        vp8: who takes no H.264.
    """

    def __init__(self, *, adapts: bool = True) -> None:
        self._adapts = adapts
        self.vp8 = Vp8Lane()
        self._fan_out = FanOut()
        self._names: tuple[str, ...] = (FULL,)
        self._dropped_by_gone = self._changes_of_gone = 0

    @property
    def viewers(self) -> set[Viewer]:
        """Who is watching. Not to be changed: see `join` and `leave`."""
        return self._fan_out.viewers | self.vp8.fan_out.viewers

    @property
    def packets_sent(self) -> int:
        """Pictures and packets of sound, to all together."""
        return self._fan_out.packets_sent + self.vp8.fan_out.packets_sent

    @property
    def bytes_sent(self) -> int:
        """Of media, to all together."""
        return self._fan_out.bytes_sent + self.vp8.fan_out.bytes_sent

    @property
    def dropped(self) -> int:
        """Packets that viewers were too slow for, those who have gone included."""
        return self._dropped_by_gone + sum(viewer.dropped for viewer in self.viewers)

    @property
    def rendition_changes(self) -> int:
        """How often a viewer got another rendition, those who have gone included."""
        return self._changes_of_gone + sum(viewer.choice.changes for viewer in self.viewers)

    def play(self, texture: Texture) -> None:
        """What is sent from here on is of this texture."""
        rates = [HEADERS * bit_s for bit_s in texture.bit_s]  # estimates may be of pictures alone
        self._names = (FULL, *(rendition.name for rendition in texture.renditions))
        self._fan_out.rates_bit_s = rates if self._adapts else ()

    def join(self, viewer: Viewer) -> None:
        """Somebody watches from now on."""
        if viewer.codec is Codec.VP8:
            self.vp8.join(viewer)
        else:
            self._fan_out.viewers.add(viewer)

    def leave(self, viewer: Viewer) -> None:
        """Somebody watches no more, or never did."""
        if viewer in self.viewers:
            self._fan_out.viewers.discard(viewer)
            self.vp8.leave(viewer)
            self._dropped_by_gone += viewer.dropped
            self._changes_of_gone += viewer.choice.changes

    def send(self, packet: MediaPacket) -> None:
        """Send a packet to everyone. Never waits."""
        self._fan_out.send(packet)
        self.vp8.send(packet)

    def close(self) -> None:
        """Send no more, and end everyone's tracks."""
        self._fan_out.close()
        self.vp8.close()

    def reports(self) -> list[ViewerReport]:
        """How it goes with each, in the order in which they came."""
        return [self._report(viewer) for viewer in sorted(self.viewers, key=lambda viewer: viewer.number)]

    def by_rendition(self) -> dict[str, int]:
        """How many viewers are sent each rendition."""
        sent = [self._name(viewer) for viewer in self.viewers]
        return {name: sent.count(name) for name in self._names}

    def _name(self, viewer: Viewer) -> str:
        number = self.vp8.report().rendition if viewer.codec is Codec.VP8 else viewer.rendition
        return self._names[min(number, len(self._names) - 1)]

    def _report(self, viewer: Viewer) -> ViewerReport:
        choice = viewer.choice
        lost = None if choice.lost is None else round(choice.lost, 4)
        return ViewerReport(
            viewer.number, viewer.codec.value, self._name(viewer), choice.changes, lost, choice.estimate_bit_s,
            viewer.dropped,
        )  # fmt: skip
