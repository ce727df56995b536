"""Whether pictures leave in time, at times that the tests make up."""

from __future__ import annotations

from fractions import Fraction

from server.vitals import LOOKED_BACK_FRAMES, SILENT_S, Vitals
from stream.reel import MediaPacket


def picture(index: int) -> MediaPacket:
    return MediaPacket("video", b"", index, Fraction(1, 30), 1, index % 6 == 0)


def played(count: int, *, speed: float, begins_s: float = 100.0) -> tuple[Vitals, float]:
    """So many pictures of 30 a second that leave at another speed, and when the last did."""
    vitals, now_s = Vitals(), begins_s
    for index in range(count):
        now_s = begins_s + index / 30 / speed
        vitals.take(picture(index), now_s)
    return vitals, now_s


def test_before_the_first_picture_it_is_not_ready() -> None:
    assert "no picture has left yet" in Vitals().trouble(5.0)


def test_sound_alone_is_no_sign_of_life() -> None:
    vitals = Vitals()
    vitals.take(MediaPacket("audio", b"", 0, Fraction(1, 48000), 960, True), 5.0)
    assert "no picture" in vitals.trouble(5.0)
    assert (vitals.frames, vitals.sounds) == (0, 1)


def test_in_time_it_is_ready_from_the_first_picture_on() -> None:
    for count in (1, 2, 5, 200):
        vitals, now_s = played(count, speed=1.0)
        assert vitals.trouble(now_s) == ""
    assert (vitals.frames, vitals.keyframes) == (200, 34)


def test_silence_is_told_with_its_length_and_ends_with_the_next_picture() -> None:
    vitals, now_s = played(90, speed=1.0)
    assert vitals.trouble(now_s + SILENT_S) == ""
    assert "for 2.5 s" in vitals.trouble(now_s + 2.5)
    vitals.take(picture(90), now_s + 2.6)
    for index in range(91, 91 + LOOKED_BACK_FRAMES):
        vitals.take(picture(index), now_s + 2.6 + (index - 90) / 30)
    assert vitals.trouble(now_s + 2.6 + LOOKED_BACK_FRAMES / 30) == ""


def test_a_machine_that_is_too_slow_is_not_ready() -> None:
    assert "too slow" in played(90, speed=0.6)[0].trouble(100.0 + 89 / 30 / 0.6)
    vitals, now_s = played(90, speed=0.95)
    assert vitals.trouble(now_s) == ""
