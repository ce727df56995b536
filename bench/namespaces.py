"""Two network namespaces of our own with a link between them, for a viewer behind a bad one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.server_process import BenchError

SERVER_ADDRESS, VIEWER_ADDRESS = "10.213.7.1", "10.213.7.2"  # seen by nobody outside


class NamespaceError(BenchError):
    """This machine, or this user, cannot make them. The message says why."""


@dataclass(frozen=True)
class Namespaces:
    """Where to run what.

    Attributes:
        server, viewer: what to write before a command to run it in that namespace.
    """

    server: tuple[str, ...]
    viewer: tuple[str, ...]


@contextmanager
def linked(qdisc: Sequence[str]) -> Iterator[Namespaces]:
    """Two namespaces while the context lasts; what the server sends the viewer goes through a queue discipline.

    Args:
        qdisc: what `tc qdisc add dev DEVICE root` is told, like `netem loss 1%`.

    Raises:
        NamespaceError: no rights, no tools, or a kernel without that discipline.
    """
    if missing := [tool for tool in ("ip", "tc") if shutil.which(tool) is None]:
        raise NamespaceError(f"{', '.join(missing)}: not installed; `apt install iproute2`")
    names = tuple(f"vt{side}{os.getpid()}" for side in "sv")
    server, viewer = names
    inside = {name: ("ip", "netns", "exec", name) for name in names}
    made = []
    try:
        for name in names:
            _run("ip", "netns", "add", name)
            made.append(name)
        _run("ip", "link", "add", server, "netns", server, "type", "veth", "peer", "name", viewer, "netns", viewer)
        for name, address in ((server, SERVER_ADDRESS), (viewer, VIEWER_ADDRESS)):
            _run(*inside[name], "ip", "address", "add", f"{address}/24", "dev", name)
            _run(*inside[name], "ip", "link", "set", name, "up")
            _run(*inside[name], "ip", "link", "set", "lo", "up")
        _run(*inside[server], "tc", "qdisc", "add", "dev", server, "root", *qdisc)
        yield Namespaces(inside[server], inside[viewer])
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "delete", name], check=False)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NamespaceError(f"`{' '.join(command)}`: {done.stderr.strip() or done.returncode}")
