"""Says what an SMTP reply means: whose fault, in a sentence for people, and what to do.

The table is `smtp_replies.tsv`; its first row that fits decides, a provider's own rows before the
general ones ("*"), which follow RFC 5321 and RFC 3463. A row fits when each of its columns does:

- `codes`: beginnings of the reply code, "5" or "421";
- `enhanced`: statuses of RFC 3463, "5.7.26", "*.1.1" for either class, "5.7.606-649";
- `words`: alternatives parted by " | ", each of pieces parted by " + " that all occur.

An empty column fits everything. There are no patterns that could be slow.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING

from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_TEXT = 2_000
ANY = "*"

_CODES = re.compile(r"(?<![\d.])(?:([2-5]\d\d)[ -])?([245]\.\d{1,3}\.\d{1,3})(?![\d.])")


class ReplyKind(StrEnum):
    """What a reply does with the mail."""

    ACCEPTED = "accepted"
    DEFER = "defer"
    REJECT = "reject"
    AUTH = "auth"
    """The login to the route was refused; nothing was said about the mail."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply means; `row` names the line of the table that decided."""

    kind: ReplyKind
    fault: Fault
    meaning: str
    remedy: str
    row: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as the module's docstring describes it."""

    id: str
    providers: frozenset[str]
    codes: tuple[str, ...]
    enhanced: frozenset[str]
    words: tuple[tuple[str, ...], ...]
    kind: ReplyKind | None
    fault: Fault
    meaning: str
    remedy: str

    def fits(self, code: str, enhanced: str | None, text: str) -> bool:
        """Whether this row speaks of such a reply; `text` is in lower case."""
        return (
            code.startswith(self.codes or "")
            and (not self.enhanced or enhanced in self.enhanced)
            and (not self.words or any(all(p in text for p in pieces) for pieces in self.words))
        )


_ACCEPTED = Reply(
    ReplyKind.ACCEPTED, Fault.NONE, "The server took the mail.", "Nothing to do.", "accepted"
)
_SILENCE = Reply(
    ReplyKind.DEFER,
    Fault.NETWORK,
    "The server could not be reached, or gave no complete answer.",
    "Check host, port, TLS and certificate of the route, and the network between.",
    "silence",
)


def classify(provider: str | None, code: int | None, enhanced: str | None, text: str) -> Reply:
    """Read a reply about mail to a mailbox at `provider` (a mailbox kind such as "gmail").

    `code` None, or one that ends nothing (RFC 5321 section 4.2.1), means that there was no complete
    reply. Codes that a relay quotes from the provider count like its own.
    """
    if code is None or code // 100 not in {2, 4, 5}:
        return _SILENCE
    if code < 300:
        return _ACCEPTED
    line = text[:LONGEST_TEXT]
    pairs = [*_quoted(line, code), (str(code), enhanced)]
    words = " ".join(_CODES.sub(" ", line).lower().split())
    rows = (row for row in _table() if ANY in row.providers or provider in row.providers)
    row = next(row for row, pair in product(rows, pairs) if row.fits(*pair, words))
    kind = row.kind or (ReplyKind.DEFER if code < 500 else ReplyKind.REJECT)
    return Reply(kind, row.fault, row.meaning, row.remedy, row.id)


def _quoted(text: str, code: int) -> Iterator[tuple[str, str]]:
    """Codes within the text, "550-5.7.26" or "5.7.26"; the bare ones belong to `code`'s class."""
    for match in _CODES.finditer(text):
        yield match[1] or f"{match[2][0]}{code % 100:02}", match[2]


@cache
def _table() -> tuple[Row, ...]:
    source = (files(__package__) / "smtp_replies.tsv").read_text("utf-8")
    lines = csv.DictReader(source.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(_row(line) for line in lines)


def _row(line: dict[str, str]) -> Row:
    return Row(
        id=line["id"],
        providers=frozenset(line["providers"].split()),
        codes=tuple(line["codes"].split()),
        enhanced=frozenset(s for span in line["enhanced"].split() for s in _statuses(span)),
        words=tuple(tuple(way.split(" + ")) for way in line["words"].split(" | ") if way),
        kind=ReplyKind(line["kind"]) if line["kind"] else None,
        fault=Fault(line["fault"]),
        meaning=line["meaning"],
        remedy=line["remedy"],
    )


def _statuses(span: str) -> Iterator[str]:
    """Every status that "5.7.26", "*.1.1" or "5.7.606-649" stands for."""
    kind, subject, detail = span.split(".")
    first, _, last = detail.partition("-")
    for digit, number in product(
        "45" if kind == ANY else kind, range(int(first), int(last or first) + 1)
    ):
        yield f"{digit}.{subject}.{number}"
