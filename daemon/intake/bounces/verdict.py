"""What a message that came back says: which mail to whom failed, how badly, why, whose fault."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping


class BounceKind(StrEnum):
    """What came back."""

    BOUNCE = "bounce"
    """The mail was given up."""
    DELAY = "delay"
    """A server keeps trying; nothing has failed yet."""
    COMPLAINT = "complaint"
    """The recipient called the mail spam (RFC 5965)."""


class NoBounceKind(StrEnum):
    """What a message is that says nothing about a failed delivery."""

    AUTOREPLY = "autoreply"
    """A machine's answer or report: received, read, displayed, delivered."""
    VACATION = "vacation"
    CHALLENGE = "challenge"
    """It wants somebody to click before it delivers."""
    LIST = "list"
    ORDINARY = "ordinary"
    UNREADABLE = "unreadable"
    """It breaks a cap, or reading it took too long."""


class Reason(StrEnum):
    """Why a mail came back; RFC 3463's words where it has them."""

    USER_UNKNOWN = "user unknown"
    HOST_UNKNOWN = "host unknown"
    MAILBOX_FULL = "mailbox full"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    POLICY = "policy"
    AUTHENTICATION = "authentication"
    NO_PTR = "no ptr"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate limited"
    SPAM = "spam"
    CONTENT = "content"
    TOO_BIG = "too big"
    NOT_ACCEPTING = "not accepting mail"
    SYSTEM_ERROR = "system error"
    NETWORK_ERROR = "network error"
    COMPLAINT = "complaint"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient's failure.

    `address` is "" when the bounce names nobody. `severity` is the class of RFC 3463, 4 or 5;
    `status` the whole status where one is quoted, and `code` the SMTP reply code. `hard` says that
    the address will never take mail: no such user, no such host, or a host that takes none.
    `text` holds the server's words on one printable line of at most 1,000 characters.
    """

    address: str
    severity: int
    status: str | None
    code: int | None
    reason: Reason
    hard: bool
    fault: Fault
    text: str
    remote_mta: str | None = None


@dataclass(frozen=True, slots=True)
class Bounce:
    """A bounce, delay warning or complaint; `recipients` holds at least one failure.

    `family` names the software or service whose form it has. `textual` says that no part of it was
    meant for machines: such a bounce alone is no proof.
    """

    kind: BounceKind
    recipients: tuple[Failure, ...]
    original_message_id: str | None
    family: str
    textual: bool

    def as_json(self) -> dict[str, Any]:
        """The bounce as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class NoBounce:
    """Not a bounce, and a sentence why."""

    kind: NoBounceKind
    why: str

    def as_json(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


def from_json(record: Mapping[str, Any]) -> Bounce | NoBounce:
    """The inverse of `as_json`; raises ValueError, KeyError or TypeError on a foreign shape."""
    if "why" in record:
        return NoBounce(NoBounceKind(record["kind"]), record["why"])
    failures = tuple(
        Failure(**{**one, "reason": Reason(one["reason"]), "fault": Fault(one["fault"])})
        for one in record["recipients"]
    )
    return Bounce(**{**record, "kind": BounceKind(record["kind"]), "recipients": failures})
