"""Files and addresses, played in real time."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import av
import numpy as np
import pytest

from stream.errors import MicrophoneError
from stream.hearing.file import FileSource
from stream.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, SourceState
from tests.sounds import Ear, is_scale, scale, wait_until, write_wav

SECONDS = 1.5


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wav(tmp_path_factory.mktemp("songs") / "song.wav", scale(SECONDS, 44100), 44100)


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four seconds that say nothing of their length, as a radio sends them."""
    path = tmp_path_factory.mktemp("songs") / "song.mp3"
    with av.open(str(path), "w", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=44100)
        stream.layout = "mono"
        sound = np.round(32767 * scale(4, 44100)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path.read_bytes()


def test_it_sounds_as_long_as_it_is_and_then_has_ended(song: Path) -> None:
    ear, began_s = Ear(), time.monotonic()
    with FileSource(str(song)) as source:
        assert source.name == "song.wav"
        source.start(ear)
        wait_until(lambda: source.state is SourceState.LIVE)
        wait_until(lambda: source.state is SourceState.ENDED)
        assert time.monotonic() - began_s == pytest.approx(SECONDS, abs=0.2)
        assert (source.trouble, source.overruns) == ("", 0)
    assert len(ear.sound()) == pytest.approx(SECONDS * SAMPLE_RATE_HZ, abs=2 * BLOCK_SAMPLES)
    assert {len(block.samples) for block in ear.blocks} == {BLOCK_SAMPLES}
    expected = scale(SECONDS, SAMPLE_RATE_HZ)
    assert np.abs(ear.sound()[1000:3500] - expected[1000:3500]).max() < 0.02
    assert is_scale(ear.sound())


def test_each_block_comes_when_it_has_sounded(song: Path) -> None:
    ear, late_s = Ear(), []
    with FileSource(str(song)) as source:
        source.start(lambda block: (late_s.append(time.monotonic() - block.heard_at_s), ear(block)))
        wait_until(lambda: source.state is SourceState.ENDED)
    heard_at_s = np.array([block.heard_at_s for block in ear.blocks])
    np.testing.assert_allclose(np.diff(heard_at_s), BLOCK_SAMPLES / SAMPLE_RATE_HZ, atol=0.1)
    assert np.median(np.diff(heard_at_s)) == pytest.approx(0.01, abs=1e-6)
    assert min(late_s) >= -0.001
    assert np.median(late_s) < 0.02


def test_it_begins_again_without_a_gap(song: Path) -> None:
    ear = Ear()
    with FileSource(str(song), loop=True) as source:
        source.start(ear)
        wait_until(lambda: len(ear.blocks) >= 320)
        assert source.state is SourceState.LIVE
        source.close()
        count = len(ear.blocks)
        time.sleep(0.05)
        assert len(ear.blocks) == count
    heard_at_s = np.array([block.heard_at_s for block in ear.blocks])
    assert heard_at_s[-1] - heard_at_s[0] == pytest.approx(0.01 * (len(ear.blocks) - 1), abs=0.03)
    np.testing.assert_allclose(ear.sound()[2000:3000], ear.sound(150)[2000:3000], atol=1e-6)


def test_the_sound_of_a_video_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=48000)
        sound.layout = "stereo"
        tune = np.repeat(scale(1.2, 48000)[None], 2, axis=0).astype(np.float32)
        for _ in range(30):
            container.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        frame = av.AudioFrame.from_ndarray(tune, format="fltp", layout="stereo")
        frame.sample_rate = 48000
        container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    ear = Ear()
    with FileSource(str(path)) as source:
        source.start(ear)
        wait_until(lambda: source.state is SourceState.ENDED)
    assert is_scale(ear.sound()[800:18000])
    assert np.abs(ear.sound()[2000:15000]).max() == pytest.approx(0.3, abs=0.03)


