"""Pictures between two pictures by a network that makes them itself: Super SloMo's."""

from __future__ import annotations

from av.video.frame import VideoFrame

from stream.interpolation.network import Network
from stream.interpolation.planes import picture_of_rgb, rgb_of


class SuperSloMo(Network):
    """A network that is given both ends and the times, and gives pictures."""

    name = "superslomo"
    inputs, outputs = frozenset({"first", "last", "times"}), frozenset({"between"})

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        self._check_size(first)
        ends = {"first": rgb_of(first)[None], "last": rgb_of(last)[None]}
        pictures = list[VideoFrame]()
        for times in self._parts(count):
            made = self._engine.run(ends | {"times": times})["between"]
            pictures += [picture_of_rgb(rgb, like=first) for rgb in made]
        return pictures[:count]
