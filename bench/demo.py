"""The demo's texture: the built-in scene, drawn and fitted once, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import platformdirs

from models.progress import Progress
from models.scenes.clip_file import write_clip
from models.scenes.strings import Strings, StringsSettings
from stream.errors import TextureError
from stream.texture import Texture

SEED = 0
ROOT = Path(__file__).parent.parent
MAKERS = ("models", "export", "stream")  # the packages whose code decides what the texture is


def demo_texture(progress: Progress, *, rebuild: bool = False) -> Path:
    """The path of the demo's texture, made if it is not there, not whole, or of other code than this."""
    path = _cache() / code_version() / "strings.texture"
    if not rebuild and path.exists():
        try:
            Texture.open(path).close()
        except TextureError:
            pass  # half a cache is no cache: it is made again, below, in full view
        else:
            return path
    for old in _cache().glob("*"):
        if old.name != code_version():
            shutil.rmtree(old, ignore_errors=True)
    scene_texture(StringsSettings(seed=SEED), path, progress)
    return path


def scene_texture(settings: StringsSettings, path: Path, progress: Progress) -> Path:
    """Draw a strings scene and fit it, with the cpu preset."""
    from export.encoder import EncoderBuilder  # torch, which playing the cached demo does without
    from export.sound import SoundBuilder
    from models.preset import CPU
    from stream.build import build_texture
    from stream.provenance import provenance

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "strings.mp4"
        write_clip(Strings(settings), clip, progress=progress)
        builder = EncoderBuilder(CPU, seed=SEED)
        made_by = provenance(SEED, CPU)
        build_texture(
            clip, path, builder, provenance=made_by, sound_builder=SoundBuilder(), overwrite=True, progress=progress
        )
    return path


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("videotexture")) / "demo"


def code_version() -> str:
    """A checksum of the code that makes the texture, so that none is kept past a change of it."""
    digest = hashlib.sha256()
    for package in MAKERS:
        for file in sorted((ROOT / package).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
