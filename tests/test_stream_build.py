"""Whole builds: every kind of clip becomes a texture that plays, or one line that says why not, and no half folder."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from av.stream import Disposition

from bench.scene import make_lighter
from export.encoder import EncoderBuilder
from export.sound import SoundBuilder
from models.scenes.clip_file import write_clip as write_scene
from models.scenes.dials import DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import create_scene
from models.steadying import PLACE_SHARES
from stream.bridge_build import BridgeSettings
from stream.build import BuildReport, build_texture
from stream.errors import ClipError, TextureError
from stream.h264 import decode_gop
from stream.player import Player
from stream.provenance import provenance
from stream.texture import Texture
from tests.clips import disc, write_clip
from tests.media import Film, Tone, write_tracks
from tests.presets import QUICK


def build(clip: Path, out: Path, *, with_renditions: bool = True, **bridges: object) -> BuildReport:
    return build_texture(
        clip, out, EncoderBuilder(QUICK, seed=0), provenance=provenance(0, QUICK), sound_builder=SoundBuilder(),
        bridge_settings=BridgeSettings(**bridges), with_renditions=with_renditions,
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        {"width": 427, "height": 239, "pixels": "yuv444p"},
        {"pixels": "yuv420p10le", "with_sound": True},
        {"rotation_degrees": 90},
        {"time_ms": lambda index: index * 33 + index // 10 * 170},
        {"rate": 5, "frames": 40},
        {"frames": 21},
    ],
    ids=["odd size", "10 bits, with sound", "rotated", "varying rate", "slow", "two segments"],
)
def test_an_unusual_clip_becomes_a_texture_that_plays(tmp_path: Path, options: dict[str, object]) -> None:
    clip = write_clip(tmp_path / "clip.mkv" if "rotation_degrees" not in options else tmp_path / "clip.mp4", **options)
    out = tmp_path / "clip.texture"
    report = build(clip, out)
    with Texture.open(out) as texture:
        assert texture.segments.count == report.segments >= 2
        assert (texture.sound_embeddings is not None) == (report.sound is not None) == options.get("with_sound", False)
        liveliness = texture.liveliness(15)
        with Player(texture, liveliness, seed=1) as player:
            packets = [packet for packet, _ in zip(player.packets(), range(200), strict=False)]
    video = [packet for packet in packets if packet.kind == "video"]
    assert len(decode_gop([packet.data for packet in video])) == len(video)
    assert any(packet.kind == "audio" for packet in packets) == options.get("with_sound", False)


def test_odd_names_tracks_and_samples_become_a_texture_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of names that FFmpeg takes for addresses, and that are no UTF-8 and so cannot be stored in JSON as they are."""
    monkeypatch.chdir(tmp_path)
    clip, out = Path(os.fsdecode(b"12:30 caf\xe9.mkv")), Path(os.fsdecode(b"12:30 caf\xe9.texture"))
    tracks = [Film(frames=1), Film(160, 128, frames=24, flags=Disposition.default), Tone(bad_samples=3)]
    write_tracks(clip, tracks, sound_codec="pcm_f32le")
    report = build(clip, out, with_renditions=False)
    assert any("track 2 (h264, 160x128, default) is taken; passed over: track 1" in note for note in report.notes)
    assert any("silenced (3 of them)" in note for note in report.notes)
    with Texture.open(out) as texture:
        assert texture.name == "12:30 caf\ufffd"
        assert texture.manifest.clip.name == "12:30 caf\ufffd.mkv"
        assert set(report.notes) > set(texture.manifest.clip.notes) > set()
        assert texture.track is not None
        assert np.abs(texture.track.samples(0, 50)).max() < 0.5
        assert np.isfinite(texture.sound_embeddings).all()


