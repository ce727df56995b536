"""The texture folder: what is written is read, and each kind of damage is one clear line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from stream.errors import TextureError
from stream.liveliness import Liveliness
from stream.manifest import FORMAT_VERSION, Manifest
from stream.texture import (
    BRIDGES_INDEX,
    BRIDGES_VIDEO,
    EMBEDDINGS,
    MANIFEST,
    SOUND,
    VIDEO,
    WALK,
    Texture,
    read_manifest,
    sha256_of,
)
from tests.stream_media import NTSC_HZ, WEIGHTING, decode_video, number_of, write_texture

MEND = r"copy the texture again, or fit it again|fit the texture again|copy the whole folder again|fit the clip again"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("texture")
    return write_texture(folder / "whole.texture", rate_hz=NTSC_HZ, seconds=4.0, stored=[(9, 2), (12, 5)])


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "copied.texture")


def refused(path: Path, match: str, **settings: bool) -> None:
    """One clear line: what it is, and the mend."""
    with pytest.raises(TextureError, match=match) as caught:
        Texture.open(path, **settings)
    assert "\n" not in str(caught.value)
    assert re.search(MEND, str(caught.value)), str(caught.value)


def edit_manifest(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    change(manifest)
    (path / MANIFEST).write_text(json.dumps(manifest))


def test_a_copied_folder_is_complete(path: Path) -> None:
    with Texture.open(path) as texture:
        assert texture.name == "copied"
        segments = texture.segments
        assert (segments.window_frames, segments.stride_frames, segments.count) == (15, 6, 18)
        for segment in (0, 7, segments.count - 1):
            first = segments.first_appended_frame(segment)
            numbers = [number_of(picture) for picture in decode_video(texture.gop(segment))]
            assert numbers == list(range(first, first + 6))
        assert texture.track is not None
        assert texture.bridge_index == {(9, 2): (0, 4), (12, 5): (4, 4)}
        assert texture.graph.count == segments.count
        assert len(texture.graph.ways)
        weighed = Liveliness.at_weighting(texture.graph, texture.tempo, WEIGHTING)
        assert texture.usual_liveliness().jumps_per_minute == pytest.approx(weighed.jumps_per_minute)
        stored = texture.usual_liveliness().transitions.probabilities
        assert (stored != weighed.transitions.probabilities).nnz == 0
        assert texture.tempo.stride_s == pytest.approx(6 * 1001 / 30000)
        assert texture.tempo.bridge_s == pytest.approx(4 * 1001 / 30000)
        for edge in texture.bridge_index:
            units = texture.stored_bridge(*edge)
            assert units is not None
            assert len(decode_video([unit.data for unit in units])) == 4


def test_the_manifest_survives_json(path: Path) -> None:
    manifest = read_manifest(path)
    assert manifest.clip.rate_hz == NTSC_HZ, "as a fraction, not a rounded number"
    assert isinstance(manifest.clip.rate_hz, Fraction)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    assert manifest.segmentation().stride_frames == manifest.video_format().gop_frames == 6
    assert manifest.video_format().time_base == 1 / NTSC_HZ
    assert set(manifest.sha256) == {VIDEO, SOUND, EMBEDDINGS, WALK, BRIDGES_VIDEO, BRIDGES_INDEX}


def test_no_texture_at_all(tmp_path: Path) -> None:
    with pytest.raises(TextureError, match=r"none\.texture: no such texture; make one with `videotexture fit CLIP -o"):
        Texture.open(tmp_path / "none.texture")


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"a clip")
    with pytest.raises(TextureError, match=r"clip\.mp4: a texture is a folder, this is a file; make one with .* fit"):
        Texture.open(tmp_path / "clip.mp4")


def test_a_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear reader")
    with pytest.raises(TextureError, match=r"not a texture, it has no readable manifest\.json"):
        Texture.open(tmp_path)


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, None, "one"])
def test_another_version(path: Path, version: object) -> None:
    edit_manifest(path, lambda manifest: manifest.update(format_version=version, of_the_future=[1, 2]))
    refused(path, rf"manifest\.json: texture format {version}, this program reads 2 to {FORMAT_VERSION}; fit the clip")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', f'{{"format_version": {FORMAT_VERSION}}}', "\ud83d"])
def test_a_damaged_manifest(path: Path, text: str) -> None:
    (path / MANIFEST).write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(TextureError, match=r"manifest\.json.*damaged|no readable manifest\.json|texture format None"):
        Texture.open(path)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("clip", "rate_hz", "30/0"), ("clip", "rate_hz", "fast"), ("clip", "rate_hz", None), ("clip", "rate_hz", "-30"),
        ("clip", "rate_hz", "0"), ("clip", "rate_hz", [30]), ("clip", "width", 0), ("clip", "frame_count", "many"),
        ("segments", "stride_frames", 1), ("segments", "stride_frames", 15), ("segments", "window_frames", 5),
        ("segments", "count", -1), ("video", "bridge_frames", -1), ("clip", "cuts", ["x"]), ("clip", "spare", 1),
    ],
)  # fmt: skip
def test_impossible_values_in_the_manifest(path: Path, part: str, name: str, value: object) -> None:
    edit_manifest(path, lambda manifest: manifest[part].update({name: value}))
    refused(path, r"manifest\.json: damaged .*copy the texture again, or fit it again")


@pytest.mark.parametrize("name", [VIDEO, SOUND, EMBEDDINGS, WALK, BRIDGES_VIDEO, BRIDGES_INDEX])
def test_a_missing_file(path: Path, name: str) -> None:
    (path / name).unlink()
    refused(path, f"{re.escape(name)}: missing; copy the whole folder again")


@pytest.mark.parametrize("name", [VIDEO, SOUND, EMBEDDINGS, WALK, BRIDGES_VIDEO, BRIDGES_INDEX])
@pytest.mark.parametrize("damage", ["flipped bit", "truncated", "longer", "empty"])
def test_a_damaged_file(path: Path, name: str, damage: str) -> None:
    data = bytearray((path / name).read_bytes())
    if damage == "flipped bit":
        data[len(data) // 2] ^= 1
    changed = {"truncated": data[:-1], "longer": data + b"\0", "empty": b"", "flipped bit": data}[damage]
    (path / name).write_bytes(changed)
    refused(path, f"{re.escape(name)}: damaged or cut short, its checksum is not the manifest's")


@pytest.mark.parametrize("name", [VIDEO, SOUND, BRIDGES_VIDEO, BRIDGES_INDEX])
@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_unverified_it_is_still_no_crash(path: Path, name: str, kept: float) -> None:
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[: int(len(data) * kept)])
    if name == SOUND and kept:
        Texture.open(path, verify=False).close()  # half a song can be played
    else:
        refused(path, rf"{re.escape(name)}: (not a readable|damaged|cut short)", verify=False)


def test_a_video_of_another_clip(path: Path, tmp_path: Path) -> None:
    other = write_texture(tmp_path / "short.texture", rate_hz=NTSC_HZ, seconds=2.0, sound=False)
    shutil.copy(other / VIDEO, path / VIDEO)
    edit_manifest(path, lambda manifest: manifest["sha256"].update({VIDEO: sha256_of(path / VIDEO)}))
    refused(path, r"copied\.texture: the video has \d+ pictures, its 18 segments need 108; copy the texture again")


def test_a_count_that_is_not_the_clips(path: Path) -> None:
    edit_manifest(path, lambda manifest: manifest["segments"].update(count=17))
    refused(path, "its 17 segments need")


@pytest.mark.parametrize(
    "arrays",
    [
        {"query": np.zeros((18, 8), np.float32)},
        {"query": np.zeros((18, 8), np.float32), "target": np.zeros((17, 8), np.float32)},
    ],
)
def test_embeddings_of_another_size(path: Path, arrays: dict[str, Any]) -> None:
    save_file(arrays, path / EMBEDDINGS)
    with Texture.open(path, verify=False) as texture:
        with pytest.raises(TextureError, match=r"embeddings\.safetensors: no 'target' for 18 segments in it; fit the"):
            _ = texture.graph
        (path / EMBEDDINGS).write_bytes(b"none of it")
        with pytest.raises(TextureError, match=r"embeddings\.safetensors: not readable .*copy the texture again"):
            _ = texture.embeddings


def test_any_flipped_bit_of_the_manifest_opens_or_is_said(path: Path) -> None:
    """The manifest has no checksum of its own: whatever its bytes are, no other error comes out."""
    data = (path / MANIFEST).read_bytes()
    rng = np.random.default_rng(0)
    opened = 0
    for place in rng.choice(len(data), 250, replace=False):
        damaged = bytearray(data)
        damaged[place] ^= 1 << rng.integers(8)
        (path / MANIFEST).write_bytes(damaged)
        try:
            Texture.open(path, verify=False).close()
        except TextureError:
            continue
        opened += 1
    assert opened < 250


def test_without_sound_or_stored_bridges(tmp_path: Path) -> None:
    with Texture.open(write_texture(tmp_path / "mute.texture", seconds=2.0, sound=False)) as texture:
        assert texture.track is None
        assert texture.bridges_video is None
        assert texture.stored_bridge(5, 1) is None


def test_bridges_that_are_not_there_are_noticed_when_it_is_opened(tmp_path: Path) -> None:
    path = write_texture(tmp_path / "n.texture", stored=((3, 8),))
    index = json.loads((path / BRIDGES_INDEX).read_text())
    for wrong in ({"first_picture": 4}, {"to": 10_000}):
        broken = {"bridges": [index["bridges"][0] | wrong]}
        (path / BRIDGES_INDEX).write_text(json.dumps(broken))
        with pytest.raises(TextureError, match=r"index\.json: names what is not there"):
            Texture.open(path, verify=False)
