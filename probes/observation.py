"""The words in which everything measured is said: placement, sighting, finding.

Pure types, no I/O. Every instant is an aware `datetime` in UTC.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Placement(StrEnum):
    """Where a probe is; the folder is the truth, headers only explain it."""

    INBOX = "inbox"
    TAB = "tab"
    """In the inbox, under a category such as Gmail's updates; `Sighting.tab` names it."""
    SPAM = "spam"
    OTHER = "other"
    """In some other folder: archived, or moved by the user's rule."""
    MISSING = "missing"
    """The mailbox was read after the deadline, and the probe was not in it."""
    UNOBSERVED = "unobserved"
    """The mailbox could not be read: says nothing about the route, never counted as lost."""


class FolderRole(StrEnum):
    """What a folder is to a person who looks for his receipt."""

    INBOX = "inbox"
    SPAM = "spam"
    OTHER = "other"


class MatchedBy(StrEnum):
    """Which part of the message carried the token that was recognised."""

    MESSAGE_ID = "message-id"
    HEADER = "header"
    SUBJECT = "subject"
    BODY = "body"


class Severity(StrEnum):
    """What a finding asks of its reader."""

    OK = "ok"
    NOTICE = "notice"
    """Works today, but fragile or against advice."""
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    """Not evaluable here; never shown as a failure."""


class Fault(StrEnum):
    """Whose doing a refused or deferred submission is."""

    NONE = "none"
    SENDER = "sender"
    """Our route: IP, domain, authentication, TLS, rate or content."""
    SEED = "seed"
    """The addressed mailbox: unknown, full, disabled, receiving too fast."""
    NETWORK = "network"
    """No complete SMTP reply: refused, timed out, TLS failed."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Location:
    """One message in one mailbox; valid while the folder keeps its UIDVALIDITY (RFC 3501)."""

    folder: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was read: every message below `next_uid` has been looked at."""

    uidvalidity: int
    next_uid: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """A probe found in a mailbox.

    `raw` holds the CRLF-exact message, at most the reader's cap; `truncated` says whether the
    cap cut it (then body hashes are not evaluable). `received_at` is the time in the Received
    line that the provider's own host wrote, else None. `internal_date` is IMAP's INTERNALDATE.
    `explanation` holds the provider's own words about the delivery, for people.
    """

    probe: str
    seed: str
    matched_by: MatchedBy
    placement: Placement
    location: Location
    internal_date: datetime
    seen_at: datetime
    raw: bytes = field(repr=False)
    size: int
    tab: str | None = None
    received_at: datetime | None = None
    truncated: bool = False
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Specimen:
    """What the checks look at: a message and whose trace lines in it may be believed.

    `trusted_hosts` are host-name suffixes ("google.com") of the provider whose mailbox was read:
    only a Received or Authentication-Results line written by such a host is believed. Empty means
    that nothing in the message may be trusted, and SPF is then not evaluable.
    `signed_at` bounds expiry checks: the time the provider received the message, else now.
    """

    raw: bytes = field(repr=False)
    signed_at: datetime
    trusted_hosts: tuple[str, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result: a named status, its evidence, one sentence of remedy.

    `status` is the RFC's own word where it has one (RFC 8601: none, pass, fail, softfail, neutral,
    policy, temperror, permerror), else a short phrase such as "not evaluable". `evidence` holds
    JSON values only. `remedy` is None when there is nothing to do.
    """

    check: str
    status: str
    severity: Severity
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    remedy: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Finding:
        """The inverse of `as_json`; raises ValueError or TypeError on a foreign shape."""
        return cls(**{**record, "severity": Severity(record["severity"])})
