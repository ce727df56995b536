"""A stretch of an endless texture as a file, or one path for a song, with the song in it.

Packets are copied; only a position bar is drawn, and encoded anew, and a song is encoded once.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import av
import av.error
from av.container import OutputContainer
from av.stream import Stream

from models.media import create_media, open_media
from models.progress import Progress, silent
from models.whole import whole_file
from stream.bridges import Bridges
from stream.errors import TextureError
from stream.folder import disk_full
from stream.player import Player
from stream.position_bar import PositionBar, Tracker
from stream.redraw import RedrawnVideo
from stream.song import CODECS, Song, SongTrack
from stream.splice import MediaPacket
from stream.texture import SOUND, Texture
from stream.walk import Step

FORMATS = (".mp4", ".mkv")  # that hold H.264 and Opus
BRIDGES_AHEAD_STEPS = 8


class _Lane(Protocol):
    def write(self, packet: MediaPacket) -> None: ...
    def finish(self) -> None: ...


def render(
    player: Player, path: Path, seconds: float, *, position_bar: bool = False, progress: Progress = silent
) -> int:
    """Write the first `seconds` of a walk.

    Args:
        position_bar: draw where in the clip the walk is (`stream.position_bar`). All pictures are then decoded and
            encoded again, which takes some ten times as long; the sound is copied all the same.

    Returns:
        How many jumps are in it.

    Raises:
        ValueError: seconds is not above 0.
        TextureError: the file cannot be written, or its ending names no format that holds H.264 and Opus.
    """
    _write(path, player.texture, player.packets(), seconds, None, position_bar=position_bar, progress=progress)
    return player.jumps


def render_song(
    texture: Texture,
    steps: Sequence[Step],
    song: Song,
    path: Path,
    *,
    seconds: float | None = None,
    bridges: Bridges | None = None,
    position_bar: bool = False,
    progress: Progress = silent,
) -> int:
    """Write a path with a song for its sound, exactly as long as the song, to within a frame.

    Args:
        steps: which last that long; see `stream.following.path_for`.
        seconds: how much of the song; all of it by default.
        bridges: to be closed here; all of the length that `path_for` counts on. By default the texture's, and flow's.
        position_bar: as in `render`.

    Returns:
        How many jumps are in it.

    Raises:
        ValueError: seconds is not above 0.
        TextureError: as `render`; or a bridge cannot be made, without which picture and sound would drift apart.
    """
    seconds = song.seconds if seconds is None else min(seconds, song.seconds)
    bridges = Bridges(texture, frames=texture.manifest.video.bridge_frames) if bridges is None else bridges
    with bridges:
        packets = _pictures(texture, bridges, steps)
        return _write(path, texture, packets, seconds, song, position_bar=position_bar, progress=progress)


def _write(
    path: Path,
    texture: Texture,
    packets: Iterable[MediaPacket],
    seconds: float,
    song: Song | None,
    *,
    position_bar: bool,
    progress: Progress,
) -> int:
    """Write what begins before `seconds`; returns how many of the steps in it jump."""
    if not seconds > 0:
        raise ValueError(f"a video must be longer than 0 s, got {seconds}")
    if path.suffix.lower() not in FORMATS:
        raise TextureError(f"{path}: its ending must be one of {', '.join(FORMATS)}")
    try:
        with ExitStack() as stack:
            partial = stack.enter_context(whole_file(path))
            container = stack.enter_context(create_media(partial))
            lanes = _lanes(container, texture, stack, with_sound=song is None, position_bar=position_bar)
            if song is not None:
                track = SongTrack(container, song, CODECS[path.suffix.lower()], seconds)
                stack.callback(track.close)
                lanes["video"] = _Accompanied(lanes["video"], track)
            jumps = _fill(lanes, packets, seconds, progress)
    except OSError as error:
        if disk_full(error, path):
            raise TextureError(f"{path}: the disk is full; make room there, or choose another place") from error
        raise TextureError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error
    return jumps


def _fill(lanes: dict[str, _Lane], packets: Iterable[MediaPacket], seconds: float, progress: Progress) -> int:
    jumps = 0
    for packet in packets:
        if packet.time_s >= seconds:
            if packet.kind == "video":
                break
            continue
        jumps += packet.step is not None and packet.step.is_jump
        lanes[packet.kind].write(packet)
        progress("write", float(packet.time_s) / seconds)
    for lane in lanes.values():
        lane.finish()
    progress("write", 1.0)
    return jumps


def _pictures(texture: Texture, bridges: Bridges, steps: Sequence[Step]) -> Iterator[MediaPacket]:
    """The pictures of a path. Bridges are made while the steps before them are written."""
    frame_s, frames = texture.manifest.video_format().time_base, 0
    for place, step in enumerate(steps):
        for ahead in steps[place : place + BRIDGES_AHEAD_STEPS]:
            if ahead.is_jump:
                bridges.request((ahead.previous, ahead.segment))
        edge = step.previous, step.segment
        bridge = bridges.wait(edge) if step.is_jump else []
        if step.is_jump and len(bridge) != bridges.frames_of(edge):
            raise TextureError(f"{texture.path}: no bridge can be made from {step.previous} to {step.segment}")
        for index, unit in enumerate((*bridge, *texture.units(step.segment))):
            yield MediaPacket(
                "video", unit.data, frames, frame_s, 1, unit.is_keyframe, unit.clip_frame,
                step if index == 0 else None, bridge_frames=len(bridge) if index == 0 else 0,
            )  # fmt: skip
            frames += 1


class _Copied:
    """Packets as they are."""

    def __init__(self, container: OutputContainer, stream: Stream) -> None:
        self._container, self._stream = container, stream

    def write(self, packet: MediaPacket) -> None:
        encoded = av.Packet(packet.data)
        encoded.stream = self._stream
        encoded.time_base = packet.time_base
        encoded.pts = encoded.dts = packet.pts
        encoded.duration = packet.duration
        encoded.is_keyframe = packet.is_keyframe
        self._container.mux(encoded)

    def finish(self) -> None:
        """Nothing is on its way."""


class _Accompanied:
    """Pictures, and a song that is written along with them."""

    def __init__(self, video: _Lane, track: SongTrack) -> None:
        self._video, self._track = video, track

    def write(self, packet: MediaPacket) -> None:
        self._video.write(packet)
        self._track.write_until(packet.time_s)

    def finish(self) -> None:
        self._video.finish()
        self._track.finish()


def _lanes(
    container: OutputContainer, texture: Texture, stack: ExitStack, *, with_sound: bool, position_bar: bool
) -> dict[str, _Lane]:
    """The file's streams, by kind; what they are like stays open with the stack."""
    lanes: dict[str, _Lane] = {}
    if position_bar:
        lanes["video"] = _with_bar(container, texture)
    else:
        # Read back from Annex B, so that the muxer knows that this is what it will get.
        first_gop = io.BytesIO(b"".join(texture.gop(0)))
        source = stack.enter_context(av.open(first_gop, format="h264"))
        video: Stream = container.add_stream_from_template(source.streams.video[0])
        video.time_base = texture.manifest.video_format().time_base
        lanes["video"] = _Copied(container, video)
    if with_sound and texture.track is not None:
        sound = stack.enter_context(open_media(texture.path / SOUND))
        lanes["audio"] = _Copied(container, container.add_stream_from_template(sound.streams.audio[0]))
    return lanes


def _with_bar(container: OutputContainer, texture: Texture) -> RedrawnVideo:
    form = texture.manifest.video_format()
    bar = PositionBar(form.width, form.height, texture.segments)
    tracker = Tracker(texture.segments, rate_hz=float(form.rate_hz))
    return RedrawnVideo(container, form, lambda picture, packet: bar.draw(picture, tracker.follow(packet)))
