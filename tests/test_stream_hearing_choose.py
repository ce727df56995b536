"""From what a person says to a source."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.playing import opened_microphone
from stream.errors import MicrophoneError
from stream.hearing.browser import BrowserSource
from stream.hearing.capture import CaptureSource
from stream.hearing.choose import open_source
from stream.hearing.file import FileSource
from stream.hearing.source import SoundSource, SourceState


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("browser", BrowserSource),
        (" Browser ", BrowserSource),
        ("default", CaptureSource),
        ("Scarlett 2i2", CaptureSource),
        ("alsa_output.pci-0000_00_1f.3.analog-stereo.monitor", CaptureSource),
        ("http://radio.example/live", FileSource),
        ("rtsp://camera.example:554/1", FileSource),
    ],
)
def test_what_is_meant(text: str, kind: type[SoundSource]) -> None:
    with open_source(text) as source:
        assert type(source) is kind
        assert source.state is SourceState.OPENING
    assert source.state is SourceState.ENDED


def test_a_file_that_is_there_is_meant(tmp_path: Path) -> None:
    path = tmp_path / "Scarlett"
    path.touch()
    with open_source(str(path)) as source:
        assert type(source) is FileSource
        assert source.name == "Scarlett"


@pytest.mark.parametrize(("text", "reason"), [("", "no microphone is named"), ("songs/none.flac", "no such file")])
def test_what_can_mean_nothing_is_refused(text: str, reason: str) -> None:
    with pytest.raises(MicrophoneError, match=reason):
        open_source(text)


def test_a_word_is_meant_even_where_a_file_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is said how to name the file."""
    monkeypatch.chdir(tmp_path)
    Path("browser").touch()
    with opened_microphone("browser") as source:
        assert type(source) is BrowserSource
    assert "say ./browser for it" in capsys.readouterr().err
    with opened_microphone("./browser") as source:
        assert type(source) is FileSource
    assert capsys.readouterr().err == ""
