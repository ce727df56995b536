"""Any file or address that FFmpeg reads, as a source of sound: played in real time."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer

from models.media import is_address, open_address, open_media, printable
from models.tracks import has_decoder, sound_track
from stream.errors import MicrophoneError
from stream.finite import FiniteSound
from stream.hearing.resample import Resampler
from stream.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Block, Sink, SoundSource, SourceState
from stream.network_address import HIDDEN, network_address
from stream.pacing import Pacer

log = logging.getLogger(__name__)

OPENING_LIMIT_S = 10.0
STALL_LIMIT_S = 3.0  # an address that gives nothing for so long is lost
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 5.0
# What is sent live comes by the sender's clock. Played this much faster than ours, it waits for the network rather
# than the network for us, and delay cannot grow.
LIVE_PACE = 1.001


class FileSource(SoundSource):
    """A file, or an address, played as if it sounded now.

    An address without an end that stalls, breaks or is over is lost, and tried again for ever. A file that cannot be
    read on in the middle has ended.

    Args:
        address: a path, or a URL. What names a file that is there is a path, whatever it looks like.
        loop: begin again at the end, for ever.
    """

    def __init__(self, address: str, *, loop: bool = False) -> None:
        self._is_url = is_address(address)
        self.name = printable(_shown(address) if self._is_url else Path(address).name)
        self._address = address
        self._finite = FiniteSound(lambda what: log.warning("%s: %s", self.name, what))
        self._told = ""  # of the choice of tracks, so that it is told once
        self._loops = loop
        self._state = SourceState.OPENING
        self._trouble = ""
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._pacer = Pacer()
        self._stalls = 0  # of earlier pacers
        self._played_samples = 0
        self._heard_at_s = 0.0

    @property
    def state(self) -> SourceState:
        """How it is now."""
        return self._state

    @property
    def overruns(self) -> int:
        """How often playing stood still because the sink, or this machine, was too slow."""
        return self._stalls + self._pacer.re_anchored

    @property
    def trouble(self) -> str:
        """Why it is lost or has ended."""
        return self._trouble

    def start(self, sink: Sink) -> None:
        """Open it and play.

        Raises:
            MicrophoneError: there is nothing there, or no sound in it.
        """
        if self._thread is not None or self._closing.is_set():
            raise ValueError(f"{self.name}: a source is started once")
        opened = self._open()
        self._thread = threading.Thread(target=self._run, args=(opened, sink), name="file sound", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop playing."""
        self._closing.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STALL_LIMIT_S + 1)  # a read from the network may take so long
        self._state = SourceState.ENDED

    def _open(self) -> OpenedSound:
        opened = open_sound(self._address, is_url=self._is_url)
        if opened.note not in ("", self._told):
            log.warning("%s: %s", self.name, opened.note)
        self._told = opened.note
        return opened

    def _run(self, first: OpenedSound, sink: Sink) -> None:
        opened: OpenedSound | None = first
        wait_s = FIRST_WAIT_S
        try:
            while not self._closing.is_set():
                if opened is not None:
                    with closing(opened.container):
                        began, goes_on = self._play(opened, sink)
                    if not goes_on:
                        return
                    wait_s = FIRST_WAIT_S if began else min(LONGEST_WAIT_S, 2 * wait_s)
                if self._state is SourceState.LOST:
                    self._closing.wait(wait_s)
                opened = self._reopened()
        except Exception as error:  # the thread ends here, and nobody else would say why
            log.exception("%s: playing failed", self.name)
            self._trouble = f"{error}; the log tells where"
        finally:
            self._state = SourceState.ENDED

    def _reopened(self) -> OpenedSound | None:
        if self._closing.is_set():
            return None
        try:
            return self._open()
        except MicrophoneError as error:
            self._lose(str(error))
            return None

    def _play(self, opened: OpenedSound, sink: Sink) -> tuple[bool, bool]:
        """Play it to its end; whether anything came, and whether it is to be opened again."""
        is_live = self._is_url and opened.container.duration is None
        if self._state is not SourceState.LIVE:
            self._stalls += 0 if is_live else self._pacer.re_anchored
            self._pacer, self._played_samples = Pacer(), 0
        before = self._played_samples
        why = ""
        try:
            for samples in _hops(opened, self._finite):
                if not self._pace(is_live):
                    return True, False
                sink(Block(samples, self._heard_at_s))
        except av.FFmpegError as error:
            why = f"{_told(self._address)}: cannot be read on ({_why(error)})"
        began = self._played_samples > before
        if is_live or (why and self._is_url):
            self._lose(why or f"{_told(self._address)}: the sender has ended it")
            return began, True
        if why:
            self._trouble = why
            return began, False
        if not began:
            self._trouble = f"{_told(self._address)}: there is no sound in it that could be decoded"
        return began, began and self._loops

    def _pace(self, is_live: bool) -> bool:
        """Wait until the next block has sounded; False if there is no more time to."""
        self._played_samples += BLOCK_SAMPLES
        media_s = self._played_samples / SAMPLE_RATE_HZ / (LIVE_PACE if is_live else 1.0)
        now_s = time.monotonic()
        delay_s = self._pacer.delay_s(media_s, now_s)
        self._heard_at_s = now_s + delay_s
        self._closing.wait(delay_s)
        self._state, self._trouble = SourceState.LIVE, ""
        return not self._closing.is_set()

    def _lose(self, why: str) -> None:
        if self._closing.is_set():
            return
        if self._state is not SourceState.LOST:
            log.warning("%s; it is tried again", why)
        self._state, self._trouble = SourceState.LOST, why


