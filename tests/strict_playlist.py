"""A reader of live HLS playlists that forgives nothing of RFC 8216, from one version of a playlist to the next."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

CLOCK_SLACK = timedelta(milliseconds=2)  # times are written in whole milliseconds


@dataclass(frozen=True)
class Listed:
    """A segment in a playlist."""

    number: int
    name: str
    duration: str
    begins: datetime
    discontinuity: int  # its discontinuity sequence number


@dataclass
class StrictReader:
    """Looks at the playlist of a folder as often as it is told to.

    Attributes:
        seen: every segment that was ever listed, by number.
        versions: how many different playlists were read.
        target_s: the target duration, which never changes.
    """

    folder: Path
    seen: dict[int, Listed] = field(default_factory=dict)
    versions: int = 0
    target_s: int | None = None
    _text: str = ""
    _listed: list[Listed] = field(default_factory=list)

    def look(self, *, ended: bool = False) -> list[Listed]:
        """Read the playlist, hold it against all that were read before, and return what it lists."""
        text = (self.folder / "live.m3u8").read_text()
        if text == self._text:
            return self._listed
        listed = self._parse(text, ended=ended)
        numbers = [each.number for each in listed]
        assert not self._listed or numbers[0] >= self._listed[0].number, "segments came back"
        assert not self._listed or numbers[-1] >= self._listed[-1].number, "segments were taken back"
        for each in listed:
            known = self.seen.setdefault(each.number, each)
            assert known == each, "a segment changed its name, duration, time or discontinuity"  # RFC 8216, 6.2.1
            assert (self.folder / each.name).stat().st_size > 0, "a listed segment is missing"
        assert len({each.name for each in self.seen.values()}) == len(self.seen), "a name was used twice"
        for earlier, later in pairwise(listed):
            ends = earlier.begins + timedelta(seconds=float(earlier.duration))
            assert later.begins >= ends - CLOCK_SLACK, "the time of day goes back"
        self._text, self._listed, self.versions = text, listed, self.versions + 1
        return listed

    def _parse(self, text: str, *, ended: bool) -> list[Listed]:
        lines = text.splitlines()
        assert lines[0] == "#EXTM3U"
        assert text.endswith("\n")
        assert ("#EXT-X-ENDLIST" in lines) is ended
        head = {name: int(value) for name, value in re.findall(r"^#EXT-X-([A-Z-]+):(\d+)$", text, re.MULTILINE)}
        assert head["VERSION"] >= 3, "durations with fractions need version 3"  # RFC 8216, 7
        assert self.target_s in (None, head["TARGETDURATION"]), "the target duration changed"  # 4.3.3.1
        self.target_s = head["TARGETDURATION"]
        listed: list[Listed] = []
        discontinuity, duration, begins = head.get("DISCONTINUITY-SEQUENCE", 0), None, None
        for line in lines:
            if line == "#EXT-X-DISCONTINUITY":
                discontinuity += 1
            elif line.startswith("#EXTINF:"):
                duration = line.removeprefix("#EXTINF:").rstrip(",")
            elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
                begins = datetime.fromisoformat(line.partition(":")[2])
            elif not line.startswith("#"):
                assert duration is not None
                assert begins is not None
                assert 0 < int(float(duration) + 0.5) <= head["TARGETDURATION"] or float(duration) < 0.5
                listed.append(Listed(head["MEDIA-SEQUENCE"] + len(listed), line, duration, begins, discontinuity))
                duration, begins = None, None
        return listed
