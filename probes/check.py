"""What one check is; each file in probes/checks exports one as `CHECK`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.letter import Letter, read_letter
from probes.observation import Finding, Severity, Specimen
from probes.resolver import Resolver, once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOT_EVALUABLE = "not evaluable"


@dataclass(frozen=True, slots=True)
class Check:
    """A named question about a received message.

    `examine` returns at least one finding, each named after the check. It raises TooHostile when
    the message breaks a cap of `probes.letter`; `examine_all` turns that into a finding.
    """

    name: str
    examine: Callable[[Specimen, Resolver], Awaitable[tuple[Finding, ...]]]


def not_evaluable(check: str, reason: str, **evidence: object) -> Finding:
    """A finding that blames nobody: the check could not be made, for `reason` (a sentence)."""
    return Finding(check, NOT_EVALUABLE, Severity.UNKNOWN, reason, evidence)


@once
async def letter_of(specimen: Specimen, _resolver: Resolver) -> Letter:
    """The specimen's letter, read once per examination; raises TooHostile.

    A message without any CRLF was saved to a file with bare LF: it gets its CRLF back, else no
    body hash could hold. Mixed line ends are left as they are.
    """
    raw = specimen.raw
    return read_letter(raw if b"\r\n" in raw else raw.replace(b"\n", b"\r\n"))