class OpenedSound(NamedTuple):
    """What has sound in it, the track of it that is heard, and what is to be said of the choice."""

    container: InputContainer
    track: AudioStream
    note: str


def open_sound(address: str, *, is_url: bool) -> OpenedSound:
    """Open what has sound in it; `models.tracks` says which track is heard.

    Raises:
        MicrophoneError: there is nothing there, it cannot be decoded, or it has no sound.
    """
    if not is_url and not os.path.isfile(address):
        raise MicrophoneError(f"{_told(address)}: no such file; `videotexture devices` lists the microphones")
    try:
        limits_s = OPENING_LIMIT_S, STALL_LIMIT_S
        container = open_address(address, limits_s=limits_s) if is_url else open_media(Path(address), limits_s=limits_s)
    except av.FFmpegError as error:
        mend = "check the address, and whether it is being sent" if is_url else "is it a sound or video file?"
        raise MicrophoneError(f"{_told(address)}: cannot be opened ({_why(error)}); {mend}") from error
    chosen = sound_track(container, None if is_url else Path(address))
    if chosen is None:
        container.close()
        told = _told(address)
        raise MicrophoneError(f"{told}: there is no sound in it; choose another file, or one with a sound track")
    if not has_decoder(chosen.stream):
        container.close()
        raise MicrophoneError(f"{_told(address)}: FFmpeg has no decoder for its sound; convert it to FLAC or Opus")
    return OpenedSound(container, chosen.stream, chosen.note)


def _hops(opened: OpenedSound, finite: FiniteSound) -> Iterator[npt.NDArray[np.float32]]:
    """Its sound in hops of 10 ms; the last one is filled up with silence. What is damaged is left out."""
    resampler = Resampler(finite)
    rest = np.zeros(0, np.float32)
    for packet in opened.container.demux(opened.track):
        try:
            frames = packet.decode()
        except av.InvalidDataError:
            continue
        for frame in frames:
            rest = np.concatenate((rest, resampler.process(frame)))
            whole = len(rest) // BLOCK_SAMPLES * BLOCK_SAMPLES
            yield from rest[:whole].reshape(-1, BLOCK_SAMPLES)
            rest = rest[whole:]
    rest = np.concatenate((rest, resampler.flush()))
    if len(rest):
        yield from np.pad(rest, (0, -len(rest) % BLOCK_SAMPLES)).reshape(-1, BLOCK_SAMPLES)


def _why(error: av.FFmpegError) -> str:
    """What FFmpeg says, but for what it says when its time is up."""
    return "it gave nothing for too long" if isinstance(error, av.ExitError) else str(error.strerror)


def _shown(address: str) -> str:
    """What to call a URL on every viewer's page: without a user, password or key, which may be in it."""
    try:
        return network_address(address).shown
    except ValueError:  # FFmpeg knows others still
        return f"{address.partition('://')[0]}://{HIDDEN}"


def _told(address: str) -> str:
    """What to call it in messages, where a path is wanted whole."""
    return _shown(address) if is_address(address) else address
