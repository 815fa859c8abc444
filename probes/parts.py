"""The parts of a message (RFC 2046 5.1), in linear time and within caps; nothing is decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from probes.encoded_text import from_charset, transfer_decoded
from probes.letter import MAX_FIELD, MAX_HEADER_BLOCK, Letter, TooHostile, read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARTS = 1000
MAX_DEPTH = 20
MAX_WALK = 8 * 1024 * 1024
"""Bytes of a message that are looked at; what is written for people stands before attachments."""
_MOST_FALSE_BOUNDARIES = 10_000
_LONGEST_VALUE = 1000

_PARAMETER = re.compile(r';\s*([\w*-]{1,40})\s*=\s*(?:"([^"]{0,200})"|([^\s;"]{1,200}))')
_END_OF_BOUNDARY = re.compile(rb"(--)?[ \t]{0,100}(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is no multipart, `raw[start:end]` of its message, still encoded.

    `kind` is the media type in lower case ("text/html", "message/rfc822").
    """

    raw: bytes = field(repr=False)
    start: int
    end: int
    kind: str
    charset: str
    encoding: str
    attached: bool

    def text(self, limit: int) -> str:
        """The content as characters, of at most `limit` encoded bytes."""
        content = self.raw[self.start : min(self.end, self.start + limit)]
        return from_charset(transfer_decoded(content, self.encoding), self.charset)

    def message(self, limit: int) -> bytes:
        """The bytes of a message/rfc822, at most `limit`."""
        return self.raw[self.start : min(self.end, self.start + limit)]


@dataclass(slots=True)
class _Walk:
    """One message's caps."""

    raw: bytes
    parts: int = 0
    false_boundaries: int = 0

    def into(self, letter: Letter, start: int, end: int, depth: int) -> Iterator[Part]:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise TooHostile(f"it has more than {MAX_PARTS} parts")
        if depth > MAX_DEPTH:
            raise TooHostile(f"its parts are nested more than {MAX_DEPTH} deep")
        kind, parameters = _content_type(letter)
        boundary = parameters.get("boundary", "")
        if not kind.startswith("multipart/") or not boundary:
            yield _leaf(self.raw, letter, start, end)
            return
        for at, until in self._between(boundary.encode("utf-8", "replace"), start, end):
            head = read_letter(self.raw[at : min(until, at + MAX_HEADER_BLOCK + MAX_FIELD)])
            yield from self.into(head, at + head.body_at, until, depth + 1)

    def _between(self, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where each part begins and ends, its boundaries and their line ends left out."""
        opened, at = None, start - 1
        mark = b"\n--" + boundary
        while (found := self.raw.find(mark, max(at, 0), end)) >= 0:
            closing = _END_OF_BOUNDARY.match(self.raw, found + len(mark), end)
            if closing is None:
                at = self._false_boundary(found)
                continue
            if opened is not None:
                yield opened, max(opened, found - (self.raw[found - 1 : found] == b"\r"))
            if closing[1]:
                return
            opened = closing.end()
            at = opened - 1
        if opened is not None:
            yield opened, end

    def _false_boundary(self, found: int) -> int:
        self.false_boundaries += 1
        if self.false_boundaries > _MOST_FALSE_BOUNDARIES:
            raise TooHostile("too many of its lines look like boundaries")
        return found + 1


def parts_of(letter: Letter, depth: int = 0) -> Iterator[Part]:
    """The parts that are no multipart, in order; messages inside are not entered.

    Raises TooHostile beyond 1,000 parts or 20 levels, of which `depth` are used up already.
    """
    end = min(len(letter.raw), MAX_WALK)
    yield from _Walk(letter.raw).into(letter, letter.body_at, end, depth)


def _leaf(raw: bytes, letter: Letter, start: int, end: int) -> Part:
    kind, parameters = _content_type(letter)
    # A multipart without its boundary is at least text that somebody may read.
    kind = "text/plain" if kind.startswith("multipart/") else kind
    attached = _value(letter, "content-disposition").lower().startswith("attachment")
    encoding = _value(letter, "content-transfer-encoding")
    return Part(raw, start, end, kind, parameters.get("charset", ""), encoding, attached)


def _content_type(letter: Letter) -> tuple[str, dict[str, str]]:
    value = _value(letter, "content-type")
    kind = value.partition(";")[0].strip().lower()
    found = {m[1].lower(): m[2] or m[3] or "" for m in _PARAMETER.finditer(value)}
    return kind if "/" in kind else "text/plain", found


def _value(letter: Letter, name: str) -> str:
    found = letter.first(name)
    return found.value[:_LONGEST_VALUE] if found else ""
