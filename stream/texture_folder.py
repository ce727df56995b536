"""What lies where in a texture's folder, and its manifest read and compared with what is there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from models.media import printable
from models.text_file import EncodingError, read_text
from models.whole import remove_leftovers
from stream.errors import TextureError
from stream.manifest import FORMAT_VERSION, READABLE_VERSIONS, Manifest

MANIFEST = "manifest.json"
VIDEO = "video.mp4"
SOUND = "audio.opus"
EMBEDDINGS = "embeddings.safetensors"
WALK = "walk.safetensors"
ENCODER = "encoder.onnx"
SOUND_NETWORK = "sound.onnx"
INTERPOLATOR = "interpolator.onnx"
BRIDGE_ENDS = "bridge_ends.safetensors"
BRIDGES_VIDEO = "bridges/bridges.mp4"
BRIDGES_INDEX = "bridges/index.json"
RENDITION_VIDEO = "renditions/{}.mp4"  # by name; see `stream.renditions`
RENDITION_BRIDGES = "renditions/{}-bridges.mp4"


def texture_name(path: Path) -> str:
    """What a texture in a folder is called: by the folder's name, without `.texture`.

    A link is called by its own name, not by that of the folder behind it. A path that ends in no name (`.`, `..`, a
    link's `..`) is called by the folder that it leads to; the root of a file system, which has no name, is called
    "texture". Bytes that are not UTF-8 come as U+FFFD.
    """
    name = path.name if path.name not in ("", "..") else path.resolve().name
    return printable(name.removesuffix(".texture") or "texture")


def sha256_of(path: Path) -> str:
    """The checksum of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a texture folder.

    Raises:
        TextureError: there is none, or it is none of ours.
    """
    file = path / MANIFEST
    if not path.exists():
        remove_leftovers(path)  # a fit that died while it replaced this very texture had moved it out of the way
    if not path.exists():
        raise TextureError(f"{path}: no such texture; make one with `videotexture fit CLIP -o {path}`")
    if not path.is_dir():
        raise TextureError(f"{path}: a texture is a folder, this is a file; make one with `videotexture fit {path}`")
    try:
        text = read_text(file)
    except (OSError, EncodingError) as error:
        raise TextureError(f"{path}: not a texture, it has no readable {MANIFEST} ({error})") from error
    try:
        version = json.loads(text).get("format_version")
        if version not in READABLE_VERSIONS:
            raise TextureError(
                f"{file}: texture format {version}, this program reads {READABLE_VERSIONS[0]} to {FORMAT_VERSION}; "
                "fit the clip again"
            )
        return Manifest.model_validate_json(text)
    except (ValidationError, ValueError, AttributeError) as error:
        raise TextureError(f"{file}: damaged ({first_line(error)}); copy the texture again, or fit it again") from error


def verify_files(path: Path, manifest: Manifest) -> None:
    """Compare every file's checksum.

    Raises:
        TextureError: one is missing or damaged.
    """
    for name, expected in manifest.sha256.items():
        file = path / name
        if not file.is_file():
            raise TextureError(f"{file}: missing; copy the whole folder again, or fit the texture again")
        if sha256_of(file) != expected:
            raise TextureError(
                f"{file}: damaged or cut short, its checksum is not the manifest's; copy the texture again, "
                "or fit it again"
            )


def first_line(error: Exception) -> str:
    """What it says, in one line."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return next(iter(str(error).splitlines()), type(error).__name__)
