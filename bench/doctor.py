"""What this machine can do, and what would mend what it cannot."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import Literal

import platformdirs
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bench.finding import Finding

PACKAGE = "videotexture"
LEAST_MEMORY_GB = 1.0
LEAST_DISK_GB = 1.0
GPU_LIMIT_S = 2.0

# An ONNX file of 63 bytes, y = x + x (opset 17, IR 8), so that a run can be tried where no texture is.
TINY_NETWORK = bytes.fromhex(
    "08083a350a0e0a01780a017812017922034164641201675a0f0a0178120a0a08080112040a020801"
    "620f0a0179120a0a08080112040a02080142040a001011"
)


def examine(ice: Mapping[str, str | None] | None = None, addresses: tuple[str, ...] | None = None) -> list[Finding]:
    """Look at everything; some seconds.

    Args:
        ice: how media is to find its way, by the names of `serve`'s options.
        addresses: on which it is to; by default all of this machine.
    """
    return [
        _python(),
        _machine(),
        *_packages(),
        _fit_extra(),
        _codec("libx264", "w"),
        _codec("libopus", "w"),
        _codec("h264", "r"),
        _tried("ONNX Runtime", _run_network, _reinstall_onnxruntime()),
        *_engines(),
        *_demo_encoder(),
        _tried("optical flow", _run_flow, "pip install --force-reinstall opencv-python-headless"),
        _gpu(),
        _microphones(),
        _port(),
        _cache(),
        *_connections(ice or {}, addresses),
    ]


def _reinstall_onnxruntime() -> str:
    """The one of its two distributions that belongs on this machine; both together break each other."""
    linux_x86 = sys.platform == "linux" and platform.machine() == "x86_64"
    wanted, other = ("onnxruntime-gpu", "onnxruntime") if linux_x86 else ("onnxruntime", "onnxruntime-gpu")
    return f"pip uninstall {other}; pip install --force-reinstall {wanted}"


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = metadata(PACKAGE)["Requires-Python"]
    if SpecifierSet(wanted).contains(found):
        return Finding("Python", found)
    return Finding("Python", found, f"make PYTHON=/path/to/a/python {wanted}", is_well=False)


def _machine() -> Finding:
    memory = psutil.virtual_memory()
    free_gb = memory.available / 1e9
    found = f"{psutil.cpu_count()} cores, {free_gb:.1f} of {memory.total / 1e9:.1f} GB free"
    if free_gb >= LEAST_MEMORY_GB:
        return Finding("machine", found)
    return Finding("machine", found, f"close something: {LEAST_MEMORY_GB:g} GB is wanted", is_well=False)


def _requirements(extra: str) -> Iterator[Requirement]:
    """What this machine needs: of the extra only, or of the runtime for an empty name."""
    for text in requires(PACKAGE) or []:
        requirement = Requirement(text)
        marker = requirement.marker
        if extra and (marker is None or marker.evaluate({"extra": ""})):
            continue
        if marker is None or marker.evaluate({"extra": extra}):
            yield requirement


def _package(requirement: Requirement) -> Finding:
    wanted = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return Finding(requirement.name, "missing", wanted, is_well=False)
    if requirement.specifier.contains(found, prereleases=True):
        return Finding(requirement.name, found)
    return Finding(requirement.name, found, wanted, is_well=False)


def _packages() -> list[Finding]:
    return [_package(requirement) for requirement in _requirements("")]


def _fit_extra() -> Finding:
    """All that fitting needs besides, in one line; torch is not imported, that alone takes seconds."""
    parts = [_package(requirement) for requirement in _requirements("fit")]
    ill = [part for part in parts if not part.is_well]
    if not ill:
        return Finding("to fit", ", ".join(f"{part.what} {part.found}" for part in parts), is_needed=False)
    found = ", ".join(f"{part.what}: {part.found}" for part in ill)
    mend = "pip install " + " ".join(part.mend.removeprefix("pip install ") for part in ill)
    return Finding("to fit", found, mend, is_well=False, is_needed=False)


def _codec(name: str, mode: Literal["r", "w"]) -> Finding:
    what = f"{name} {'encoder' if mode == 'w' else 'decoder'}"

    def find() -> str:
        import av

        av.codec.Codec(name, mode)
        return f"FFmpeg {av.ffmpeg_version_info}"

    return _tried(what, find, "pip install --force-reinstall --only-binary av av")


def _run_network() -> str:
    import numpy as np
    import onnxruntime as ort

    session = ort.InferenceSession(TINY_NETWORK, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": np.array([2.0], np.float32)})
    if result.tolist() != [4.0]:
        raise ArithmeticError(f"it computed 2 + 2 = {result.tolist()[0]}")
    return "runs, on the CPU"


def _engines() -> list[Finding]:
    """Each engine, run once; only the first of them, ONNX Runtime on the CPU, is needed, and is looked at above."""
    from bench.engine_findings import engine_findings

    return [
        Finding(found.what, found.found, found.mend, is_well=found.is_well, is_needed=False)
        for found in engine_findings(TINY_NETWORK)
    ]


def _demo_encoder() -> list[Finding]:
    """The demo's encoder, where the demo was built."""
    paths = sorted(platformdirs.user_cache_path(PACKAGE).glob("demo/*/strings.texture/encoder.onnx"))

    def run() -> str:
        from export.onnxruntime_engine import OnnxRuntimeEngine

        with OnnxRuntimeEngine(paths[0]) as engine:
            engine.warm_up()
        return "runs"

    return [_tried("the demo's encoder", run, "videotexture demo --rebuild")] if paths else []


