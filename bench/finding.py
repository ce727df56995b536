"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: was looked at.
        found: what is there.
        mend: what to do; empty where all is well.
        is_well: whether it is as it should be.
        is_needed: whether playing a texture needs it.
    """

    what: str
    found: str
    mend: str = ""
    is_well: bool = True
    is_needed: bool = True