def silent_film(path: Path) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        container.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(video.encode(None))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
        (lambda path: path.write_bytes(b""), "cannot be opened"),
        (lambda path: path.write_text("Dear diary, " * 500), "cannot be opened"),
        (silent_film, "no sound in it"),
    ],
    ids=["missing", "folder", "empty", "text", "silent film"],
)
def test_what_has_no_sound_is_refused_at_once(make: Callable[[Path], object], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    make(path)
    with FileSource(str(path)) as source, pytest.raises(MicrophoneError, match=reason) as raised:
        source.start(Ear())
    assert "song.mp4" in str(raised.value)


def test_a_cut_off_file_is_played_as_far_as_it_goes(song: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    path.write_bytes(song.read_bytes()[:44100])
    ear = Ear()
    with FileSource(str(path)) as source:
        source.start(ear)
        wait_until(lambda: source.state is SourceState.ENDED)
    assert len(ear.sound()) == pytest.approx(SAMPLE_RATE_HZ / 2, abs=400)


def test_a_damaged_part_is_left_out(mp3: bytes, tmp_path: Path) -> None:
    path = tmp_path / "scratched.mp3"
    path.write_bytes(mp3[:12000] + b"\0" * 3000 + mp3[15000:24000])
    ear = Ear()
    with FileSource(str(path)) as source:
        source.start(ear)
        wait_until(lambda: source.state is SourceState.ENDED)
    assert len(ear.sound()) > 0.75 * 24000 / len(mp3) * 4 * SAMPLE_RATE_HZ


def test_a_sink_that_is_too_slow_is_counted(song: Path) -> None:
    waits_s = iter([0.5])
    with FileSource(str(song)) as source:
        source.start(lambda _: time.sleep(next(waits_s, 0)))
        wait_until(lambda: source.state is SourceState.ENDED)
        assert source.overruns == 1


def test_a_source_is_started_once(song: Path) -> None:
    with FileSource(str(song)) as source:
        source.start(Ear())
        with pytest.raises(ValueError, match="started once"):
            source.start(Ear())


class Radio:
    """Sends the same, in real time and without an end; for each listener it may be told to stop, silently or not."""

    def __init__(self, sound: bytes, seconds: float) -> None:
        self.sound, self.rate = sound, len(sound) / seconds
        self.listeners = 0
        self.broken = threading.Event()
        self.stalled = threading.Event()
        self.over = threading.Event()

    def send(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if self.broken.is_set():
            handler.send_error(503)
            return
        self.listeners += 1
        handler.send_response(200)
        handler.send_header("Content-Type", "audio/mpeg")
        handler.end_headers()
        began_s, sent = time.monotonic() - 0.5, 0
        while not self.broken.is_set() and not self.over.is_set():
            due = int(self.rate * (time.monotonic() - began_s))
            if not self.stalled.is_set() and due > sent:
                handler.wfile.write((self.sound * 2)[sent % len(self.sound) :][: due - sent])
                sent = due
            time.sleep(0.02)

    @contextmanager
    def on_air(self) -> Iterator[str]:
        radio = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with suppress(BrokenPipeError, ConnectionResetError):  # the listener has gone
                    radio.send(self)

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/live.mp3"
            finally:
                self.over.set()
                server.shutdown()
                thread.join()


@pytest.mark.parametrize("ill", ["stalled", "broken"])
def test_a_live_address_that_fails_is_lost_and_tried_again(
    ill: str, mp3: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.hearing.file.STALL_LIMIT_S", 0.6)
    radio, ear = Radio(mp3, 4.0), Ear()
    with radio.on_air() as address, FileSource(address, loop=False) as source:
        source.start(ear)
        wait_until(lambda: len(ear.blocks) > 50)
        getattr(radio, ill).set()
        wait_until(lambda: source.state is SourceState.LOST)
        assert f"{address}: cannot be read on" in source.trouble
        count, listeners = len(ear.blocks), radio.listeners
        getattr(radio, ill).clear()
        wait_until(lambda: len(ear.blocks) > count + 150)
        assert source.state is SourceState.LIVE
        assert source.trouble == ""
        assert radio.listeners > listeners
    assert is_scale(ear.sound(count + 10))


def test_an_address_that_is_not_there_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/live"
        with FileSource(address) as source, pytest.raises(MicrophoneError, match="check the address"):
            source.start(Ear())


def test_a_server_that_says_nothing_holds_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is waited for, other threads run; and it is given up."""
    monkeypatch.setattr("stream.hearing.file.OPENING_LIMIT_S", 1.0)
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.01):
            ticks.append(time.monotonic())

    ticking = threading.Thread(target=tick)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ticking.start()
        began_s = time.monotonic()
        with pytest.raises(MicrophoneError, match="it gave nothing for too long"):
            FileSource(f"http://127.0.0.1:{silent.getsockname()[1]}/live").start(Ear())
        assert time.monotonic() - began_s < 4
        done.set()
        ticking.join()
    assert np.diff(ticks).max() < 0.5


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://me:secret@radio.example:8443/live/high.mp3?token=1#a", "https://radio.example:8443/live/high.mp3"),
        ("rtsp://10.0.0.7/stream", "rtsp://10.0.0.7/stream"),
        ("songs/of the sea.ogg", "of the sea.ogg"),
        ("RTMP://me:secret@a.example/live/secret?x=secret", "rtmp://a.example/live/…"),
        ("srt://a.example:9000?streamid=#!::r=secret,m=request&passphrase=secret", "srt://a.example:9000?…"),
        ("rtsp://10.0.0.7/user=admin&password=secret&channel=1", "rtsp://10.0.0.7"),
        ("http://[::1]:8000/live?token=secret#secret", "http://[::1]:8000/live"),
        ("udp://@239.0.0.1:1234?secret", "udp://239.0.0.1:1234"),
        ("rtsp://me:secret@/secret", "rtsp://…"),
    ],
)
def test_no_secret_of_an_address_is_shown(address: str, name: str) -> None:
    assert FileSource(address).name == name


def test_a_trouble_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(MicrophoneError, match="cannot be opened") as refusal:
        FileSource("http://me:secret@127.0.0.1:9/live?token=secret").start(Ear())
    assert "secret" not in str(refusal.value) + caplog.text
    assert "http://127.0.0.1:9/live" in str(refusal.value)
