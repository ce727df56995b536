"""The metrics by features: windowed pixels, a random network, the learned ones; each gives (N, N) similarities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.quality.film import Film
from bench.quality.grid import JUMPS_PER_MINUTE
from models.encoder import ContrastiveEncoder, create_encoder
from models.fit import fit
from models.fitting import Fitting
from models.preset import CPU, PixelSettings, Preset, SceneSettings, SlowFastSettings
from models.scene_slowfast import SIDE_PX
from models.scene_trunk import SceneTrunk
from models.threads import torch_threads
from stream.jump_judge import JumpJudge
from stream.liveliness import Tempo
from stream.seen_seams import Look

Similarity = npt.NDArray[np.float32]
Embeddings = npt.NDArray[np.float32]

PIXELS = Preset(name="pixels", frame_height_px=48, trunk=PixelSettings(), head_channels=CPU.head_channels)
PIXELS_AHEAD = Preset(
    name="pixels-ahead", frame_height_px=48, trunk=PixelSettings(view="window"), head_channels=CPU.head_channels
)
RANDOM_SLOWFAST = Preset(
    name="slowfast-random",
    frame_height_px=48,
    trunk=SlowFastSettings(sampled_frames=8, depth=18, slow_channels=32, grid=2, view="overlap", trained=False),
    head_channels=CPU.head_channels,
)


def of_preset(film: Film, preset: Preset, seed: int) -> Similarity:
    """Calibrated features with identity heads: nothing is learnt on the film."""
    frames = film.at(preset.frame_size(film.frames.shape[2], film.frames.shape[1]))
    with torch_threads(1):
        encoder = create_encoder(preset, film.segments, frames.shape[1:3], seed=seed)
        encoder.trunk.calibrate(frames, film.segments, np.random.default_rng(seed))
        return _similarity(encoder, film, frames, preset)


def of_fit(film: Film, preset: Preset, seed: int) -> Similarity:
    """What `videotexture fit` makes of the film."""
    query, target = fitted_embeddings(film, preset, seed, Tempo(film.stride_s, 0.0))
    return np.asarray(query @ target.T, np.float32)


def fitted_embeddings(film: Film, preset: Preset, seed: int, tempo: Tempo) -> tuple[Embeddings, Embeddings]:
    """The embeddings, (N, D) each, that `videotexture fit` finds jumps by."""
    frames = film.at(preset.frame_size(film.frames.shape[2], film.frames.shape[1]))
    camera = film.camera if preset.steadies else None
    compared = frames if camera is None else camera.steadied(frames)
    with torch_threads(1):
        judge = JumpJudge(frames, film.segments, tempo, JUMPS_PER_MINUTE, camera)
        fitted = fit(compared, film.segments, preset, seed=seed, judge=judge)
        fitting = Fitting(fitted.encoder, compared, film.segments, preset, np.random.default_rng(0))
        query, target = (vectors.numpy() for vectors in fitting.embeddings())
    return judge.placed(query, target)[:2]


def look_of_fit(film: Film, preset: Preset) -> Look:
    """How `videotexture fit` looks at jumps."""
    frames = film.at(preset.frame_size(film.frames.shape[2], film.frames.shape[1]))
    return JumpJudge(frames, film.segments, Tempo(film.stride_s, 0.0), JUMPS_PER_MINUTE).look


def of_scene_network(film: Film, weights: Path, seed: int) -> Similarity:
    """The network that was pre-trained on drawn scenes, alone: no pixels, and no choice on the film."""
    frames = film.at((SIDE_PX, SIDE_PX))
    with torch_threads(1):
        trunk = SceneTrunk(SceneSettings(weights=weights), film.segments, (SIDE_PX, SIDE_PX))
        trunk.calibrate(frames, film.segments, np.random.default_rng(seed))
        trunk.share = 1.0
        encoder = ContrastiveEncoder(trunk, CPU.head_channels).eval()
        return _similarity(encoder, film, frames, CPU)


def _similarity(encoder: ContrastiveEncoder, film: Film, frames: npt.NDArray[np.uint8], preset: Preset) -> Similarity:
    fitting = Fitting(encoder, frames, film.segments, preset, np.random.default_rng(0))
    query, target = fitting.embeddings()
    product: Similarity = (query @ target.T).numpy()
    return product
