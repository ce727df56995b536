"""A PulseAudio of this measurement's own, whose one sink needs no hardware, and what its monitor gives."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from bench.latency.plucks import RATE_HZ, PluckFinder
from bench.server_process import BenchError

SINK = "Latency"
START_LIMIT_S = 10.0
BLOCK_S = 0.01  # what the capture source asks for too: another wish would change how PulseAudio works
JITTER_SPAN_S = 5.0  # to each side, within which one block at least has come without being held up
_TOOLS = ("pulseaudio", "pactl", "pacat", "parec")
_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
_HOMES = ("HOME", "XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH")


class Loopback:
    """A sink called `SINK`, in a server of its own, to which this process and its children talk.

    A second one is there for all that is not said where to play, a browser: what plays into a sink besides changes how
    late its monitor is (by some 10 ms for Chromium, muted or not).
    """

    def __init__(self) -> None:
        self._handle = ""
        self._players: list[str] = []  # that were moved elsewhere, by their numbers
        subprocess.run(["pactl", "load-module", "module-null-sink", "sink_name=Speakers"], check=True, **_QUIET)

    def plug_in(self) -> None:
        """Make the sink, and have whoever played to it when it was taken away play to it again."""
        words = (
            "module-null-sink",
            f"sink_name={SINK}",
            f"rate={RATE_HZ}",
            f"sink_properties=device.description={SINK}",
        )
        made = subprocess.run(["pactl", "load-module", *words], capture_output=True, text=True, check=True)
        self._handle = made.stdout.strip()
        for player in self._players:
            subprocess.run(["pactl", "move-sink-input", player, SINK], check=False, **_QUIET)  # it may have ended
        self._players = []

    def unplug(self) -> None:
        """Take it away, under whoever listens to it; PulseAudio moves its players to another sink."""
        sinks = {line.split()[1]: line.split()[0] for line in _listed("sinks")}
        self._players = [line.split()[0] for line in _listed("sink-inputs") if line.split()[1] == sinks[SINK]]
        subprocess.run(["pactl", "unload-module", self._handle], check=True, **_QUIET)

    @contextmanager
    def playing(self, file: Path) -> Iterator[None]:
        """Play a WAV file into the sink, over and over, whenever it is there."""
        play = f"pacat --playback --device={SINK} --latency-msec=40 --file-format=wav {file}"
        process = subprocess.Popen(
            ["bash", "-c", f"while :; do {play}; sleep 0.2; done"], start_new_session=True, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            os.killpg(process.pid, 9)
            process.wait()


def _listed(what: str) -> list[str]:
    """What `pactl` says of them, a line each that begins with its number."""
    told = subprocess.run(["pactl", "list", "short", what], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Such a server, with its sink; it is gone afterwards.

    Raises:
        BenchError: PulseAudio is missing, or does not start.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing:
        raise BenchError(f"a sink to play into needs {', '.join(missing)}: `apt install pulseaudio pulseaudio-utils`")
    with tempfile.TemporaryDirectory(prefix="pulse") as home:
        address = f"{home}/native"
        changed = {**dict.fromkeys(_HOMES, home), "PULSE_SERVER": f"unix:{address}"}
        before = {name: os.environ.get(name) for name in (*changed, "PULSE_SOURCE")}
        os.environ.update(changed)
        os.environ.pop("PULSE_SOURCE", None)
        options = ("--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--log-target=null")
        listen = f"module-native-protocol-unix auth-anonymous=1 socket={address}"
        process = subprocess.Popen(["pulseaudio", "-n", *options, "-L", listen], stderr=subprocess.DEVNULL)
        try:
            _await_answer()
            made = Loopback()
            made.plug_in()
            yield made
        finally:
            process.terminate()
            process.wait()
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def _await_answer() -> None:
    until_s = time.monotonic() + START_LIMIT_S
    while subprocess.run(["pactl", "info"], capture_output=True).returncode:
        if time.monotonic() > until_s:
            raise BenchError(f"PulseAudio did not answer within {START_LIMIT_S:g} s of its start")
        time.sleep(0.05)


class Witness:
    """A second listener at the sink's monitor, who knows nothing of the server that is measured.

    The monitor's samples follow the machine's monotonic clock: so a sample's time is told by its number, and by the
    blocks that came with the least delay. That is later than the truth by what PulseAudio takes at the least to hand a
    block over, well below a millisecond. As with a microphone, a block counts as heard when its last sample was.
    A context manager.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._blocks: list[tuple[float, int]] = []  # when it came, how many samples had come with it
        self._plucks: list[int] = []  # the samples' numbers

    def __enter__(self) -> Witness:
        form = ("--format=float32le", f"--rate={RATE_HZ}", "--channels=1", f"--latency-msec={round(1000 * BLOCK_S)}")
        self._process = subprocess.Popen(
            ["parec", "--raw", f"--device={SINK}.monitor", *form],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
        )  # fmt: skip
        assert self._process.stdout is not None
        self._thread = threading.Thread(target=self._listen, args=(self._process.stdout,), name="witness", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Listen no more: PulseAudio moves who stays to another source. What was heard is kept."""
        if self._thread is None:
            return
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._thread = None

    def plucks_s(self) -> npt.NDArray[np.float64]:
        """When each pluck sounded, monotonic, ascending."""
        return sounded_at_s(self._blocks[:], self._plucks[:], RATE_HZ)

    def _listen(self, pipe: IO[bytes]) -> None:
        finder, heard, rest = PluckFinder(RATE_HZ), 0, b""
        while data := pipe.read(4 * round(BLOCK_S * RATE_HZ)):
            came_s, data = time.monotonic(), rest + data
            whole = len(data) // 4 * 4
            samples, rest = np.frombuffer(data[:whole], "<f4"), data[whole:]
            found = finder.hear(samples)
            if found is not None:
                self._plucks.append(heard + found)
            heard += samples.size
            self._blocks.append((came_s, heard))


def sounded_at_s(blocks: list[tuple[float, int]], places: list[int], rate_hz: int) -> npt.NDArray[np.float64]:
    """When samples sounded, by when the blocks came that were held up least.

    Args:
        blocks: when each came, and how many samples there were with it.
        places: the samples' numbers.
    """
    if not blocks or not places:
        return np.zeros(0)
    came_s, ends = np.array(blocks, dtype=np.float64).T
    offsets_s = came_s - ends / rate_hz
    sample_s = np.asarray(places, dtype=np.float64) / rate_hz
    lows = np.searchsorted(ends / rate_hz, sample_s - JITTER_SPAN_S)
    highs = np.searchsorted(ends / rate_hz, sample_s + JITTER_SPAN_S) + 1
    least_s = [offsets_s[low:high].min() for low, high in zip(lows, highs, strict=True)]
    return sample_s + np.array(least_s, dtype=np.float64)