def test_a_larger_clip_is_given_a_smaller_rendition_unless_none_is_wanted(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", width=480, height=360, frames=45)
    build(clip, tmp_path / "none.texture", with_renditions=False)
    with Texture.open(tmp_path / "none.texture") as texture:
        assert texture.renditions == ()
    build(clip, tmp_path / "clip.texture")
    with Texture.open(tmp_path / "clip.texture") as texture:
        assert [(form.width, form.height) for form in texture.formats] == [(480, 360), (240, 180)]
        before = texture.bit_s
        assert before[1] < 0.6 * before[0]
    make_lighter(tmp_path / "clip.texture", 40)
    with Texture.open(tmp_path / "clip.texture") as texture:
        assert all(now < 0.8 * then for now, then in zip(texture.bit_s, before, strict=True))


def test_the_video_shows_the_clip_from_the_first_appended_frame_on(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", frames=60)
    build(clip, tmp_path / "clip.texture")
    with Texture.open(tmp_path / "clip.texture") as texture:
        shown = decode_gop(texture.gop(2))
        first = texture.segments.first_appended_frame(2)
    for index, picture in enumerate(shown):
        error = np.abs(picture.to_ndarray(format="rgb24").astype(int) - disc(first + index, 160, 120)).mean()
        neighbour = np.abs(picture.to_ndarray(format="rgb24").astype(int) - disc(first + index + 4, 160, 120)).mean()
        assert error < 4 < neighbour


def test_a_shaking_camera_is_told_and_counted_by_itself(tmp_path: Path) -> None:
    shot = Shot(7001, 5.0, width=160, height=96)
    for name, dials in (("shaken", Dials.only("shake", 1.0)), ("still", Dials.none())):
        write_scene(DialledScene(create_scene("face", shot), dials, 7001), tmp_path / f"{name}.mp4")
        preset = replace(QUICK, steadies=True)
        report = build_texture(
            tmp_path / f"{name}.mp4", tmp_path / f"{name}.texture", EncoderBuilder(preset, seed=0),
            provenance=provenance(0, preset),
        )  # fmt: skip
        with Texture.open(tmp_path / f"{name}.texture") as texture:
            query, shake = texture.embeddings["query"], texture.manifest.clip.shake
            place_share = texture.manifest.walk.place_share
        np.testing.assert_allclose(np.linalg.norm(query, axis=1), 1, atol=1e-5)
        if name == "shaken":
            assert 0.02 < shake < 0.1
            assert place_share in PLACE_SHARES
            said = f"moves the picture by {100 * shake:.1f} %", f"counts for {100 * place_share:.0f} %"
            assert any(all(part in note for part in said) for note in report.notes)
            assert query.shape[1] > 512
        else:
            assert shake == place_share == 0
            assert query.shape[1] == 512


def test_no_segment_that_is_played_holds_a_hard_cut(tmp_path: Path) -> None:
    def two_shots(index: int, width: int, height: int) -> np.ndarray:
        return disc(index, width, height) if index < 62 else 255 - disc(index, width, height)

    build(write_clip(tmp_path / "cut.mp4", frames=130, draw=two_shots), tmp_path / "cut.texture")
    with Texture.open(tmp_path / "cut.texture") as texture:
        assert texture.segments.cuts == (62,)
        liveliness = texture.liveliness(30)
        with Player(texture, liveliness, seed=0) as player:
            packets = (packet for packet, _ in zip(player.packets(), range(900), strict=False))
            frames = [packet.clip_frame for packet in packets if packet.kind == "video"]
    crossings = [pair for pair in pairwise(frames) if pair == (61, 62)]
    assert crossings == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"frames": 1}, "too short, 1 frames"),
        ({"frames": 20}, r"too short, 20 frames \(0.67 s\)"),
        ({"draw": lambda index, width, height: disc(0, width, height)}, "every frame shows the same picture"),
        (
            {"draw": lambda i, w, h: np.random.default_rng(i // 3).integers(0, 255, (h, w, 3)).astype(np.uint8)},
            "a hard cut at least every 15 frames",
        ),
    ],
    ids=["one frame", "one segment", "still", "strobe"],
)
def test_a_clip_of_which_nothing_can_be_made_leaves_nothing(
    tmp_path: Path, options: dict[str, object], reason: str
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", **options)
    with pytest.raises(ClipError, match=reason):
        build(clip, tmp_path / "clip.texture")
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_clip_of_more_segments_than_were_ever_tried_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.ingest.MOST_SEGMENTS", 7)
    assert build(write_clip(tmp_path / "just.mp4", frames=51), tmp_path / "just.texture").segments == 7
    clip = write_clip(tmp_path / "long.mp4", frames=60)
    with pytest.raises(ClipError, match=r"too long, no more than 2 s \(7 segments\) was ever tried; cut it with"):
        build(clip, tmp_path / "long.texture")
    assert not (tmp_path / "long.texture").exists()


def test_only_a_texture_is_ever_replaced(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    precious = tmp_path / "photos"
    precious.mkdir()
    (precious / "me.jpg").write_text("mine")
    with pytest.raises(TextureError, match="is no texture, and so not replaced"):
        build_texture(clip, precious, EncoderBuilder(QUICK, seed=0), provenance=provenance(0, QUICK), overwrite=True)
    assert (precious / "me.jpg").read_text() == "mine"


def test_the_same_seed_gives_the_same_texture(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    for name in ("a", "b"):
        build(clip, tmp_path / f"{name}.texture")
    with Texture.open(tmp_path / "a.texture") as a, Texture.open(tmp_path / "b.texture") as b:
        different = {name for name, sha in a.manifest.sha256.items() if b.manifest.sha256[name] != sha}
        assert different <= {"encoder.onnx"}  # the exporter's own bookkeeping is not deterministic
        np.testing.assert_array_equal(a.embeddings["query"], b.embeddings["query"])


def test_a_copied_texture_plays_and_a_damaged_one_does_not(tmp_path: Path) -> None:
    build(write_clip(tmp_path / "clip.mp4"), tmp_path / "clip.texture", frames=0)
    copy = tmp_path / "elsewhere" / "renamed.texture"
    shutil.copytree(tmp_path / "clip.texture", copy)
    with Texture.open(copy) as texture:
        assert texture.name == "renamed"
        assert texture.manifest.video.bridge_frames == 0
    video = copy / "video.mp4"
    video.write_bytes(video.read_bytes()[:-100])
    with pytest.raises(TextureError, match=r"video\.mp4: damaged or cut short"):
        Texture.open(copy)
