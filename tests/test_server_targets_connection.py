"""A connection's child is ended whatever happens: on failure, on cancellation, and on one while it is being ended."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from fractions import Fraction

import pytest

from server.errors import TargetError
from server.targets import connection
from server.targets.connection import Connection
from server.targets.queue import GopQueue
from server.targets.wire import Order, Piece
from tests.target_run import IMPATIENT

ORDER = Order("rtmp", "rtmp://127.0.0.1/live/key", "name", (30, 1), 0.0, 0)
REFUSED = 'print(\'{"failed": "refused"}\', flush=True)\nimport time\ntime.sleep(60)'
CROWDED = (
    'import sys, time\nprint(\'{"failed": "refused"}\', flush=True)\n'
    "sys.stdout.write('x' * 60000 + '\\n')\nsys.stderr.write('y' * 60000)\nsys.stdout.flush()\ntime.sleep(60)"
)
OPEN = "print('{\"open\": true}', flush=True)\nimport sys\nsys.stdin.buffer.read()"
NOTES = 'print(\'{"note": "an old one\\\\nstays"}\\n{"failed": "refused"}\', flush=True)'
DIES = "raise SystemExit('a last word')"


@pytest.fixture
async def child(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[[str], list[asyncio.subprocess.Process]]]:
    """Let the child be another program; gives the processes that are begun."""
    begun: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def noted(*command: str, **options: object) -> asyncio.subprocess.Process:
        process = await begin(*command, **options)  # type: ignore[arg-type]
        begun.append(process)
        return process

    def becomes(program: str) -> list[asyncio.subprocess.Process]:
        monkeypatch.setattr(connection, "COMMAND", (sys.executable, "-c", program))
        monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
        return begun

    yield becomes
    for process in begun:
        assert process.returncode is not None
        await asyncio.sleep(0)
        assert process._transport.is_closing()  # type: ignore[attr-defined]  # a ResourceWarning otherwise


def connecting(is_open: asyncio.Event | None = None) -> asyncio.Task[None]:
    def on_open() -> GopQueue:
        if is_open is not None:
            is_open.set()
        queue = GopQueue()
        queue.put(Piece(True, True, 0, Fraction(1, 30), 1, b"picture"))
        return queue

    return asyncio.create_task(Connection(ORDER, b"", IMPATIENT).run(on_open, lambda: None))


@pytest.mark.parametrize(
    ("program", "why"), [(REFUSED, "refused"), (CROWDED, "refused"), (DIES, "ended with status 1: a last word")]
)
async def test_a_failed_one_is_over(
    program: str, why: str, child: Callable[[str], list[asyncio.subprocess.Process]]
) -> None:
    begun = child(program)
    with pytest.raises(TargetError, match=why):
        await asyncio.wait_for(connecting(), 10)
    assert len(begun) == 1


async def test_what_is_no_reason_to_end_is_logged(
    child: Callable[[str], list[asyncio.subprocess.Process]], caplog: pytest.LogCaptureFixture
) -> None:
    child(NOTES)
    with pytest.raises(TargetError, match="refused"):
        await asyncio.wait_for(connecting(), 10)
    assert "rtmp: an old one stays" in [record.getMessage() for record in caplog.records]


async def test_one_that_goes_well_is_let_finish(child: Callable[[str], list[asyncio.subprocess.Process]]) -> None:
    begun, is_open = child(OPEN), asyncio.Event()
    running = connecting(is_open)
    await asyncio.wait_for(is_open.wait(), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert begun[0].returncode == 0


@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancellation_while_it_is_being_ended_leaves_nothing_behind(
    times: int, child: Callable[[str], list[asyncio.subprocess.Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    child(REFUSED)
    ending = asyncio.Event()
    end = Connection._end

    async def noted(*arguments: object) -> None:
        ending.set()
        await end(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "_end", noted)
    running = connecting()
    await asyncio.wait_for(ending.wait(), 10)
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await running
