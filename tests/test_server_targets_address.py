"""Addresses of targets: what is taken, and that no key is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.targets.address import HIDDEN, Kind, destination, srt_parameters

KEY = "live_4711_AbCdEf"


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        (Kind.RTMP, f"rtmp://live.example/app/{KEY}", f"rtmp://live.example/app/{HIDDEN}"),
        (Kind.RTMP, f"rtmps://u:{KEY}@a.example:443/rtmp/{KEY}?x={KEY}", f"rtmps://a.example:443/rtmp/{HIDDEN}"),
        (Kind.RTMP, f"rtmp://a.example/{KEY}", f"rtmp://a.example/{HIDDEN}"),
        (Kind.RTMP, f"rtmp://[::1]:1935/a/b/{KEY}", f"rtmp://[::1]:1935/a/{HIDDEN}"),
        (Kind.SRT, f"srt://a.example:9000?streamid={KEY}&passphrase={KEY}", f"srt://a.example:9000?{HIDDEN}"),
        (Kind.SRT, "srt://127.0.0.1:9000", "srt://127.0.0.1:9000"),
    ],
)
def test_what_is_shown_has_no_secret(kind: Kind, address: str, shown: str) -> None:
    given = destination(kind, address)
    assert given.address == address
    assert given.shown == shown
    assert KEY not in repr(given)
    for text in (f"cannot open {address!r}", f"stream {KEY} is taken", address):
        assert KEY not in address or KEY not in given.redacted(text)
    assert given.redacted("Connection refused") == "Connection refused"


@pytest.mark.parametrize(
    ("kind", "address", "why"),
    [
        (Kind.RTMP, "http://a.example/live/k", "rtmp:// or rtmps://"),
        (Kind.RTMP, "rtmp://", "names no host"),
        (Kind.RTMP, "rtmp://a.example", "says an application"),
        (Kind.RTMP, "rtmp://a.example:99999/live/k", "port from 0 to 65535"),
        (Kind.RTMP, "rtmp://a.example/live/k swfUrl=x", "without blanks"),
        (Kind.RTMP, "rtmp://a.example/live/k\nx", "without blanks"),
        (Kind.RTMP, "rtmp://a/" + 3000 * "k", "at most 2000"),
        (Kind.RTMP, "file:///etc/passwd", "names no host"),
        (Kind.RTMP, "file://host/etc/passwd", "rtmp:// or rtmps://"),
        (Kind.SRT, "rtmp://a/b/c", "expected srt://"),
        (Kind.SRT, "srt://a.example", "says a port"),
        (Kind.SRT, "srt://a.example:9000?mode=listener", "this side calls"),
        (Kind.SRT, "srt://a.example:9000?passphrase=short", "10 to 79"),
        (Kind.SRT, "srt://a.example:9000?pbkeylen=17", "pbkeylen"),
        (Kind.SRT, "srt://a.example:9000?latency=soon", "latency"),
        (Kind.SRT, "srt://a.example:9000?colour=red", "not colour"),
        (Kind.HLS, "", "wants a folder"),
        (Kind.HLS, "/tmp/%d", "no %"),
    ],
)
def test_what_does_not_fit_is_refused(kind: Kind, address: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        destination(kind, address)


def test_a_refusal_shows_no_key() -> None:
    with pytest.raises(ValueError, match="got http://") as refusal:
        destination(Kind.RTMP, f"http://a.example/live/{KEY}")
    assert KEY not in str(refusal.value)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        destination(Kind.RECORD, str(tmp_path / "file"))
    assert destination(Kind.RECORD, str(tmp_path)).shown == str(tmp_path)


def test_srt_parameters() -> None:
    assert srt_parameters("srt://a:1?streamid=%23!::r=x&latency=200") == {"streamid": "#!::r=x", "latency": "200"}
    assert srt_parameters("srt://a:1") == {}
