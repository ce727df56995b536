"""What many tests share: textures, each drawn and fitted once per session by the real pipeline, and a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bench.demo import scene_texture
from export.encoder import EncoderBuilder
from models.preset import CPU
from models.progress import silent
from models.scenes.clip_file import write_clip
from models.scenes.strings import StringsSettings
from stream.build import build_texture
from stream.provenance import provenance
from tests.numbered_clip import NumberedClip
from tests.serving import LocalServer, serve_here


@pytest.fixture(scope="session")
def small_texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted texture of 12 s of plucked strings, 320 x 180, with sound. To be read only."""
    path = tmp_path_factory.mktemp("textures") / "small.texture"
    return scene_texture(StringsSettings(seconds=12.0, width=320, height=180), path, silent)


@pytest.fixture(scope="session")
def numbered_texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted texture of `NumberedClip`. To be read only."""
    folder = tmp_path_factory.mktemp("textures")
    write_clip(NumberedClip(), folder / "numbered.mp4")
    path = folder / "numbered.texture"
    build_texture(folder / "numbered.mp4", path, EncoderBuilder(CPU, seed=0), provenance=provenance(0, CPU))
    return path


@pytest.fixture
async def server(small_texture: Path) -> AsyncIterator[LocalServer]:
    """The small texture, served in this process on loopback."""
    async with serve_here(small_texture) as running:
        yield running


@pytest.fixture
async def http(server: LocalServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `server`."""
    async with httpx.AsyncClient(base_url=server.address, timeout=20) as client:
        yield client
