"""Failed addresses and a server's words in a text that was written for people."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.intake.bounces.addresses import ADDRESS, cleaned
from daemon.intake.bounces.phrases import phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_LINES = 2_000
LONGEST_LINE = 1_000
LONGEST_WORDS = 2_000
_AFTER = 14
"""Lines below an address that may still speak of it."""

_A = ADDRESS.pattern
# The forms in which mail systems put a failed address, the surest first.
FORMS = tuple(re.compile(form.replace("ADDRESS", _A), re.IGNORECASE) for form in phrases()["forms"])
_REPLY = re.compile(
    r"(?<![\w.:/-])#?([45]\d\d)(?:[ -]|(?=[,:;)\]]))(?:\s{0,2}#?([45]\.\d{1,3}\.\d{1,3})(?![\d.]))?"
)
_CODES = frozenset(
    [
        "420",
        "421",
        "422",
        "431",
        "432",
        "441",
        "442",
        "446",
        "447",
        "449",
        "450",
        "451",
        "452",
        "454",
        "455",
        "471",
        "472",
        "500",
        "501",
        "502",
        "503",
        "504",
        "510",
        "511",
        "512",
        "513",
        "515",
        "517",
        "521",
        "523",
        "530",
        "531",
        "534",
        "535",
        "538",
        "540",
        "541",
        "542",
        "543",
        "544",
        "546",
        "547",
        "550",
        "551",
        "552",
        "553",
        "554",
        "555",
        "556",
        "557",
        "558",
        "559",
        "570",
        "571",
        "572",
        "577",
    ]
)
_STATUS = re.compile(r"(?<![\w.])#?([45]\.[0-7]\.\d{1,3})(?![\d.])")


@dataclass(frozen=True, slots=True)
class Named:
    """An address that a text names as failed, and the words around it."""

    address: str
    words: str


def named(text: str) -> Iterator[tuple[Named, ...]]:
    """What each of the forms finds, the surest form first."""
    lines = [line[:LONGEST_LINE] for line in text.split("\n")[:MOST_LINES]]
    for form in FORMS:
        found = [
            Named(cleaned(match["a"]), _words(lines, number))
            for number, line in enumerate(lines)
            if "@" in line and (match := form.search(line))
        ]
        if found:
            yield tuple(found)


def _words(lines: list[str], number: int) -> str:
    """The line and what follows, up to an empty line after words, or to another address."""
    words, after = [lines[number]], False
    for line in lines[number + 1 : number + _AFTER]:
        bare = line.strip()
        other = FORMS[3].search(line)
        if (not bare and after) or (other and other["a"] not in lines[number]):
            break
        after = after or bool(bare)
        words.append(bare)
    return "\n".join(words)[:LONGEST_WORDS]


def quoted(words: str) -> tuple[int | None, str | None]:
    """The SMTP reply code and the status (RFC 3463) that the words quote."""
    replies = [m for m in _REPLY.finditer(words[:LONGEST_WORDS]) if m[1] in _CODES]
    whole = next((m for m in replies if m[2]), None) or next(iter(replies), None)
    code = int(whole[1]) if whole else None
    status = whole[2] if whole and whole[2] else None
    loose = _STATUS.search(words[:LONGEST_WORDS])
    return code, status or (loose[1] if loose else None)
