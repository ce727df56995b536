"""The GOPs of a texture once more, coarser or smaller, each where it was."""

from __future__ import annotations

from pathlib import Path

import av.error
from av.video.reformatter import Interpolation

from models.media import open_media, reason
from stream.errors import TextureError
from stream.h264 import GopFileWriter, VideoFormat


def recode(source: Path, out: Path, video_format: VideoFormat) -> None:
    """Encode what `GopFileWriter` wrote once more: as many pictures, and an IDR wherever there was one.

    Args:
        out: the MP4 to write.
        video_format: how; pictures are scaled to its size.

    Raises:
        TextureError: the source cannot be decoded.
    """
    try:
        with open_media(source) as container, GopFileWriter(out, video_format) as writer:
            container.streams.video[0].thread_type = "AUTO"
            for picture in container.decode(video=0):
                starts_gop = bool(picture.key_frame)
                if (picture.width, picture.height) != (video_format.width, video_format.height):
                    picture = picture.reformat(
                        video_format.width, video_format.height, interpolation=Interpolation.AREA
                    )
                writer.write(picture, starts_gop=starts_gop)
    except av.error.FFmpegError as error:
        raise TextureError(f"{source}: cannot be encoded once more ({reason(error)}); fit the texture again") from error
