"""Whose form a bounce has: the software or service that wrote it; nothing is decided by it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from daemon.intake.bounces.phrases import phrases

if TYPE_CHECKING:
    from daemon.intake.bounces.anatomy import Anatomy

GENERIC = "generic"
STANDARD = "rfc3464"

_HEADER = 16_000
_NEVER = r"(?!)"
_MARKS: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (
        name,
        re.compile(mark.get("header", _NEVER), re.IGNORECASE),
        re.compile(mark.get("text", _NEVER), re.IGNORECASE),
    )
    for name, mark in phrases()["families"].items()
)


def family(message: Anatomy, *, standard: bool) -> str:
    """The family's name; for an unknown one "rfc3464" or, of text alone, "generic"."""
    header = message.raw[: min(message.letter.body_at, _HEADER)].decode("latin-1")
    text = message.text[:_HEADER]
    for name, in_header, in_text in _MARKS:
        if in_header.search(header) or in_text.search(text):
            return name
    return STANDARD if standard else GENERIC