def _run_flow() -> str:
    import cv2
    import numpy as np

    picture = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(picture, picture, np.zeros((64, 64, 2), np.float32))
    return f"runs (OpenCV {cv2.__version__})"


def _gpu() -> Finding:
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        try:
            asked = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
            found = subprocess.run(asked, capture_output=True, text=True, timeout=GPU_LIMIT_S)
        except (OSError, subprocess.TimeoutExpired):
            found = None
        if found is not None and found.returncode == 0 and found.stdout.strip():
            return Finding("GPU", found.stdout.strip().replace("\n", "; "), is_needed=False)
    return Finding(
        "GPU", "no NVIDIA GPU", "none is needed, but for `fit --preset paper`", is_well=False, is_needed=False
    )


def _microphones() -> Finding:
    from stream.errors import MicrophoneError
    from stream.hearing.devices import devices

    only_if = "none is needed, but to be steered by sound"
    try:
        found = devices()
    except MicrophoneError as error:
        found_text, _, mend = str(error).partition(": `")
        return Finding("microphones", found_text, mend.rstrip("`") or only_if, is_well=False, is_needed=False)
    if not found:
        return Finding("microphones", "none", only_if, is_well=False, is_needed=False)
    monitors = sum(device.is_monitor for device in found)
    kinds = f" ({monitors} of them monitors)" if monitors else ""
    return Finding("microphones", f"{len(found)}{kinds}, by default {found[0].description}", is_needed=False)


def _port() -> Finding:
    from server.errors import ServerError
    from server.serve import HOST, PORT, listen

    try:
        listen(HOST, PORT).close()
    except ServerError:
        return Finding("port", f"{PORT} is in use", f"say --port {PORT + 1}", is_well=False, is_needed=False)
    return Finding("port", f"{PORT} is free")


def _cache() -> Finding:
    folder = Path(platformdirs.user_cache_dir(PACKAGE))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"tried")
    except OSError as error:
        return Finding("cache", f"{folder}: {error.strerror}", f"chown -R $USER {folder}", is_well=False)
    free_gb = shutil.disk_usage(folder).free / 1e9
    shown = f"~/{folder.relative_to(Path.home())}" if folder.is_relative_to(Path.home()) else str(folder)
    found = f"{shown}: {free_gb:.0f} GB free"
    if free_gb >= LEAST_DISK_GB:
        return Finding("cache", found)
    return Finding("cache", found, f"free some: {LEAST_DISK_GB:g} GB is wanted", is_well=False)


def _connections(ice: Mapping[str, str | None], addresses: tuple[str, ...] | None) -> list[Finding]:
    from bench.connection_findings import connection_findings

    return connection_findings(ice, addresses)


def _tried(what: str, trial: Callable[[], str], mend: str) -> Finding:
    """What a trial gives, or why it failed."""
    try:
        return Finding(what, trial())
    except Exception as error:  # noqa: BLE001 a broken installation may raise anything, and is what we look for
        return Finding(what, f"fails: {str(error) or type(error).__name__}", mend, is_well=False)
