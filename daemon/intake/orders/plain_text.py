"""Text as it is searched: one kind of space, one kind of digit, no invisible marks.

Long runs are cut, so that a naive pattern stays nearly linear on text that was written to hurt it.
"""

from __future__ import annotations

import re

LONGEST_TEXT = 64 * 1024
"""Characters that are searched."""
LONGEST_NUMBER = 64
_LONGEST_WORD = 256
_LONGEST_LINE = 2000

_DIGITS = {base + n: ord("0") + n for base in (0x0660, 0x06F0) for n in range(10)}
# direction marks, joiners, soft hyphens and the fillers of a hidden first line
_MARKS = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0xFEFF),
        *(*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065)),
        *range(0x2066, 0x2070),
    ]
)
_SPACES = dict.fromkeys([0x00A0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_LINE_ENDS = dict.fromkeys([0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029], "\n")
_TABLE = {**_DIGITS, **_MARKS, **_SPACES, **_LINE_ENDS}
_AT_THE_ENDS = "".join(map(chr, _MARKS)) + " \t\r\n\u00a0#"

_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r" ?\n[ \n]*")
_LONG_WORD = re.compile(rf"(\S{{{_LONGEST_WORD}}})\S+")
_LONG_LINE = re.compile(rf"([^\n]{{{_LONGEST_LINE}}})(?=[^\n])")


def plain(text: str) -> str:
    """`text` with ASCII digits, single spaces, no empty lines; at most 64 K characters."""
    text = text[: 8 * LONGEST_TEXT].replace("\r\n", "\n").translate(_TABLE)
    text = _EMPTY_LINES.sub("\n", _BLANKS.sub(" ", text)).strip()
    return _LONG_LINE.sub("\\1\n", _LONG_WORD.sub(r"\1", text[: 2 * LONGEST_TEXT]))[:LONGEST_TEXT]


def order_number(text: str) -> str | None:
    """The order's number that `text` is, without "#" and what surrounds it; None when it is none.

    A number has 1 to 64 printable characters on one line, and a letter or digit among them.
    """
    number = text.strip(_AT_THE_ENDS).translate(_DIGITS)
    if not 1 <= len(number) <= LONGEST_NUMBER or not number.isprintable():
        return None
    return number if any(letter.isalnum() for letter in number) else None


def one_line(text: str, limit: int) -> str | None:
    """`text` for people, on one line: control characters and direction marks out; None if empty."""
    line = " ".join(text[: 4 * limit].translate(_MARKS).split())
    return "".join(filter(str.isprintable, line))[:limit].strip() or None
