"""Tag=value lists (RFC 6376 3.2), the syntax of DKIM signatures, DKIM keys and DMARC records."""

from __future__ import annotations

import re

_TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_WHITE = " \t\r\n"
_REMOVED = str.maketrans("", "", _WHITE)


class TagListError(ValueError):
    """The text is no tag list; the message says where."""


def parse_tag_list(text: str) -> dict[str, str]:
    """The tags in their order, values stripped; raises TagListError, also on a repeated tag."""
    tags: dict[str, str] = {}
    for spec in _specs(text):
        name, equals, value = spec.partition("=")
        name = name.strip(_WHITE)
        if not equals or not _TAG_NAME.match(name):
            raise TagListError(f"{spec[:40].strip()!r} is no tag=value")
        if name in tags:
            raise TagListError(f"the tag {name}= stands twice")
        tags[name] = value.strip(_WHITE)
    return tags


def without_white_space(value: str) -> str:
    """`value` without any folding white space, for base64 and lists (RFC 6376 2.4)."""
    return value.translate(_REMOVED)


def items(value: str) -> tuple[str, ...]:
    """The members of a colon-separated list, stripped, in lower case."""
    return tuple(item.strip(_WHITE).lower() for item in value.split(":"))


def _specs(text: str) -> list[str]:
    specs = text.split(";")
    # One final semicolon is part of the grammar.
    return specs[:-1] if not specs[-1].strip(_WHITE) else specs
