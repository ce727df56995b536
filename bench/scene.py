"""The texture that servers are measured with: a drawn scene at 720p30, as heavy as such streams usually are."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import platformdirs

from bench import demo
from models.progress import silent
from models.scenes.strings import StringsSettings
from stream.errors import TextureError
from stream.recode import recode
from stream.renditions import lighter_formats, store_renditions
from stream.texture import BRIDGES_VIDEO, MANIFEST, VIDEO, Texture, sha256_of

SCENE = StringsSettings(seconds=20.0, width=1280, height=720)
LIGHTER_CRF = 27  # 2.5 Mbit/s, where the usual 22 takes 4.6: the scene's fine grain is dear


def scene_720p() -> Path:
    """The texture of the drawn scene at 720p30, made if it is not in the cache, or of other code than this.

    It takes about 2.5 Mbit/s, pictures and sound.
    """
    cache = Path(platformdirs.user_cache_dir("videotexture")) / "bench"
    path = cache / demo.code_version() / "strings-720p-light.texture"
    try:
        Texture.open(path).close()
    except TextureError:
        shutil.rmtree(cache, ignore_errors=True)  # what older code made
        path.parent.mkdir(parents=True)
        demo.scene_texture(SCENE, path, silent)
        make_lighter(path, LIGHTER_CRF)
    return path


def make_lighter(texture: Path, crf: int) -> None:
    """Encode a texture's pictures once more with another constant rate factor, in its place, and all its renditions."""
    with Texture.open(texture) as opened:
        manifest, video_format = opened.manifest, replace(opened.manifest.video_format(), crf=crf)
    sums = dict(manifest.sha256)
    with tempfile.TemporaryDirectory(dir=texture) as scratch:
        for name in {VIDEO, BRIDGES_VIDEO} & sums.keys():
            lighter = Path(scratch) / "lighter.mp4"
            recode(texture / name, lighter, video_format)
            lighter.replace(texture / name)
            sums[name] = sha256_of(texture / name)
    renditions = store_renditions(texture, lighter_formats(video_format)) if manifest.renditions else ()
    sums |= {name: sha256_of(texture / name) for name in sums if name.startswith("renditions/")}
    update = {"video": manifest.video.model_copy(update={"crf": crf}), "renditions": renditions, "sha256": sums}
    changed = manifest.model_copy(update=update)
    (texture / MANIFEST).write_text(changed.model_dump_json(indent=2) + "\n", encoding="utf-8")
