"""A stretch of an endless texture as a file: packets are copied; only a position bar is drawn, and encoded anew."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import av
import av.error
from av.container import OutputContainer
from av.stream import Stream

from models.progress import Progress, silent
from stream.errors import TextureError
from stream.folder import disk_full
from stream.player import Player
from stream.position_bar import PositionBar, Tracker
from stream.redraw import RedrawnVideo
from stream.splice import MediaPacket
from stream.texture import SOUND, Texture

FORMATS = (".mp4", ".mkv")  # that hold H.264 and Opus


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
    if not seconds > 0:
        raise ValueError(f"a video must be longer than 0 s, got {seconds}")
    if path.suffix.lower() not in FORMATS:
        raise TextureError(f"{path}: its ending must be one of {', '.join(FORMATS)}")
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with ExitStack() as stack:
            container = stack.enter_context(av.open(str(partial), "w"))
            lanes = _lanes(container, player.texture, stack, position_bar=position_bar)
            for packet in player.packets():
                if packet.time_s >= seconds:
                    if packet.kind == "video":
                        break
                    continue
                lanes[packet.kind].write(packet)
                progress("write", float(packet.time_s) / seconds)
            for lane in lanes.values():
                lane.finish()
            progress("write", 1.0)
        os.replace(partial, path)
    except OSError as error:
        if disk_full(error, path):
            raise TextureError(f"{path}: the disk is full; make room there, or choose another place") from error
        raise TextureError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
    return player.jumps


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


def _lanes(container: OutputContainer, texture: Texture, stack: ExitStack, *, position_bar: bool) -> dict[str, _Lane]:
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
    if texture.track is not None:
        sound = stack.enter_context(av.open(str(texture.path / SOUND)))
        lanes["audio"] = _Copied(container, container.add_stream_from_template(sound.streams.audio[0]))
    return lanes


def _with_bar(container: OutputContainer, texture: Texture) -> RedrawnVideo:
    form = texture.manifest.video_format()
    bar = PositionBar(form.width, form.height, texture.segments)
    bridge_frames = texture.manifest.video.bridge_frames
    tracker = Tracker(texture.segments, bridge_frames=bridge_frames, rate_hz=float(form.rate_hz))
    return RedrawnVideo(container, form, lambda picture, packet: bar.draw(picture, tracker.follow(packet)))
