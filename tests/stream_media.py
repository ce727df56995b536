"""Media made for the tests of `stream`: numbered pictures, a rising tone, and whole textures of both.

Every picture carries its number in a row of bright and dark blocks, and the tone never has the same pitch twice:
what is shown and heard tells where in the clip it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame
from safetensors.numpy import save_file

from models.segments import Segments
from stream.bridge_maker import bridge_pictures
from stream.graph import Graph, Weighting
from stream.h264 import GopFile, GopFileWriter, VideoFormat
from stream.manifest import ClipFacts, Manifest, Provenance, SegmentFacts, VideoFacts, WalkFacts
from stream.renditions import store_renditions
from stream.seen_seams import SeenSeams
from stream.sound import PACKET_SAMPLES, SAMPLE_RATE_HZ, Samples, write_track
from stream.texture import BRIDGES_INDEX, BRIDGES_VIDEO, EMBEDDINGS, MANIFEST, SOUND, VIDEO, WALK, Texture, sha256_of
from stream.transitions import Transitions
from stream.walk import Walk
from stream.walk_file import write_walk

WIDTH_PX, HEIGHT_PX = 96, 64
BITS, BLOCK_PX = 12, 8
NTSC_HZ = Fraction(30000, 1001)
WEIGHTING = Weighting(0.05, threshold=0.9)  # a restless walk: many different jumps in a short time

Planes = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]


def frame_of(luma: npt.ArrayLike, blue: npt.ArrayLike = 128, red: npt.ArrayLike = 128) -> VideoFrame:
    """A yuv420p picture of its planes; the chroma ones may be single levels."""
    luma = np.asarray(luma)
    chroma = np.ones((luma.shape[0] // 2, luma.shape[1] // 2))
    planes = [luma, chroma * blue, chroma * red]
    packed = np.concatenate([np.clip(np.round(plane), 0, 255).astype(np.uint8).ravel() for plane in planes])
    return VideoFrame.from_ndarray(packed.reshape(-1, luma.shape[1]), format="yuv420p")


def planes_of(picture: VideoFrame) -> Planes:
    """Y (h, w), U and V (h/2, w/2)."""
    packed = picture.to_ndarray().ravel()
    luma, chroma = picture.width * picture.height, picture.width * picture.height // 4
    half = (picture.height // 2, picture.width // 2)
    return (
        packed[:luma].reshape(picture.height, picture.width),
        packed[luma : luma + chroma].reshape(half),
        packed[luma + chroma :].reshape(half),
    )


def numbered(number: int) -> VideoFrame:
    """A picture with its number on top and a square below that moves 2 pixels each frame; 96x64."""
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    luma = 90 + 20 * np.sin(rows / 4 + columns / 7)
    bits = (number >> np.arange(BITS)) & 1
    luma[: 2 * BLOCK_PX] = np.repeat(np.where(bits, 210, 40), BLOCK_PX)
    left = 2 * number % (WIDTH_PX - 16)
    luma[32:48, left : left + 16] = 190
    return frame_of(luma, blue=110 + number % 30, red=140)


def number_of(picture: VideoFrame) -> int:
    """The number of a decoded picture."""
    block = picture.width // BITS  # of a smaller rendition it is smaller
    blocks = planes_of(picture)[0][: 2 * block].reshape(2 * block, BITS, block).mean(axis=(0, 2))
    return int(((blocks > 125) << np.arange(BITS)).sum())


def same(first: VideoFrame, second: VideoFrame) -> bool:
    """Whether two pictures are equal, bit for bit."""
    return np.array_equal(first.to_ndarray(), second.to_ndarray())


def tone(seconds: float, *, low_hz: float = 300.0, high_hz: float = 1200.0, level: float = 0.3) -> Samples:
    """A rising tone, the right side softer; (samples, 2)."""
    time_s = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * (low_hz * time_s + (high_hz - low_hz) / (2 * seconds) * time_s**2)
    left = level * np.sin(phase)
    return np.stack([left, 0.5 * left], axis=1).astype(np.float32)


def soft_ends(sound: Samples, seconds: float = 0.05) -> Samples:
    """The same sound without the clicks that a sudden start and end are."""
    ramp = np.arange(len(sound)) / (seconds * SAMPLE_RATE_HZ)
    return (sound * np.clip(np.minimum(ramp, ramp[::-1]), 0, 1)[:, None]).astype(np.float32)


def video_format(rate_hz: Fraction = Fraction(30), gop_frames: int = 6) -> VideoFormat:
    """The format of numbered pictures."""
    return VideoFormat(WIDTH_PX, HEIGHT_PX, rate_hz, gop_frames)


def write_gops(path: Path, numbers: Iterable[int], form: VideoFormat) -> Path:
    """A file of numbered pictures."""
    with GopFileWriter(path, form) as writer:
        for number in numbers:
            writer.write(numbered(number))
    return path


def nal_types(unit: bytes) -> list[int]:
    """The types of the NAL units in an access unit, Annex B."""
    return [nal[0] & 0x1F for nal in unit.split(b"\x00\x00\x01")[1:]]


def decode_video(units: Sequence[bytes]) -> list[VideoFrame]:
    """By libavcodec, with nothing of ours between; damage is an error."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.options = {"err_detect": "explode"}
    decoder.thread_count = 1
    pictures = []
    for index, unit in enumerate(units):
        packet = av.Packet(unit)
        packet.pts = index
        pictures += decoder.decode(packet)
    return pictures + decoder.decode(None)


