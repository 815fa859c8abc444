"""Takes a returned message apart: its header, its parts, the text for people, what is returned.

Line ends are made alike first, because old gateways rewrite them. Everything is linear and capped;
the standard library's parser is not used on what strangers wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from daemon.intake.orders.markup import read_markup
from probes.encoded_text import decoded_words
from probes.letter import Letter, TooHostile, read_letter
from probes.parts import parts_of

if TYPE_CHECKING:
    from probes.parts import Part

LONGEST_MESSAGE = 1024 * 1024
"""Bytes looked at; what follows is the returned message."""
LONGEST_TEXT = 64 * 1024
MOST_PARTS = 100

# Longest first; some gateways write "\r\r\n".
_LINE_ENDS = (b"\r\r\n", b"\r\n", b"\r")
_REPORT_TYPE = re.compile(r';\s{0,80}report-type\s{0,8}=\s{0,8}"?([\w-]{1,40})', re.IGNORECASE)
_RETURNED = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/partial",
        "message/news",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822",
        "text/rfc822-header",
        "text/rfc822-headers",
    }
)


@dataclass(frozen=True)
class Anatomy:
    """A message in pieces; `raw` has LF line ends, and is cut after 1 MB."""

    raw: bytes
    letter: Letter
    parts: tuple[Part, ...]

    def value(self, name: str) -> str:
        """The topmost field of that name (lower case), "" when there is none."""
        field = self.letter.first(name)
        return field.value if field else ""

    def words(self, name: str) -> str:
        """As `value`, with encoded words (RFC 2047) decoded."""
        return decoded_words(self.value(name))

    @property
    def report_type(self) -> str:
        """The type of a multipart/report (RFC 6522) in lower case, else ""."""
        named = _REPORT_TYPE.search(self.value("content-type"))
        return named[1].lower() if named else ""

    def content(self, *kinds: str) -> str | None:
        """The first part of one of these media types, at most 64 KB."""
        part = next((part for part in self.parts if part.kind in kinds), None)
        return None if part is None else _text(part)

    @cached_property
    def text(self) -> str:
        """All text for people, plain where there is a plain form, at most 64 KB."""
        plain = [_text(part) for part in self.parts if part.kind == "text/plain"]
        pages = [_text(part) for part in self.parts if part.kind == "text/html"]
        texts = plain if any(map(str.strip, plain)) else [read_markup(page).text for page in pages]
        return "\n".join(texts)[:LONGEST_TEXT]

    @cached_property
    def returned(self) -> str | None:
        """The part that holds the returned message, or its header; at most 64 KB."""
        return self.content(*_RETURNED)


def dissect(raw: bytes) -> Anatomy:
    """Take `raw` apart; raises TooHostile beyond a cap of the header, 100 parts or 20 levels."""
    even = raw[:LONGEST_MESSAGE]
    for end in _LINE_ENDS:
        even = even.replace(end, b"\n")
    even = even.lstrip(b"\n")
    letter = read_letter(even)
    parts = tuple(islice(parts_of(letter), MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise TooHostile(f"it has more than {MOST_PARTS} parts")
    return Anatomy(even, letter, parts)


def _text(part: Part) -> str:
    return part.text(LONGEST_TEXT).replace("\r\n", "\n").replace("\r", "\n")
