"""A backend for mido whose ports a test plugs in and out, for machines whose kernel has no sequencer.

Source: mido's documentation, "Writing a New or Custom Backend".
"""

from __future__ import annotations

from typing import Any

from mido.ports import BaseInput

plugged: list[str] = []
taken: set[str] = set()  # which cannot be opened
opened: list[Input] = []


class Input(BaseInput):  # type: ignore[misc]
    """An input that hears what a test sends."""

    def _open(self, callback: Any = None, **_: Any) -> None:
        if self.name not in plugged or self.name in taken:
            raise OSError(f"unknown port {self.name!r}")
        self.callback = callback
        opened.append(self)

    def _close(self) -> None:
        opened.remove(self)


def get_devices(**_: Any) -> list[dict[str, Any]]:
    """As mido wants them."""
    return [{"name": name, "is_input": True, "is_output": False} for name in plugged]


def send(message: Any) -> None:
    """Let every open port hear something."""
    for port in opened:
        port.callback(message)
