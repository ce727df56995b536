"""Which track of a file is watched, and which is heard: one rule, wherever a file is opened.

Pictures: the default track if it moves, else the largest one that does. Cover art is never watched; a still picture or
a slide show only where nothing moves. Sound: a track of the same programme as the pictures, the default one, then one
that is not made for a part of the audience (commentary, descriptions), then the one of most channels, of the highest
bit rate, the first. This is how FFmpeg's own command line chooses (ffmpeg(1), "Automatic stream selection"), but for
the flags and bit rates that only its library goes by (`av_find_best_stream`).

Matroska calls every track a default one unless told otherwise, and MP4 every one that is switched on: several default
tracks, or none, are ranked by what comes next. A track that cannot be decoded is passed over for one that can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from models.media import open_media

LOOKED_AT_S = 10.0  # of a file, from its start, to see which of several picture tracks move
LISTENED_TO_S = 30.0  # to see which of several sound tracks can be decoded
MOST_PACKETS = 20_000  # looked at where packets have no times
SMALL_PX = (160, 90)  # at which pictures are compared
FEWEST_PICTURES = 20  # within that time, or it is a slide show
MOVED_LEVELS = 8  # of 255, of any small pixel: more than an encoder changes in a still picture
_COVER = Disposition.attached_pic
_NO_FILM = Disposition.still_image | Disposition.timed_thumbnails | Disposition.dependent
_FOR_SOME = (
    Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.comment
    | Disposition.descriptions
    | Disposition.dependent
)

_NO_DECODER = "FFmpeg has no decoder for it"

S = TypeVar("S", bound=Stream)


class _Look(NamedTuple):
    """What was seen of a track: how much it is worth beside others, and what speaks against it."""

    worth: int
    why_not: str = ""


@dataclass(frozen=True)
class Choice(Generic[S]):
    """A track that was chosen.

    Attributes:
        stream: the track, of the container that was asked about.
        note: what was taken, what was passed over and why, for the user; empty where there was nothing to choose.
    """

    stream: S
    note: str = ""


def picture_track(container: InputContainer, path: Path) -> Choice[VideoStream] | None:
    """The track of a file whose pictures are watched; None if it has none, or cover art alone.

    Where there are several, the file is opened once more and their first seconds are looked at.

    Args:
        container: the open file; it is not read from.
        path: of the same file.
    """
    tracks = _film_tracks(container)
    if not tracks:
        return None
    if len(tracks) == 1:
        return Choice(tracks[0])
    return _best(tracks, lambda track: _watched(path, track), "picture")


def sound_track(container: InputContainer, path: Path | None) -> Choice[AudioStream] | None:
    """The track of a file or an address that is heard; None if it has no sound.

    Where there are several in a file, it is opened once more, and those that cannot be decoded are passed over.

    Args:
        container: what is open; it is not read from.
        path: of the same file; None for an address, which cannot be read twice.
    """
    tracks = container.streams.audio
    if not tracks:
        return None
    if len(tracks) == 1:
        return Choice(tracks[0])
    film = _film(container, path)
    ranked = sorted(tracks, key=lambda track: _sound_rank(container, track, film))
    return _best(ranked, lambda track: _heard(path, track), "sound")


def has_decoder(track: Stream) -> bool:
    """Whether FFmpeg has a decoder for a track; without one, PyAV knows nothing but its kind and flags."""
    return getattr(track, "codec_context", None) is not None


def _film_tracks(container: InputContainer) -> list[VideoStream]:
    tracks = [track for track in container.streams.video if not track.disposition & _COVER]
    return sorted(tracks, key=_picture_rank)


def _picture_rank(track: VideoStream) -> tuple[bool, bool, bool, int, int]:
    """The lowest is the best."""
    area = track.width * track.height if has_decoder(track) else 0
    is_default = bool(track.disposition & Disposition.default)
    return not has_decoder(track), bool(track.disposition & _NO_FILM), not is_default, -area, track.index


def _sound_rank(
    container: InputContainer, track: AudioStream, film: VideoStream | None
) -> tuple[bool, bool, bool, bool, int, int, int]:
    """The lowest is the best."""
    is_known = has_decoder(track)
    return (
        not is_known,
        film is not None and not _of_one_programme(container, track, film),
        not track.disposition & Disposition.default,
        bool(track.disposition & _FOR_SOME),
        -track.codec_context.layout.nb_channels if is_known else 0,
        -(track.codec_context.bit_rate or 0) if is_known else 0,
        track.index,
    )


def _film(container: InputContainer, path: Path | None) -> VideoStream | None:
    if path is None:
        return next(iter(_film_tracks(container)), None)
    chosen = picture_track(container, path)
    return None if chosen is None else chosen.stream


def _of_one_programme(container: InputContainer, one: Stream, other: Stream) -> bool:
    """Whether two tracks are of one programme of a transport stream; true where a file has no programmes.

    PyAV does not list programmes, but FFmpeg finds the best picture track of the one that a track is of.
    """
    best = container.streams.best
    return best("video", related=one) is best("video", related=other)


def _best(ranked: Sequence[S], look: Callable[[S], _Look], kind: str) -> Choice[S]:
    """The first track that is all that is wanted, else the one that comes closest to it."""
    looks: dict[int, _Look] = {}
    for track in ranked:
        looks[track.index] = look(track)
        if not looks[track.index].why_not:
            break
    taken = max((track for track in ranked if track.index in looks), key=lambda track: looks[track.index].worth)
    others = (_described(each, looks.get(each.index)) for each in ranked if each is not taken)
    note = f"it has {len(ranked)} {kind} tracks: {_described(taken)} is taken; passed over: {'; '.join(others)}"
    return Choice(taken, note)


def _described(track: Stream, look: _Look | None = None) -> str:
    facts = [track.codec_context.name] if has_decoder(track) else []
    if isinstance(track, VideoStream) and facts:
        facts.append(f"{track.width}x{track.height}")
    if isinstance(track, AudioStream) and facts:
        facts.append(track.codec_context.layout.name)
    if track.disposition & Disposition.default:
        facts.append("default")
    if look is not None and look.why_not:
        facts.append(look.why_not)
    elif not has_decoder(track):
        facts.append(_NO_DECODER)
    return f"track {track.index + 1}" + (f" ({', '.join(facts)})" if facts else "")


def _watched(path: Path, track: VideoStream) -> _Look:
    if not has_decoder(track):
        return _Look(0, _NO_DECODER)
    first: npt.NDArray[np.int16] | None = None
    count, moves = 0, False
    for picture in _decoded(path, track.index, LOOKED_AT_S):
        count += 1
        if not moves:
            try:
                shrunk = picture.reformat(*SMALL_PX, format="gray", interpolation="AREA")
            except (FFmpegError, ValueError):
                return _Look(0, "FFmpeg cannot convert its pictures")
            small = shrunk.to_ndarray().astype(np.int16)
            first = small if first is None else first
            moves = bool(np.abs(small - first).max() >= MOVED_LEVELS)
        if moves and count >= FEWEST_PICTURES:
            return _Look(count + 1)
    if count == 0:
        return _Look(0, "nothing in it can be decoded")
    return _Look(min(count, FEWEST_PICTURES), "it does not move" if not moves else "it has few pictures")


def _heard(path: Path | None, track: AudioStream) -> _Look:
    if not has_decoder(track):
        return _Look(0, _NO_DECODER)
    if path is None or next(_decoded(path, track.index, LISTENED_TO_S), None) is not None:
        return _Look(1)
    return _Look(0, "nothing in it can be decoded")


def _decoded(path: Path, index: int, longest_s: float) -> Iterator[Any]:
    """The frames of one track in a file's first seconds; damaged ones are left out."""
    with open_media(path) as container:
        track = container.streams[index]
        if isinstance(track, VideoStream):
            track.thread_type = "AUTO"
        for packet in _begin(container, longest_s):
            if packet.stream.index == index:
                try:
                    yield from packet.decode()
                except FFmpegError:
                    continue


def _begin(container: InputContainer, longest_s: float) -> Iterator[Packet[Any]]:
    """The packets of all tracks in a file's first seconds, and the empty ones that flush the decoders."""
    begins_s: float | None = None
    flushes = []
    try:
        for count, packet in enumerate(container.demux()):
            if not packet.size:
                flushes.append(packet)
                continue
            stamp = packet.pts if packet.dts is None else packet.dts
            # Cover art is at 0 wherever the rest begins, and subtitles may be anywhere.
            is_timed = packet.stream.type in ("video", "audio") and not packet.stream.disposition & _COVER
            if is_timed and stamp is not None and packet.time_base is not None:
                time_s = float(stamp * packet.time_base)
                begins_s = time_s if begins_s is None else begins_s
                if time_s - begins_s > longest_s:
                    break
            if count > MOST_PACKETS:
                break
            yield packet
    except FFmpegError:
        pass  # it cannot be read on: what came before counts
    yield from flushes
