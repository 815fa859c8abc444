"""PURE: the header of a message as it came in: measured, and asked a few questions.

No email parser looks at it before the 250: they take minutes for what somebody made to hurt them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake import replies
from daemon.intake.replies import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 128 * 1024
LARGEST_FIELD = 16 * 1024
MOST_FIELDS = 1_000
LONGEST_MESSAGE_ID = 998

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)\r\n")


@dataclass(frozen=True, slots=True)
class Header:
    """The fields in order: names in lower case, values as they stand, folded.

    `size` is what they occupy, without the empty line behind them.
    """

    fields: tuple[tuple[bytes, bytes], ...]
    size: int
    message_id: str | None
    """Message-ID without its angle brackets; None when there is none to speak of."""

    def values(self, *names: bytes) -> Iterator[bytes]:
        """The values of the fields of these names, given in lower case."""
        return (value for name, value in self.fields if name in names)

    def first(self, name: bytes) -> bytes | None:
        """The value of the first field of that name."""
        return next(self.values(name), None)


def read_header(content: bytes) -> Header:
    """The header of `content`, whose lines end with CRLF. Raises Refused when it is too big.

    It ends at the first line that is no field: the empty one, in a message as it should be.
    """
    fields, end = [], 0
    while match := _FIELD.match(content, end):
        fields.append((match[1].lower(), match[2]))
        size, end = match.end() - end, match.end()
        if size > LARGEST_FIELD or end > LARGEST or len(fields) > MOST_FIELDS:
            raise Refused(replies.HEADER_TOO_BIG)
    value = next((value for name, value in fields if name == b"message-id"), b"")
    return Header(tuple(fields), end, _message_id(value))


def _message_id(value: bytes) -> str | None:
    text = b"".join(value.split()).decode("utf-8", "replace")
    text = text.removeprefix("<").removesuffix(">")[:LONGEST_MESSAGE_ID]
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text or None
