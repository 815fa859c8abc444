"""Splits raw bytes into header fields and body, in linear time and within caps.

The standard library's parser is not used: some of its header grammars take quadratic time, and
what is examined here was written by strangers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MAX_HEADER_BLOCK = 128 * 1024
MAX_FIELD = 16 * 1024
MAX_FIELDS = 1000

# ftext (RFC 5322 3.6.8), and the obsolete white space before the colon (RFC 5322 4.5.8).
_FIELD_NAME = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,998})[ \t]{0,78}:")
_LINE_END = re.compile(rb"\r?\n")


class TooHostile(ValueError):  # noqa: N818 - named after the verdict it becomes
    """A message breaks a cap and is not parsed further; the text names the cap."""


@dataclass(frozen=True, slots=True)
class Field:
    """One header field as it stands in the message, line ends included."""

    raw: bytes
    colon: int

    @property
    def name(self) -> str:
        """The field name in lower case."""
        return self.raw[: self.colon].strip().decode("ascii").lower()

    @property
    def body(self) -> bytes:
        """Everything after the colon, folds and the final line end included."""
        return self.raw[self.colon + 1 :]

    @property
    def value(self) -> str:
        """The unfolded body, stripped; bytes that are no UTF-8 become U+FFFD."""
        return _LINE_END.sub(b"", self.body).decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message split at its first empty line; `defects` counts header lines that are no field."""

    raw: bytes = field(repr=False)
    fields: tuple[Field, ...]
    body_at: int
    defects: int = 0

    @property
    def body(self) -> bytes:
        """The bytes after the empty line."""
        return self.raw[self.body_at :]

    def all(self, name: str) -> tuple[Field, ...]:
        """The fields of that name (lower case), topmost first."""
        return tuple(f for f in self.fields if f.name == name)

    def first(self, name: str) -> Field | None:
        """The topmost field of that name (lower case)."""
        return next((f for f in self.fields if f.name == name), None)


def read_letter(raw: bytes) -> Letter:
    """Split `raw`; lines end with CRLF or a bare LF, and a bare CR is an ordinary character.

    Lines that are no field (no colon, a stray fold, an mbox "From ") are counted and left out.
    Raises TooHostile beyond 128 KB of header, 16 KB in one field, or 1,000 fields.
    """
    fields: list[Field] = []
    defects = at = 0
    while at < len(raw):
        end = _field_end(raw, at)
        if raw[at:end] in {b"\r\n", b"\n"}:
            return Letter(raw, tuple(fields), end, defects)
        _demand_caps(end, end - at, len(fields))
        named = _FIELD_NAME.match(raw, at, end)
        if named:
            fields.append(Field(raw[at:end], named.end() - 1 - at))
        else:
            defects += 1
        at = end
    return Letter(raw, tuple(fields), len(raw), defects)


def _field_end(raw: bytes, at: int) -> int:
    """Where the field that begins at `at` ends, its folded lines included."""
    end = _line_end(raw, at)
    if raw[at:end] in {b"\r\n", b"\n"}:
        return end
    while end - at <= MAX_FIELD and raw[end : end + 1] in {b" ", b"\t"}:
        end = _line_end(raw, end)
    return end


def _line_end(raw: bytes, at: int) -> int:
    newline = raw.find(b"\n", at)
    return len(raw) if newline < 0 else newline + 1


def _demand_caps(end: int, length: int, count: int) -> None:
    if length > MAX_FIELD:
        raise TooHostile(f"a header field is longer than {MAX_FIELD} bytes")
    if end > MAX_HEADER_BLOCK:
        raise TooHostile(f"the header is longer than {MAX_HEADER_BLOCK} bytes")
    if count >= MAX_FIELDS:
        raise TooHostile(f"the header has more than {MAX_FIELDS} fields")
