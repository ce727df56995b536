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
        (Kind.SRT, f"srt://a.example:9000?streamid=#!::r=live/{KEY},m=publish", f"srt://a.example:9000?{HIDDEN}"),
        (Kind.SRT, f"srt://a.example:9000?streamid=publish:one:{KEY}:{KEY}#{KEY}", f"srt://a.example:9000?{HIDDEN}"),
        (Kind.SRT, f"srt://[fe80::1%eth0]:9000/?latency=20&streamid=a?b={KEY}", f"srt://[fe80::1%eth0]:9000?{HIDDEN}"),
        (Kind.RTMP, f"rtmp://a.example/live#{KEY}", f"rtmp://a.example/{HIDDEN}"),
        (Kind.RTMP, f"rtmp://a.example/live2?backup=1/{KEY}", f"rtmp://a.example/{HIDDEN}"),
        (Kind.RTMP, f"rtmp://a.example/live/one?secret={KEY}#x/{KEY}", f"rtmp://a.example/live/{HIDDEN}"),
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
        (Kind.SRT, "srt://a.example:9000?mode=rendezvous", "this side calls"),
        (Kind.SRT, "srt://:9000", "names no host"),
        (Kind.SRT, "srt://a.example:0", "says a port"),
        (Kind.SRT, "srt://a.example:9000/live/one", "has no path"),
        (Kind.SRT, "srt://me:pass@a.example:9000", "no user"),
        (Kind.SRT, "srt://::1:9000", "IPv6 stands in brackets"),
        (Kind.SRT, "srt://[::g]:9000", "neither a name nor an IP address"),
        (Kind.SRT, "srt://a.example:9000?streamid=a&streamid=b", "streamid is said twice"),
        (Kind.SRT, "srt://a.example:9000?transtype=file", "transtype cannot be changed here, expected live"),
        (Kind.SRT, "srt://a.example:9000?packetfilter=fec,cols:10", "packetfilter cannot be changed"),
        (Kind.SRT, "srt://a.example:9000?streamid=" + 513 * "a", "at most 512 bytes"),
        (Kind.SRT, f"srt://a.example:9000?passphrase=0123456789&{KEY}", "not something else; write & as %26"),
        (Kind.SRT, "srt://a.example:9000?latency=10000001", "at most 10000"),
        (Kind.SRT, "srt://a.example:9000?passphrase=short", "10 to 79"),
        (Kind.SRT, "srt://a.example:9000?pbkeylen=17", "pbkeylen"),
        (Kind.SRT, "srt://a.example:9000?latency=soon", "latency"),
        (Kind.SRT, "srt://a.example:9000?colour=red", "not colour"),
        (Kind.HLS, "", "wants a folder"),
        (Kind.HLS, "~nobody-of-that-name/live", "no such user"),
        (Kind.RECORD, "~nobody-of-that-name/live", "no such user"),
        (Kind.RECORD, "/tmp/a\nWARNING all is well", "none of them a control"),
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
    assert destination(Kind.RECORD, f"{tmp_path}/100%d [a]*").address == f"{tmp_path}/100%d [a]*"


@pytest.mark.parametrize(
    ("address", "parameters"),
    [
        ("srt://a:1?streamid=%23!::r=x&latency=200", {"streamid": "#!::r=x", "latency": "200"}),
        ("srt://a:1", {}),
        ("srt://a:1?streamid=#!::r=live/one,m=publish", {"streamid": "#!::r=live/one,m=publish"}),
        ("srt://a:1?streamid=x?y=z#1&latency=20#", {"streamid": "x?y=z#1", "latency": "20#"}),
        ("srt://a:1/?passphrase=abc+def%2Bgh%zz%", {"passphrase": "abc+def+gh%zz%"}),
        ("srt://a:1?streamid=a%ff&latency=120000", {"streamid": "a\udcff", "latency": "120"}),
        ("srt://a:1?streamid=a?p=1&sig=2&pbkeylen=16", {"streamid": "a?p=1&sig=2", "pbkeylen": "16"}),
        ("srt://a:1?streamid=&passphrase=&mode=", {}),
        ("srt://a:1?StreamID=a&srt_streamid=&peerlatency=90", {"streamid": "a", "latency": "90"}),
    ],
)
def test_srt_parameters(address: str, parameters: dict[str, str]) -> None:
    if not address.endswith("#"):
        assert srt_parameters(destination(Kind.SRT, address).address) == parameters
    else:
        with pytest.raises(ValueError, match="latency is a whole number"):
            destination(Kind.SRT, address)


def test_what_is_left_out_is_told_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    destination(Kind.SRT, f"srt://a.example:9?streamid={KEY}&pkt_size=1316&timeout=5&tlpktdrop=1&latency=200000")
    assert [record.getMessage() for record in caplog.records] == [
        f"srt://a.example:9?{HIDDEN}: latency=200000 is taken for microseconds, 200 ms",
        f"srt://a.example:9?{HIDDEN}: timeout, tlpktdrop: not used, this side has its own",
    ]


@pytest.mark.parametrize("around", ["{}\n", " {} ", "'{}'", '"{}"', "\u201c{}\u201d", "<{}>", "\ufeff{}\u200b", "`{}`"])
def test_what_stood_around_is_not_taken(around: str) -> None:
    address = f"srt://a.example:9000?streamid={KEY}"
    assert destination(Kind.SRT, around.format(address)).address == address
    assert destination(Kind.RTMP, around.format(f"RTMP://A.example/live/{KEY}'")).address.endswith(f"/live/{KEY}'")


@pytest.mark.parametrize(
    ("kind", "address", "said"),
    [
        (
            Kind.SRT,
            "srt://a:9?streamid=publish:one:ann:s3cr%2Bt&passphrase=correct%20horse",
            "ann s3cr+t correct horse",
        ),
        (Kind.SRT, "srt://a:9?streamid=#!::r=wall/one,u=ann,s=s3cr+t", "wall/one s3cr%2Bt wall ann"),
        (Kind.RTMP, "rtmp://ann:p%40ss@a/live/k#s3cr|t", "ann p@ss P%40SS k#s3cr|t k%23s3cr%7ct"),
        (Kind.RTMP, "rtmp://a/live/k#s3c&r|t", "s3c%26r%7Ct r|t s3c\\\\&r\\\\|t k%23s3c&r%7ct"),
        (Kind.RTMP, "rtmp://a/live/it's\\1?x=y+z", repr("it's\\1") + " y+z y z"),
    ],
)
def test_a_secret_is_hidden_however_it_is_written(kind: Kind, address: str, said: str) -> None:
    given = destination(kind, address)
    left = given.redacted(f"cannot open {given.address}: {said} is refused")
    assert set(left.replace(HIDDEN, " ").split()) <= {"cannot", "open", ":", "/", "is", "refused", '"', "'", "x"}
