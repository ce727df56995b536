"""A zither of six strings, plucked by a wandering hand: the scene that `demo` plays."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.karplus_strong import PluckSound, mix
from models.scenes.strings_board import draw_board, string_lines
from models.scenes.strings_hand import HandPainter
from models.scenes.strings_light import StringMotion, StringPainter, bloom
from models.scenes.strings_tune import TOUCH_S, Pluck, amplitudes, compose, hand_path

_SHUTTER = 0.5  # share of a frame's time that the hand is blurred over
_VELOCITY_S = 0.1  # the state holds how far the hand goes in this time
_PHASE_WEIGHT = 0.3  # the line inside a string's blur is far fainter than the blur


@dataclass(frozen=True)
class StringsSettings:
    """What to draw.

    Args:
        seconds: length, at least 3.
        width, height: picture size in pixels, even, at least 64; all is scaled by the height.
        rate_hz: frames per second.
        sample_rate_hz: of the sound.
        seed: another seed is another tune, sound and piece of wood.
        pitches_hz: one per string, 2 to 8, the lowest first.
    """

    seconds: float = 48.0
    width: int = 640
    height: int = 360
    rate_hz: Fraction = Fraction(30)
    sample_rate_hz: int = 48_000
    seed: int = 0
    pitches_hz: tuple[float, ...] = (146.83, 220.00, 246.94, 293.66, 329.63, 369.99)  # D A B D E F♯

    def __post_init__(self) -> None:
        if self.width < 64 or self.height < 64 or self.width % 2 or self.height % 2:
            raise ValueError(f"the picture is {self.width}x{self.height}, expected even sizes of at least 64 pixels")
        if not self.seconds >= 3:
            raise ValueError(f"seconds is {self.seconds}, expected at least 3: no tune fits in less")
        if self.rate_hz <= 0:
            raise ValueError(f"rate_hz is {self.rate_hz}, expected more than 0")
        if not 2 <= len(self.pitches_hz) <= 8 or list(self.pitches_hz) != sorted(self.pitches_hz):
            raise ValueError(f"pitches_hz is {self.pitches_hz}, expected 2 to 8 notes, the lowest first")


class Strings:
    """Plucked strings, drawn and heard; a `models.scenes.scene.SoundingScene`.

    Args:
        settings: what to draw.

    Attributes:
        settings: as given.
        plucks: the tune, in order of time.
        lines: where the strings lie at rest, the lowest first.
    """

    def __init__(self, settings: StringsSettings | None = None) -> None:
        self.settings = settings if settings is not None else StringsSettings()
        tune_rng, path_rng, self._board_rng = np.random.default_rng(self.settings.seed).spawn(3)
        count = len(self.settings.pitches_hz)
        self.plucks: tuple[Pluck, ...] = compose(self.settings.seconds, strings=count, rng=tune_rng)
        self._decays_s = np.linspace(0.80, 0.50, count)
        aspect = self.width / self.height
        self.lines = string_lines(count, aspect)
        self._times_s: NDArray[np.float64] = np.asarray(
            (np.arange(self.frame_count) + 0.5) / float(self.rate_hz), dtype=np.float64
        )
        self._swing, self._age_s = amplitudes(self.plucks, self._times_s, self._decays_s)
        at_x = aspect * np.linspace(0.700, 0.665, count)
        targets = np.array([(x, line.y_at(x)) for x, line in zip(at_x, self.lines, strict=True)])
        rest = (aspect * 0.735, float(targets[count // 2, 1]) + 0.09)
        self._hand = hand_path(self.plucks, targets, self._times_s, rest=rest, rng=path_rng)

    @property
    def width(self) -> int:
        """Picture width in pixels."""
        return self.settings.width

    @property
    def height(self) -> int:
        """Picture height in pixels."""
        return self.settings.height

    @property
    def rate_hz(self) -> Fraction:
        """Frames per second, exact."""
        return self.settings.rate_hz

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return round(self.settings.seconds * self.rate_hz)

    @property
    def sample_rate_hz(self) -> int:
        """Sound samples per second and channel."""
        return self.settings.sample_rate_hz

    @property
    def state_names(self) -> tuple[str, ...]:
        """One name per column of `state()`."""
        strings = range(len(self.settings.pitches_hz))
        kinds = ("swing", "swing_cos", "swing_sin")
        hand = ("hand_x", "hand_y", "hand_dx", "hand_dy", "hand_lift", "finger_curl", "finger_pull")
        return tuple(f"{kind}_{string}" for kind in kinds for string in strings) + hand

    @property
    def pluck_frames(self) -> tuple[int, ...]:
        """For each pluck, the first frame that shows its string ringing."""
        return tuple(int(np.searchsorted(self._times_s, pluck.time_s)) for pluck in self.plucks)

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Draw one frame; see `Scene.frame`."""
        if not 0 <= index < self.frame_count:
            raise ValueError(
                f"frame {index} is outside the scene, expected 0 to {self.frame_count - 1}: "
                f"it has {self.frame_count} frames at {self.rate_hz} Hz"
            )
        picture = self.drawn_on(self.board, index)
        return np.asarray(cv2.convertScaleAbs(picture, alpha=255.0), dtype=np.uint8)

    def drawn_on(self, ground: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        """Strings, hand and their light in one frame, over any ground.

        Args:
            ground: float32 RGB, 0 to 1, shape (height, width, 3), such as `board`; left as it is. It may have a
                fourth channel, the share of what lies behind it that shows through.
            index: 0 to `frame_count - 1`.

        Returns:
            A new array like the ground, brighter than 1 in places.
        """
        planes = np.zeros((3, self.height, self.width), dtype=np.float32)
        for string, painter in enumerate(self._painters):
            painter.add(planes, self._motion(index, string))
        light = np.asarray(cv2.merge(list(planes)), dtype=np.float32)
        picture = ground.copy()
        picture[..., :3] += light
        before = max(0, index - 1)
        hand = self._hand
        self._hand_painter.draw(
            picture,
            tip=(float(hand.x[index]), float(hand.y[index])),
            curl=float(hand.curl[index]),
            lift=float(hand.lift[index]),
            travel=(_SHUTTER * (hand.x[index] - hand.x[before]), _SHUTTER * (hand.y[index] - hand.y[before])),
        )
        picture[..., :3] += bloom(light)
        return picture

    def sound(self) -> NDArray[np.float32]:
        """The whole scene's sound; see `SoundingScene.sound`."""
        return self._sound

    def state(self) -> NDArray[np.float32]:
        """The truth behind each frame; see `Scene.state`.

        Columns, for each of the S strings in turn: `swing`, 0 to 1; then all S
        `swing·cos(phase)` and all S `swing·sin(phase)` of the line seen inside the blur, times
        0.3; then the hand: x and y in picture heights times 2, how far it goes in
        0.1 s at its present speed likewise, lift, and the plucking finger's curl and pull, times 0.5.
        """
        phase = self._phases
        swing = np.hstack(
            [
                self._swing,
                _PHASE_WEIGHT * self._swing * np.cos(phase),
                _PHASE_WEIGHT * self._swing * np.sin(phase),
            ]
        )
        hand = self._hand
        step = _VELOCITY_S * float(self.rate_hz)
        motion = [2 * hand.x, 2 * hand.y, 2 * step * np.gradient(hand.x), 2 * step * np.gradient(hand.y)]
        state = np.column_stack([swing, *motion, 0.5 * hand.lift, 0.5 * hand.curl, 0.5 * hand.pull])
        state = state.astype(np.float32)
        state.flags.writeable = False
        return state

    def _motion(self, index: int, string: int) -> StringMotion:
        """How one string moves in one frame."""
        pull = 0.0
        if self._hand.pull[index] > 0 and self._pulled[index] == string:
            pull = float(self._hand.pull[index])
        swing, phase = float(self._swing[index, string]), float(self._phases[index, string])
        return StringMotion(swing, phase, pull, float(self._hand.x[index]))

    @cached_property
    def _pulled(self) -> NDArray[np.intp]:
        """For each frame, the string of the next pluck."""
        following = np.searchsorted([pluck.time_s for pluck in self.plucks], self._times_s)
        order = np.array([pluck.string for pluck in self.plucks])
        return np.asarray(order[np.minimum(following, order.size - 1)])

    @cached_property
    def _phases(self) -> NDArray[np.float64]:
        """Phase of the line that is seen inside each string's blur, as under a slow strobe."""
        strobe_hz = np.linspace(3.1, 5.9, len(self.settings.pitches_hz))
        return np.asarray(2 * np.pi * strobe_hz * np.where(np.isfinite(self._age_s), self._age_s, 0.0))

    @cached_property
    def board(self) -> NDArray[np.float32]:
        """The instrument without its strings, float32 RGB, 0 to 1, shape (height, width, 3)."""
        return draw_board(self.width, self.height, self.lines, self._board_rng)

    @cached_property
    def _painters(self) -> list[StringPainter]:
        tints = np.linspace(0, 1, len(self.lines))
        return [
            StringPainter(line, width=self.width, height=self.height, tint=float(tint))
            for line, tint in zip(self.lines, tints, strict=True)
        ]

    @cached_property
    def _hand_painter(self) -> HandPainter:
        return HandPainter(self.height)

    @cached_property
    def _sound(self) -> NDArray[np.float32]:
        samples = round(self.frame_count / self.rate_hz * self.sample_rate_hz)
        sound_rng = np.random.default_rng([self.settings.seed, 1])
        pans = np.linspace(-0.45, 0.45, len(self.settings.pitches_hz))
        notes = []
        for index, pluck in enumerate(self.plucks):
            again = [later.time_s - TOUCH_S for later in self.plucks[index + 1 :] if later.string == pluck.string]
            end_s = again[0] if again else np.inf
            notes.append(
                PluckSound(
                    time_s=pluck.time_s,
                    pitch_hz=self.settings.pitches_hz[pluck.string],
                    strength=pluck.strength,
                    decay_s=float(self._decays_s[pluck.string]),
                    length_s=end_s - pluck.time_s + 0.02,
                    pan=float(pans[pluck.string]),
                )
            )
        sound = mix(notes, samples=samples, sample_rate_hz=self.sample_rate_hz, rng=sound_rng)
        sound.flags.writeable = False
        return sound
