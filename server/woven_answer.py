"""The whole answer to an offer: the sections that aiortc answered, and those that it never saw (RFC 8829, 5.3.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.sdp import MEDIA, Description, Section

NOWHERE = "c=IN IP4 0.0.0.0"
_TRANSPORT = ("a=candidate:", "a=end-of-candidates", "a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=setup:")
_DATA = ("a=sctp-port:5000", "a=max-message-size:65536")  # that nobody listens to


@dataclass(frozen=True)
class Plan:
    """What becomes of an offer's sections.

    Attributes:
        seen: names of those that aiortc answers.
        echoed: of those that we answer ourselves, because a connection needs them or a publisher insists on them, with
            the direction they get; nothing that comes in them is looked at.
    """

    seen: frozenset[str]
    echoed: Mapping[str, str] = field(default_factory=dict)


def plan(offer: Description, kinds: set[str], swallowed: Mapping[str, str] | None = None) -> Plan:
    """Plan an answer.

    The others are refused, unless the transport of the rest hangs on them: of a bundle, that is the first.

    Args:
        kinds: of the sections that are taken.
        swallowed: kinds whose sections are to be answered and not looked at, with the direction they get; only those
            that share a transport with what is taken.
    """
    live = [each for each in offer.sections if not each.is_refused]
    seen = frozenset(each.mid for each in live if each.kind in kinds)
    shares = any(each.is_bundled for each in live if each.mid in seen)
    echoed = {}
    for each in live:
        if each.mid in seen or not each.is_bundled or not shares:
            continue
        if each.kind in (swallowed or {}):
            echoed[each.mid] = (swallowed or {})[each.kind]
        elif offer.bundle[0] == each.mid:
            echoed[each.mid] = "inactive"
    return Plan(seen, echoed)


def woven(answer: str, offer: Description, plan: Plan) -> str:
    """The answer with a section for every one of the offer, in its order."""
    head, *blocks = answer.split("\r\nm=")
    answered = iter(blocks)
    first = blocks[0].rstrip("\r\n").split("\r\n")
    transport = [line for line in first if line.startswith(_TRANSPORT)]
    sections = []
    for section in offer.sections:
        if section.mid in plan.seen:
            sections.append(_as_offered(next(answered), section, offer))
        elif section.mid in plan.echoed:
            sections.append(_echo(section, plan.echoed[section.mid], transport, offer))
        else:
            sections.append(_refusal(section, transport, offer))
    bundled = [mid for mid in offer.bundle if mid in plan.seen or mid in plan.echoed]
    group = f"\r\na=group:BUNDLE {' '.join(bundled)}" if bundled else ""
    head = re.sub(r"\r\na=group:BUNDLE[^\r\n]*", group, head)
    return "\r\nm=".join([head, *(each.rstrip("\r\n") for each in sections)]) + "\r\n"


def _as_offered(block: str, section: Section, offer: Description) -> str:
    """What aiortc answered, under the offer's protocol (RFC 8829, 5.3.1), and without a name that it did not give."""
    line, *rest = block.split("\r\n")
    kind, port, _, formats = line.split(" ", 3)
    if not offer.has_mids:
        rest = [each for each in rest if not each.startswith("a=mid:")]
    return "\r\n".join([f"{kind} {port} {section.protocol} {formats}", *rest])


def _refusal(section: Section, transport: list[str], offer: Description) -> str:
    """By port 0; aiortc, as a client, insists on a transport in it nevertheless (1.16)."""
    told = [line for line in transport if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return _own(section, 0, "inactive", told, offer)


def _echo(section: Section, direction: str, transport: list[str], offer: Description) -> str:
    return _own(section, 9, direction, transport, offer)


def _own(section: Section, port: int, direction: str, transport: list[str], offer: Description) -> str:
    lines = [f"{section.kind} {port} {section.protocol} {section.formats}", NOWHERE]
    if section.kind in MEDIA:
        lines += [f"a={direction}", "a=rtcp-mux", *section.format_lines]
    elif section.kind == "application":
        lines += _DATA
    names = [f"a=mid:{section.mid}"] if offer.has_mids else []
    return "\r\n".join(lines + names + transport)
