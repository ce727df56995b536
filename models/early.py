"""Imported by the command line before everything else: Ctrl-C while the rest is still imported ends it in silence.

`models.ending` takes over as soon as there is something to end in order. Only in a process that is the command line's
own: whoever imports the command line as a module keeps their signals.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def _end(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


if os.path.basename(sys.argv[0]) in ("videotexture", "videotexture.py", "-c"):
    for _number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(_number) is not signal.SIG_IGN:
            signal.signal(_number, _end)
