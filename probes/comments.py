"""Comments and quoted strings in structured header fields (RFC 5322 3.2), in one pass."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Part(Enum):
    """What a character belongs to."""

    PLAIN = "plain"
    QUOTED = "quoted"
    COMMENT = "comment"


def without(text: str, *parts: Part) -> str:
    """`text` without the given parts; an unclosed comment or string runs to the end."""
    return "".join(character for character, part in _sorted_out(text) if part not in parts)


def _sorted_out(text: str) -> Iterator[tuple[str, Part]]:
    depth, part, escaped = 0, Part.PLAIN, False
    for character in text:
        if escaped or (character == "\\" and part is not Part.PLAIN):
            escaped = not escaped
            yield character, part
        elif part is Part.QUOTED:
            yield character, part
            part = Part.PLAIN if character == '"' else part
        elif character == '"' and part is Part.PLAIN:
            part = Part.QUOTED
            yield character, part
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
            yield character, Part.COMMENT
            part = Part.COMMENT if depth else Part.PLAIN
        else:
            yield character, part
