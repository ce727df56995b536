"""Whether pictures leave in time, and how many of what have left. Pure: reads no clock."""

from __future__ import annotations

from collections import deque

from stream.reel import MediaPacket

LOOKED_BACK_FRAMES = 60
SILENT_S = 1.0  # without a picture, before that is said
SLOWEST = 0.8  # of their own rate: pictures that leave more slowly are seen to stutter
LEAST_LOOK_S = 0.5  # of pictures, before their rate is judged: the first ones come as they can


class Vitals:
    """Told each packet as it leaves, on one thread.

    Attributes:
        frames, keyframes, sounds: packets so far.
        steps, jumps, hits: so far.
        bridge_frames: pictures of bridges.
    """

    def __init__(self) -> None:
        self.frames = self.keyframes = self.sounds = 0
        self.steps = self.jumps = self.hits = self.bridge_frames = 0
        self._left: deque[tuple[float, float]] = deque(maxlen=LOOKED_BACK_FRAMES)

    def take(self, packet: MediaPacket, now_s: float) -> None:
        """A packet leaves now."""
        if packet.kind == "audio":
            self.sounds += 1
            return
        self.frames += 1
        self.keyframes += packet.is_keyframe
        self._left.append((now_s, packet.pts * packet.time_base.numerator / packet.time_base.denominator))
        if packet.step is not None:
            self.steps += 1
            self.jumps += packet.step.is_jump and not packet.is_hit
            self.hits += packet.is_hit
            self.bridge_frames += packet.bridge_frames

    def trouble(self, now_s: float) -> str:
        """Why pictures do not leave in time; empty if they do."""
        if not self._left:
            return "no picture has left yet"
        silent_s = now_s - self._left[-1][0]
        if silent_s > SILENT_S:
            return f"no picture has left for {silent_s:.1f} s"
        (began_s, first_s), (ended_s, last_s) = self._left[0], self._left[-1]
        shown_s, took_s = last_s - first_s, ended_s - began_s
        if shown_s >= LEAST_LOOK_S and shown_s < SLOWEST * took_s:
            return f"pictures for {shown_s:.1f} s took {took_s:.1f} s to leave; this machine is too slow, or too busy"
        return ""
