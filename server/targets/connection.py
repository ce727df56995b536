"""One connection of a target: a child process, what is sent to it, and what it confirms."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from server.errors import TargetError
from server.targets.queue import GopQueue
from server.targets.status import Confirmation, Limits
from server.targets.wire import Order, order_message, packet_message

log = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "server.targets.child")
LOOK_S = 0.1
LONGEST_LINE_BYTES = 64 << 10
LONGEST_WORDS = 500


class Worn(TargetError):
    """The connection's times are used up: it has ended in peace, and is to be begun anew at once."""


class Connection:
    """Lasts from one try to its failure.

    Attributes:
        confirmation: what is known of it.
    """

    def __init__(self, order: Order, picture: bytes, limits: Limits) -> None:
        self._order, self._picture, self._limits = order, picture, limits
        self.confirmation = Confirmation(limits, time.monotonic())

    async def run(self, on_open: Callable[[], GopQueue], changed: Callable[[], None]) -> None:
        """Connect and send until it fails, or is cancelled; then it is ended properly.

        Args:
            on_open: called when media can be sent; gives the queue that it comes from.
            changed: called when the confirmation may have changed.

        Raises:
            Worn: it has lasted as long as one may.
            TargetError: why else it ended; it may have the address in it.
        """
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
        )
        opened = asyncio.Event()
        tasks = [
            asyncio.create_task(self._listen(process, opened), name="target's reports"),
            asyncio.create_task(self._send(process, opened, on_open), name="target's packets"),
            asyncio.create_task(self._watch(changed), name="target's patience"),
        ]
        patient = False
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            patient = opened.is_set()  # it was going well: let the other end, or the file, be finished
            raise
        finally:
            await _to_its_end(self._end(process, tasks, self._limits.stop_s if patient else 0.0))

    async def _listen(self, process: asyncio.subprocess.Process, opened: asyncio.Event) -> None:
        assert process.stdout is not None
        last_words = asyncio.create_task(_last_words(process), name="target's last words")
        try:
            async for line in process.stdout:
                said = json.loads(line)
                if "failed" in said:
                    raise TargetError(_one_line(said["failed"]))
                if "worn" in said:
                    raise Worn("its times are used up")
                if "note" in said:
                    log.warning("%s: %s", self._order.kind, _one_line(said["note"]))
                if "open" in said:
                    opened.set()
                if "confirmed_bytes" in said:
                    self.confirmation.confirm(said["confirmed_bytes"], time.monotonic())
            raise TargetError(f"its process ended with status {await process.wait()}: {await last_words}")
        finally:
            last_words.cancel()

    async def _send(
        self, process: asyncio.subprocess.Process, opened: asyncio.Event, on_open: Callable[[], GopQueue]
    ) -> None:
        pipe = process.stdin
        assert pipe is not None
        # What waits, waits in the queue, whose policy is known.
        pipe.transport.set_write_buffer_limits(high=0)
        try:
            pipe.write(order_message(self._order, self._picture))
            await pipe.drain()
            await opened.wait()
            queue = on_open()
            while True:
                packet = await queue.get()
                pipe.write(packet_message(packet))
                await pipe.drain()
        except (BrokenPipeError, ConnectionResetError):
            await asyncio.Event().wait()  # it is ending; its own report says why

    async def _watch(self, changed: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            failure = self.confirmation.failure(time.monotonic())
            if failure:
                raise TargetError(failure)
            changed()

    async def _end(
        self, process: asyncio.subprocess.Process, tasks: Iterable[asyncio.Task[None]], patience_s: float
    ) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert process.stdin is not None
        process.stdin.close()
        # Its pipes are read to their ends, not only its status: full ones would never let it be over.
        if patience_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.communicate(), patience_s)
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.communicate()


async def _to_its_end(ending: Coroutine[Any, Any, None]) -> None:
    """Await what must not be left half done; a cancellation that comes meanwhile counts when it is done."""
    task = asyncio.create_task(ending, name="target's end")
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


def _one_line(text: str) -> str:
    """What another program or a server said, which is to make no lines of its own in the log."""
    return " ".join(text.split())[:LONGEST_WORDS]


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The last line that a process wrote as it died, by an error that it does not know or at another's hand."""
    assert process.stderr is not None
    tail = b""
    while part := await process.stderr.read(1024):
        tail = (tail + part)[-1024:]
    lines = tail.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
