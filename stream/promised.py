"""What a file says of its own length, held against what can be read of it.

A file that was cut off says so by this alone. But the word is not always about the pictures: Matroska and ASF tell the
length of the longest track, FFmpeg gives a track that it has not met yet the length of the whole file, and FFmpeg's
own Matroska muxer counts from 0 wherever the first picture stands.
"""

from __future__ import annotations

import av
from av.container import InputContainer
from av.stream import Stream

from stream.timeline import Timeline

MISSING = 0.05  # of the promised length: more than by how much files round, and tracks differ
LEAST_MISSING_S = 0.2  # the length of a short file is even less exact


def cut_off_note(container: InputContainer, track: Stream, timeline: Timeline) -> str:
    """What to tell the user of a file that was cut off; empty if it was not, or does not say how long it is.

    Args:
        container: the open file.
        track: of its pictures.
        timeline: of the same track. Where the file's time breaks, what it says of its length is not held against it.
    """
    if len(timeline.runs) > 1:
        return ""
    promised_s, read_s = _length_s(track), timeline.duration_s
    whole_s = (container.duration or 0) / av.time_base
    others = (_length_s(other) for other in container.streams if other is not track)
    if not promised_s or promised_s > (1 - MISSING) * whole_s or promised_s in others:
        # This is said of the whole file: any track that lasts as long makes it true.
        begins_s = (container.start_time or 0) / av.time_base
        promised_s = promised_s or whole_s
        promised_s -= begins_s if 0 < begins_s < promised_s else 0
        read_s = timeline.file_ends_s - begins_s
    if not is_much_less(read_s, promised_s):
        return ""
    return f"it is cut off: {read_s:.1f} s could be read of {promised_s:.1f}"


def is_much_less(found_s: float, expected_s: float) -> bool:
    """Whether more is missing of a length than by how much lengths are inexact."""
    return expected_s - found_s > max(MISSING * expected_s, LEAST_MISSING_S)


def _length_s(track: Stream) -> float:
    return float((track.duration or 0) * (track.time_base or 0))
