"""The playlist of an HLS folder: what is in it, read and written. Pure: knows no files and no clock.

Source: RFC 8216, 4.3 (tags), 6.2.1 and 6.2.2 (what a server may change, and how discontinuities are counted).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

LISTED = 6
END = "#EXT-X-ENDLIST"
SEGMENT = re.compile(r"live-(\d{10,})\.ts")


@dataclass(frozen=True)
class Segment:
    """One file of media.

    Attributes:
        number: its media sequence number.
        duration_s: of its pictures.
        begins: when its first picture was shown, UTC.
        is_discontinuous: whether times or the format change before it.
    """

    number: int
    duration_s: float
    begins: datetime
    is_discontinuous: bool = False

    @property
    def name(self) -> str:
        """Of its file; never used again, so caches may keep it."""
        return segment_name(self.number)

    @property
    def ends(self) -> datetime:
        """When the next one begins, if nothing is missing."""
        return self.begins + timedelta(seconds=self.duration_s)


@dataclass(frozen=True)
class Playlist:
    """A live media playlist.

    Attributes:
        segments: the latest, with consecutive numbers.
        discontinuities: how many have left the playlist so far.
        target_s: the target duration, in whole seconds.
    """

    segments: tuple[Segment, ...] = ()
    discontinuities: int = 0
    target_s: int = 1

    def with_segment(self, segment: Segment) -> Playlist:
        """The playlist after one more segment, without those for which there is no more room."""
        longest_s = max(self.target_s, int(segment.duration_s + 0.5))  # RFC 8216, 4.3.3.1: rounded, at most the target
        return replace(self, segments=(*self.segments, segment), target_s=longest_s).with_last(LISTED)

    def with_last(self, count: int) -> Playlist:
        """The playlist with only so many of its latest segments."""
        kept = self.segments[len(self.segments) - count :] if count < len(self.segments) else self.segments
        gone = self.segments[: len(self.segments) - len(kept)]
        return replace(
            self, segments=kept, discontinuities=self.discontinuities + sum(each.is_discontinuous for each in gone)
        )

    def text(self) -> str:
        """As players read it."""
        first = self.segments[0].number if self.segments else 0
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",  # durations with fractions ask for it, nothing else here does
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f"#EXT-X-TARGETDURATION:{self.target_s}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.discontinuities}",
        ]
        for each in self.segments:
            lines += ["#EXT-X-DISCONTINUITY"] if each.is_discontinuous else []
            begins = each.begins.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{begins}", f"#EXTINF:{each.duration_s:.6f},", each.name]
        return "\n".join(lines) + "\n"


def segment_name(number: int) -> str:
    """What the file of a segment is called."""
    return f"live-{number:010d}.ts"


def read_playlist(text: str) -> Playlist:
    """Read a playlist that this program has written, or FFmpeg for an earlier version of it.

    Raises:
        ValueError: it is another's, or damaged.
    """
    numbers = {"MEDIA-SEQUENCE": 0, "DISCONTINUITY-SEQUENCE": 0, "TARGETDURATION": 1}
    segments: list[Segment] = []
    duration_s, begins, is_discontinuous = None, None, False
    for line in filter(None, map(str.strip, text.replace("\0", "").splitlines())):
        name, _, value = line.removeprefix("#EXT-X-").partition(":")
        if not line.startswith("#"):
            found = SEGMENT.fullmatch(line)
            if found is None or duration_s is None or begins is None:
                raise ValueError(f"it lists {line!r}, which is none of our segments")
            segments.append(Segment(int(found[1]), duration_s, begins, is_discontinuous))
            duration_s, begins, is_discontinuous = None, None, False
        elif line.startswith("#EXTINF:"):
            duration_s = float(line.removeprefix("#EXTINF:").partition(",")[0])
        elif name in numbers:
            numbers[name] = int(value)
        elif name == "PROGRAM-DATE-TIME":
            begins = datetime.fromisoformat(value)
        elif name == "DISCONTINUITY":
            is_discontinuous = True
    first = numbers["MEDIA-SEQUENCE"]
    if [each.number for each in segments] != list(range(first, first + len(segments))):
        raise ValueError("its segments are not numbered one after another")
    return Playlist(tuple(segments), numbers["DISCONTINUITY-SEQUENCE"], numbers["TARGETDURATION"])
