"""Why a mail came back, and whose fault it is, from the server's words and its status.

Words come first, since many servers write 5.0.0, 5.2.1 or 5.7.1 to everything: `reasons.tsv`, whose
first row that fits decides, in the grammar of `probes/smtp_replies.tsv` (alternatives parted by
" | ", each of pieces parted by " + " that all occur), except that a piece begins where a word does.
Then what `probes.replies` knows of a quoted
reply, then the bare status of RFC 3463.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from daemon.intake.bounces.phrases import phrases
from daemon.intake.bounces.verdict import Reason
from probes.observation import Fault
from probes.replies import classify

LONGEST = 2_000

# Of names with dots, Exchange's own exceptions say something: RESOLVER.ADR.RecipNotFound.
_ADDRESSES = re.compile(
    r"\S{1,100}@\S{1,200}|https?:\S{1,500}"
    r"|\b(?!resolver\.|storedrv\.|queue\.|smtpsend\.)[\w-]{1,60}(?:\.[\w-]{1,60}){2,8}\b"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What a server said of one recipient: its reply code, its status, its words."""

    code: int | None
    status: str | None
    words: str
    host: str = ""
    """Who said it; tells the provider whose codes these are."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, and whose fault."""

    reason: Reason
    fault: Fault


_UNKNOWN = Cause(Reason.UNKNOWN, Fault.UNKNOWN)

# by subject and detail of RFC 3463; "1" alone stands for every further detail of its subject
_STATUSES = {
    "1.2": Cause(Reason.HOST_UNKNOWN, Fault.SEED),
    "1.7": Cause(Reason.POLICY, Fault.SENDER),
    "1.8": Cause(Reason.POLICY, Fault.SENDER),
    "1.0": _UNKNOWN,
    "1": Cause(Reason.USER_UNKNOWN, Fault.SEED),
    "2.1": Cause(Reason.SUSPENDED, Fault.SEED),
    "2.2": Cause(Reason.MAILBOX_FULL, Fault.SEED),
    "2.3": Cause(Reason.TOO_BIG, Fault.SENDER),
    "3.4": Cause(Reason.TOO_BIG, Fault.SENDER),
    "3": Cause(Reason.SYSTEM_ERROR, Fault.UNKNOWN),
    "4.0": Cause(Reason.NETWORK_ERROR, Fault.NETWORK),
    "4.4": Cause(Reason.HOST_UNKNOWN, Fault.SEED),
    "4.6": Cause(Reason.SYSTEM_ERROR, Fault.UNKNOWN),
    "4.7": Cause(Reason.EXPIRED, Fault.NETWORK),
    "4": Cause(Reason.NETWORK_ERROR, Fault.NETWORK),
    "5": Cause(Reason.SYSTEM_ERROR, Fault.UNKNOWN),
    "6": Cause(Reason.CONTENT, Fault.SENDER),
    "7.25": Cause(Reason.NO_PTR, Fault.SENDER),
    **{f"7.{n}": Cause(Reason.AUTHENTICATION, Fault.SENDER) for n in (20, 21, 22, 23, 24, 26)},
    "7": Cause(Reason.POLICY, Fault.SENDER),
}

_PROVIDERS = (
    ("gmail", ("google.com", "googlemail.com", "gmail.com", "gsmtp")),
    ("outlook", ("outlook.com", "hotmail.com", "office365", "protection.outlook", "live.com")),
    ("yahoo", ("yahoodns.net", "yahoo.com", "yahoo.co", "aol.com", "mx.aol")),
    ("icloud", ("icloud.com", "apple.com", "me.com")),
)
_ROWS = tuple((Reason(reason), tuple(rows)) for reason, rows in phrases()["replies"].items())


@dataclass(frozen=True, slots=True)
class _Row:
    """A cause; one of `phrases` occurs, or all pieces of one of `sets` do."""

    cause: Cause
    phrases: re.Pattern[str]
    sets: tuple[tuple[re.Pattern[str], ...], ...]

    def fits(self, line: str) -> bool:
        whole = any(all(piece.search(line) for piece in pieces) for pieces in self.sets)
        return whole or self.phrases.search(line) is not None


@cache
def _table() -> tuple[_Row, ...]:
    source = (files(__package__) / "reasons.tsv").read_text("utf-8")
    return tuple(_row(line) for line in csv.DictReader(source.splitlines(), dialect=csv.excel_tab))


def _row(line: dict[str, str]) -> _Row:
    ways = [way.split(" + ") for way in line["words"].split(" | ")]
    return _Row(
        Cause(Reason(line["reason"]), Fault(line["fault"])),
        _phrases([way[0] for way in ways if len(way) == 1]),
        tuple(tuple(_phrases([piece]) for piece in way) for way in ways if len(way) > 1),
    )


def _phrases(phrases: list[str]) -> re.Pattern[str]:
    """Any of the phrases where a word begins: "rbl" is no part of "marble"."""
    return re.compile("|".join(rf"(?<![a-z]){re.escape(phrase)}" for phrase in phrases))


def cause_of(said: Said, *, delayed: bool = False) -> Cause:
    """Why the mail came back, `Reason.UNKNOWN` when nothing tells; nothing delayed is expired."""
    told = (worded(said.words, delayed=delayed), _quoted(said), _by_status(said.status))
    causes = [cause for cause in told if cause and not (delayed and _over(cause))]
    exact = (cause for cause in causes if cause.reason not in VAGUE)
    return next(exact, causes[0] if causes else _UNKNOWN)


def worded(words: str, *, delayed: bool = False) -> Cause | None:
    """What the words alone say; addresses and host names are no words."""
    line = _line(words)
    causes = (row.cause for row in _table() if row.fits(line))
    return next((cause for cause in causes if not (delayed and _over(cause))), None)


def _line(words: str) -> str:
    return " ".join(_ADDRESSES.sub(" ", words[:LONGEST].lower()).replace("’", "'").split())


def _over(cause: Cause) -> bool:
    return cause.reason is Reason.EXPIRED


def _quoted(said: Said) -> Cause | None:
    """What `probes.replies` knows of the reply."""
    if said.code is None:
        return None
    reply = classify(provider_of(said.host, said.words), said.code, said.status, _line(said.words))
    named = (reason for reason, rows in _ROWS if reply.row.startswith(rows))
    reason = next(named, None)
    return Cause(reason, reply.fault) if reason else None


def provider_of(host: str, words: str = "") -> str | None:
    """The mailbox provider (as `probes.replies` names it) whose server said this."""
    for text in (host.lower(), words[:LONGEST].lower()):
        for provider, marks in _PROVIDERS:
            if any(mark in text for mark in marks):
                return provider
    return None


def _by_status(status: str | None) -> Cause | None:
    if status is None:
        return None
    _, subject, detail = status.split(".")
    return _STATUSES.get(f"{subject}.{detail}") or _STATUSES.get(subject)


def is_hard(cause: Cause, severity: int) -> bool:
    """Whether the address will never take mail."""
    return severity == 5 and cause.reason in {
        Reason.USER_UNKNOWN,
        Reason.HOST_UNKNOWN,
        Reason.NOT_ACCEPTING,
    }


TEMPORARY = frozenset(
    {
        Reason.MAILBOX_FULL,
        Reason.EXPIRED,
        Reason.NETWORK_ERROR,
        Reason.RATE_LIMITED,
        Reason.SYSTEM_ERROR,
    }
)
"""Reasons that pass, where no code says otherwise."""

VAGUE = frozenset({Reason.POLICY, Reason.SYSTEM_ERROR, Reason.UNKNOWN})
"""Reasons that a more exact one, told elsewhere in the same bounce, overrules."""
