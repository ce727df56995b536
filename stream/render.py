"""A stretch of an endless texture as a file: packets are copied, nothing is decoded or encoded."""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from pathlib import Path

import av
import av.error
from av.container import OutputContainer
from av.stream import Stream

from models.progress import Progress, silent
from stream.errors import TextureError
from stream.folder import disk_full
from stream.player import Player
from stream.splice import MediaPacket
from stream.texture import SOUND, Texture

FORMATS = (".mp4", ".mkv")  # that hold H.264 and Opus


def render(player: Player, path: Path, seconds: float, *, progress: Progress = silent) -> int:
    """Write the first `seconds` of a walk.

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
            streams = _streams(container, player.texture, stack)
            for packet in player.packets():
                if packet.time_s >= seconds:
                    if packet.kind == "video":
                        break
                    continue
                _mux(container, streams, packet)
                progress("write", float(packet.time_s) / seconds)
        os.replace(partial, path)
    except OSError as error:
        if disk_full(error, path):
            raise TextureError(f"{path}: the disk is full; make room there, or choose another place") from error
        raise TextureError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
    return player.jumps


def _streams(container: OutputContainer, texture: Texture, stack: ExitStack) -> dict[str, Stream]:
    """Streams like the texture's own, by kind; their sources stay open with the stack."""
    # Read back from Annex B, so that the muxer knows that this is what it will get.
    first_gop = io.BytesIO(b"".join(texture.gop(0)))
    source = stack.enter_context(av.open(first_gop, format="h264"))
    streams: dict[str, Stream] = {"video": container.add_stream_from_template(source.streams.video[0])}
    streams["video"].time_base = texture.manifest.video_format().time_base
    if texture.track is not None:
        sound = stack.enter_context(av.open(str(texture.path / SOUND)))
        streams["audio"] = container.add_stream_from_template(sound.streams.audio[0])
    return streams


def _mux(container: OutputContainer, streams: dict[str, Stream], packet: MediaPacket) -> None:
    encoded = av.Packet(packet.data)
    encoded.stream = streams[packet.kind]
    encoded.time_base = packet.time_base
    encoded.pts = encoded.dts = packet.pts
    encoded.duration = packet.duration
    encoded.is_keyframe = packet.is_keyframe
    container.mux(encoded)