def decode_sound(packets: Sequence[bytes]) -> Samples:
    """By FFmpeg's own Opus decoder; (samples, 2), 960 for each packet."""
    decoder = av.CodecContext.create("opus", "r")
    decoder.sample_rate, decoder.layout = SAMPLE_RATE_HZ, "stereo"
    frames = [frame for data in packets for frame in decoder.decode(av.Packet(data))] + decoder.decode(None)
    sound = np.concatenate([frame.to_ndarray().T for frame in frames])
    assert len(sound) == len(packets) * PACKET_SAMPLES
    return sound


def circle(count: int, *, turns: int, noise: float = 0.05, seed: int = 1) -> tuple[npt.NDArray, npt.NDArray]:
    """Query and target embeddings (N, 8) of something that comes round `turns` times, never quite alike."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * turns * np.arange(count + 1) / count
    places = np.zeros((count + 1, 8))
    places[:, 0], places[:, 1] = np.cos(angle), np.sin(angle)
    places += rng.normal(0, noise, places.shape)
    places = (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)
    return places[1:], places[:-1]


def circle_graph(count: int = 150, turns: int = 5) -> Graph:
    """The graph of a recurring clip at 30 Hz."""
    segments = Segments(15 + 6 * (count - 1), 15, 6)
    return Graph.of_embeddings(*circle(count, turns=turns), segments)


def spread(graph: Graph, values: npt.NDArray, absent: float = np.nan) -> npt.NDArray:
    """A number for each way as an (N, N) matrix."""
    matrix = np.full((graph.count, graph.count), absent, values.dtype)
    matrix[graph.ways.sources, graph.ways.targets] = values
    return matrix


def allowed_of(graph: Graph) -> npt.NDArray[np.bool_]:
    """Which steps are ways, (N, N)."""
    return spread(graph, np.ones(len(graph.ways), np.bool_), absent=False)


def visits(transitions: Transitions, steps: int, seed: int = 3) -> npt.NDArray[np.int64]:
    """How often a walk of `steps` takes each edge, (N, N)."""
    walk = Walk(transitions, np.random.default_rng(seed))
    taken = np.zeros((transitions.count, transitions.count), np.int64)
    for _ in range(steps):
        step = walk.step()
        taken[step.previous, step.segment] += 1
    return taken


def write_texture(
    path: Path,
    *,
    rate_hz: Fraction = Fraction(30),
    seconds: float = 8.0,
    sound: bool = True,
    bridge_frames: int = 4,
    stored: Sequence[tuple[int, int]] = (),
    renditions: bool = False,
) -> Path:
    """A whole texture folder of numbered pictures and a rising tone, but for its encoder.

    Args:
        stored: the jumps whose bridges are in it.
        renditions: whether it has one of half the size.
    """
    path.mkdir(parents=True)
    segments = Segments.of_clip(round(seconds * rate_hz), rate_hz)
    form = video_format(rate_hz, segments.stride_frames)
    write_gops(path / VIDEO, range(segments.overlap_frames, segments.frame_count), form)
    if sound:
        write_track(soft_ends(tone(float(segments.frame_count / rate_hz))), path / SOUND)
    query, target = circle(segments.count, turns=3)
    save_file({"query": query, "target": target}, path / EMBEDDINGS)
    transitions = Graph.of_embeddings(query, target, segments).transition_matrix(WEIGHTING)
    write_walk(transitions, SeenSeams.none(), path / WALK)
    if stored:
        _write_bridges(path, segments, form, stored, bridge_frames)
    half = replace(form, width=WIDTH_PX // 2, height=HEIGHT_PX // 2)
    lighter = store_renditions(path, {"half": half}) if renditions else ()
    manifest = Manifest(
        clip=ClipFacts(
            name="numbers.mp4", width=WIDTH_PX, height=HEIGHT_PX, rate_hz=rate_hz,
            frame_count=segments.frame_count, cuts=(), has_sound=sound, notes=("nothing",),
        ),
        segments=SegmentFacts(
            count=segments.count, window_frames=segments.window_frames, stride_frames=segments.stride_frames
        ),
        video=VideoFacts(crf=form.crf, colour=form.colour, bridge_frames=bridge_frames),
        walk=WalkFacts(jumps_per_minute=60),
        renditions=lighter,
        encoder={"trunk": "none"},
        provenance=Provenance(version="0", commit=None, seed=0, preset="test", settings={}),
        sha256={str(file.relative_to(path)): sha256_of(file) for file in sorted(path.rglob("*")) if file.is_file()},
    )  # fmt: skip
    (path / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    return path


def _write_bridges(
    path: Path, segments: Segments, form: VideoFormat, stored: Sequence[tuple[int, int]], bridge_frames: int
) -> None:
    video = GopFile(path / VIDEO)
    (path / BRIDGES_VIDEO).parent.mkdir()
    rows = []
    with GopFileWriter(path / BRIDGES_VIDEO, form) as writer:
        for edge in stored:
            rows.append({"from": edge[0], "to": edge[1], "first_picture": writer.frames_written})
            for index, picture in enumerate(bridge_pictures(video, segments, edge, bridge_frames)):
                writer.write(picture, starts_gop=index == 0)
    video.close()
    (path / BRIDGES_INDEX).write_text(json.dumps({"bridges": rows}), encoding="utf-8")


def open_texture(path: Path, **settings: object) -> Texture:
    """Write a texture and open it."""
    return Texture.open(write_texture(path, **settings))
