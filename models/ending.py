"""How a command ends when it is told to by a signal: in order at the first, at once at the second.

SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is gone) all mean the same, and end it with 128 + their number, as a
shell would say. Whatever is half made is removed on the way. The second SIGINT or SIGTERM waits for nothing: the
processes that this one has started are killed, and one line says so.

What was ignored when the command started stays ignored: so `nohup videotexture fit …` outlives its terminal.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows
_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([] if _HANGUP is None else [_HANGUP])]
_SHOW_CURSOR = "\x1b[?25h"  # which a progress bar hides


class _Ending:
    """Of this process.

    Attributes:
        told: the first signal that came; None before.
        stop: what begins an orderly end in place of an exception; None where there is nothing of the kind.
        is_over: whether everything is done but the interpreter's own end, which no exception may disturb.
    """

    def __init__(self) -> None:
        self.told: int | None = None
        self.stop: Callable[[], None] | None = None
        self.is_over = False

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """A signal came."""
        if self.is_over:
            os._exit(128 + number)
        if self.told is not None:
            if number != _HANGUP:  # of which a closing terminal sends several
                _end_at_once(number)
            return
        self.told = number
        if self.stop is None:
            raise _exception(number)
        self.stop()


_ending = _Ending()


def heed_signals() -> None:
    """End as told above from here on; for the command line, whose process is its own."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ending.receive)
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    """The interpreter's last act would let them kill it, and what it did would have the wrong status."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def is_over() -> None:
    """Say that everything is done: a signal that still comes ends the process where it is."""
    _ending.is_over = True


@contextmanager
def orderly(stop: Callable[[], None]) -> Iterator[None]:
    """While it is open, the first signal calls `stop` in the main thread, between any two steps of what runs there.

    When it is left, nothing is raised: that is for `run`, or `raise_if_told`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not heard here
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    if _ending.receive not in before.values():
        _ending.told = None  # no command line, but a test, say, which goes on after a signal
    outer, _ending.stop = _ending.stop, stop
    for number in _SIGNALS:
        if number != _HANGUP or before[number] is not signal.SIG_IGN:
            signal.signal(number, _ending.receive)
    try:
        yield
    finally:
        _ending.stop = outer
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_if_told() -> None:
    """End as the signal says that came; nothing if none did.

    Raises:
        KeyboardInterrupt: for SIGINT.
        SystemExit: for the others, with 128 + their number.
    """
    if _ending.told is not None:
        raise _exception(_ending.told)


def run(main: Coroutine[Any, Any, None]) -> None:
    """`asyncio.run`, in which the first signal cancels `main`.

    Raises:
        KeyboardInterrupt, SystemExit: a signal came; after all that `main` has to end.
    """

    async def until_told() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop() -> None:
            loop.call_soon_threadsafe(task.cancel)

        with orderly(stop):
            await main

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(until_told())
    raise_if_told()


def _exception(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def _end_at_once(number: int) -> None:
    import psutil  # only now: commands are to start quickly

    with contextlib.suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
    with contextlib.suppress(OSError):
        cursor = f"{_SHOW_CURSOR}\r" if os.isatty(2) else ""
        os.write(2, f"{cursor}ended at once, at the second signal; unfinished files may be left behind\n".encode())
    os._exit(128 + number)
