"""Whose recordings are whose, in a folder that several servers and other programs share."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.errors import TargetError
from server.targets import own_recordings, recording
from server.targets.own_recordings import OwnRecordings
from server.targets.recording import Recording
from server.targets.recording_names import ENDING_LENGTH, fitting_name, named_after, stamped
from server.targets.wire import Order, Piece
from tests.recorder import FILE_S, Recorder, comment_of, named, pictures_in, pieces_of, until

LONG_FILE_S = 1.59  # longer than a fragment, so that one is in the last file
OLD = "20200101T000000.{:03}Z.mp4"
STRANGE = (
    "fire-place", "fire-20260101T000000.000Z", "Fire [dQw4w9WgXcQ]", "FIRE", "fi", "*", "-fire\n?", ".f\u00edre%d",
)  # fmt: skip


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Piece]]:
    return pieces_of(tmp_path_factory.mktemp("recordings"), 4.5)


def others_in(folder: Path) -> dict[Path, bytes]:
    """What lies there that no server of ours made."""
    files = {
        folder / name: name.encode()
        for name in (
            "fire-mine.mp4", f"fire-{OLD.format(1)}.bak", "fire-20209901T000000.000Z.mp4", f"fireplace-{OLD.format(1)}",
            f"fire-ex-{OLD.format(1)}", f"[d]-{OLD.format(1)}", f"Fire d-{OLD.format(1)}",
            "fire-２０２００１０１T000000.000Z.mp4", f"fire {OLD.format(1)}",
        )
    }  # fmt: skip
    for path, content in files.items():
        path.write_bytes(content)
    (folder / f"fire-{OLD.format(2)}").mkdir()
    (folder / f"fire-{OLD.format(3)}").symlink_to(folder / "fire-mine.mp4")
    return files


def test_ten_servers_in_one_folder_touch_nothing_of_each_other(
    media: tuple[bytes, list[Piece]], tmp_path: Path
) -> None:
    """Names that begin alike, with brackets and stamps; two of one texture; two textures of one name; one is killed."""
    picture, pieces = media
    others = others_in(tmp_path)
    with Recorder(tmp_path, "fire", picture, source="/a/fire.texture", keep_files=3, file_s=LONG_FILE_S) as second:
        second.feed(pieces)
        seconds_own = until(tmp_path, 3, "fire", least_bytes=1000)
        with (
            Recorder(tmp_path, "fire", picture, source="/a/fire.texture") as first,
            Recorder(tmp_path, "fire", picture, source="/b/fire.texture") as elsewhere,
        ):
            first.feed(pieces[: len(pieces) // 2])
            elsewhere.feed(pieces)
            strange = [Recorder(tmp_path, name, picture) for name in STRANGE]
            for recorder in strange:
                recorder.feed(pieces)
            for recorder in strange:
                recorder.end()
            second.kill()
            first.feed(pieces[len(pieces) // 2 :])
    assert all(path.read_bytes() == content for path, content in others.items())
    assert (tmp_path / f"fire-{OLD.format(2)}").is_dir()
    assert (tmp_path / f"fire-{OLD.format(3)}").is_symlink()
    files = {path: comment_of(path).split()[2:] for path in named(tmp_path, "fire")}
    assert set(seconds_own) < set(files)
    assert all(pictures_in(path) > 0 for path in files)  # the one that was cut off too
    by_owner = Counter(tuple(mark[:2]) for mark in files.values())
    assert sorted(by_owner.values()) == [2, 2, 3]
    assert len({source for source, _ in by_owner}) == 2
    for name in STRANGE:
        assert [comment_of(path).split()[-1] for path in named(tmp_path, name)] == ["11", "12"]


def test_a_server_that_was_killed_goes_on_counting_its_own(media: tuple[bytes, list[Piece]], tmp_path: Path) -> None:
    picture, pieces = media
    with Recorder(tmp_path, "fire", picture, keep_files=3, file_s=LONG_FILE_S) as recorder:
        recorder.feed(pieces)
        before = until(tmp_path, 3, "fire", least_bytes=1000)
        recorder.kill()
    assert [pictures_in(path) for path in before] == [48, 48, 30]  # the half-written one but for its last second
    with Recorder(tmp_path, "fire", picture, keep_files=3) as recorder:
        recorder.feed(pieces[:20])
    after = named(tmp_path, "fire")
    assert after[:2] == before[1:]
    assert [comment_of(path).split()[-1] for path in after] == ["2", "3", "4"]


def test_as_many_are_kept_as_was_said(media: tuple[bytes, list[Piece]], tmp_path: Path) -> None:
    picture, pieces = media
    for keep_files in (1, 5, 20):
        folder = tmp_path / str(keep_files)
        folder.mkdir()
        with Recorder(folder, "fire", picture, keep_files=keep_files) as recorder:
            recorder.feed(pieces)
        assert len(list(folder.iterdir())) == min(keep_files, 12)


def test_files_of_an_earlier_release_are_known_by_their_name_alone(
    media: tuple[bytes, list[Piece]], tmp_path: Path
) -> None:
    for number in range(5):
        (tmp_path / f"Fire [x]-{OLD.format(number)}").write_bytes(b"no mark")
        (tmp_path / f"Fire x-{OLD.format(number)}").write_bytes(b"another's")
    with Recorder(tmp_path, "Fire [x]", media[0], keep_files=3) as recorder:
        recorder.feed(media[1][:20])
    assert len(named(tmp_path, "Fire [x]")) == 3
    assert len(named(tmp_path, "Fire x")) == 5


def test_a_clock_that_is_set_back_makes_new_files_not_the_oldest(
    monkeypatch: pytest.MonkeyPatch, media: tuple[bytes, list[Piece]], tmp_path: Path
) -> None:
    recordings = OwnRecordings(tmp_path, "fire", "/a", 2)
    now = datetime(2030, 1, 1, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return now

    monkeypatch.setattr(own_recordings, "datetime", Clock)
    made = []
    for _ in range(4):
        path, mark = recordings.begin()
        path.write_text(str(mark))
        made.append(path)
        now -= timedelta(days=365)
    assert sorted(tmp_path.iterdir()) == sorted(made[2:])


def test_files_of_the_same_millisecond_are_two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime(2030, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(own_recordings, "datetime", Clock)
    recorders = [OwnRecordings(tmp_path, "fire", "/a", 0) for _ in range(5)]
    assert len({each.begin()[0] for each in recorders}) == 5


def test_old_ones_that_cannot_be_removed_are_told_once_and_do_not_fill_the_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def refused(path: Path, *, missing_ok: bool) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    recordings = OwnRecordings(tmp_path, "fire", "/a", 2)
    monkeypatch.setattr(Path, "unlink", refused)  # as of an immutable file; whoever is root may do all else
    for _ in range(4):
        path, mark = recordings.begin()
        path.write_text(str(mark))
    with pytest.raises(TargetError, match="4 recordings are there instead of 2, for old ones cannot be removed"):
        recordings.begin()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(set(told)) == 4
    assert "cannot be removed: Operation not permitted" in told[0]


def test_a_disk_that_is_nearly_full_gets_no_empty_files(
    monkeypatch: pytest.MonkeyPatch, media: tuple[bytes, list[Piece]], tmp_path: Path
) -> None:
    monkeypatch.setattr(recording, "LEAST_FREE_BYTES", 1 << 62)
    for _ in range(3):
        with pytest.raises(TargetError, match="free on the disk"):
            Recording(tmp_path, Order("record", str(tmp_path), "fire", (30, 1)), media[0])
    assert not list(tmp_path.iterdir())


def test_what_is_closed_another_takes_on(tmp_path: Path) -> None:
    marks = []
    for closes in (True, False, False):
        recordings = OwnRecordings(tmp_path, "fire", "/a", 5)
        path, mark = recordings.begin()
        path.write_text(str(mark))
        marks.append(mark)
        if closes:
            recordings.close()
    assert [mark.number for mark in marks] == [1, 2, 1]
    assert marks[0].owner == marks[1].owner != marks[2].owner


def test_a_file_without_a_mark_yet_gives_nobodys_recordings_away(tmp_path: Path) -> None:
    """For its first second a recording is but a name and a lock; a server that starts then is another owner."""
    running = OwnRecordings(tmp_path, "fire", "/a", 3)
    path, mark = running.begin()
    path.write_text(str(mark))
    running.begin()
    second = OwnRecordings(tmp_path, "fire", "/a", 3).begin()[1]
    assert second.owner != mark.owner
    running.close()
    started_again = OwnRecordings(tmp_path, "fire", "/a", 3)
    assert started_again.begin()[1].owner == mark.owner
    assert OwnRecordings(tmp_path, "fire", "/a", 3).begin()[1].owner not in (mark.owner, second.owner)


def test_names_leave_room_for_a_stamp() -> None:
    assert fitting_name("fire", 255) == fitting_name("fire", -1) == "fire"
    assert fitting_name("fire" * 9, 20).startswith("~")
    longest = "é" * 115
    assert fitting_name(longest, 255) == longest
    shortened = [fitting_name("é" * 115 + tail, 255) for tail in ("a", "b")]
    for name in shortened:
        file_name = stamped(name, datetime(2026, 1, 1, tzinfo=UTC))
        assert len(os.fsencode(file_name)) <= 255
        assert named_after(file_name) == name
    assert shortened[0] != shortened[1]
    assert len("-20260101T000000.000Z.mp4") == ENDING_LENGTH


def test_a_long_name_is_recorded_and_counted(media: tuple[bytes, list[Piece]], tmp_path: Path) -> None:
    with Recorder(tmp_path, "n" * 247, media[0], file_s=FILE_S) as recorder:
        recorder.feed(media[1])
    assert len(list(tmp_path.iterdir())) == 2
