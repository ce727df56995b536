"""How long a person waits for a texture, and how large it is: each clip is fitted by a fresh process.

`python -m bench.fit CLIP OUT` is that process; it prints one line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from bench.demo import SEED
from bench.server_process import BenchError
from models.scenes.clip_file import write_clip
from models.scenes.strings import Strings, StringsSettings
from stream.texture import VIDEO, read_manifest

MB = 1e6


def measure(clips: list[Path]) -> list[dict[str, object]]:
    """Fit each clip with the cpu preset, and look at what came out.

    Args:
        clips: the videos; none for the built-in scene.

    Returns:
        A row for each figure of each clip: seconds of the stages (`load_s` is Python with torch), `total_s` as a
        person waits, and MB (1e6 bytes) of the texture, of its video, and of the clip itself.

    Raises:
        BenchError: a clip cannot be fitted.
    """
    with tempfile.TemporaryDirectory(prefix="videotexture-") as folder:
        if not clips:
            clips = [Path(folder) / "strings.mp4"]
            write_clip(Strings(StringsSettings(seed=SEED)), clips[0])
        return [
            {"clip": clip.name, "figure": name, "value": value}
            for number, clip in enumerate(clips)
            for name, value in _figures(clip, Path(folder) / f"{number}.texture").items()
        ]


def _figures(clip: Path, texture: Path) -> dict[str, float]:
    total_s, stages_s = _fit(clip, texture)
    facts = read_manifest(texture).clip
    clip_s = float(facts.frame_count / facts.rate_hz)
    video_bytes, clip_bytes = (texture / VIDEO).stat().st_size, clip.stat().st_size
    return {
        "clip_s": round(clip_s, 2),
        **{f"{name.replace(' ', '_')}_s": round(seconds, 2) for name, seconds in stages_s.items()},
        "total_s": round(total_s, 2),
        "seconds_per_clip_second": round(total_s / clip_s, 3),
        "texture_mb": round(sum(file.stat().st_size for file in texture.rglob("*") if file.is_file()) / MB, 2),
        "video_mb": round(video_bytes / MB, 2),
        "source_mb": round(clip_bytes / MB, 2),
        "video_over_source": round(video_bytes / clip_bytes, 2),
    }


def _fit(clip: Path, texture: Path) -> tuple[float, dict[str, float]]:
    """Seconds in all, and of each stage."""
    began_s = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", __name__, str(clip), str(texture)], capture_output=True, text=True)
    total_s = time.perf_counter() - began_s
    if done.returncode:
        raise BenchError(f"{clip} could not be fitted: {_last_line(done.stderr)}")
    stages_s = cast("dict[str, float]", json.loads(done.stdout))
    return total_s, {"load": total_s - sum(stages_s.values()), **stages_s}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _fit_here(clip: Path, texture: Path) -> dict[str, Any]:
    """What `videotexture fit` does; returns the stages' seconds."""
    from export.encoder import EncoderBuilder  # torch: only in the process that fits
    from models.preset import CPU
    from stream.build import build_texture
    from stream.provenance import provenance

    report = build_texture(clip, texture, EncoderBuilder(CPU, seed=SEED), provenance=provenance(SEED, CPU))
    return report.seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_fit_here(Path(sys.argv[1]), Path(sys.argv[2]))) + "\n")
