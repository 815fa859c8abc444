"""What the notice policy looks at, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from daemon.rulings.alerting.quiet_hours import QuietHours


class Kind(StrEnum):
    """What a notice is about; in the order in which a full hour's room is given away."""

    OPERATOR = "operator"
    """A channel fails; told to the operators by another."""
    ESCALATED = "escalated"
    """Nobody acknowledged it, so the next contact is told."""
    OPENED = "opened"
    CAUSE_CHANGED = "cause_changed"
    RESOLVED = "resolved"
    REMINDER = "reminder"


ALARMS = frozenset({Kind.OPENED, Kind.ESCALATED})
"""The kinds by which a contact first hears of an incident; nothing else may wake anybody."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`cap` notices per contact in any hour; more than `digest_above` subjects become one notice.

    Incidents of one shop that open within `group_wait` share a notice.
    """

    group_wait: timedelta = timedelta(minutes=1)
    escalate_after: timedelta = timedelta(minutes=30)
    remind_after: timedelta = timedelta(hours=24)
    cap: int = 6
    digest_above: int = 3


@dataclass(frozen=True, slots=True)
class Contact:
    """One person by one channel; `rank` 0 is told first, higher ranks when nobody acknowledges.

    `shops` are those whose incidents concern the contact. An `operator` hears of seeds' faults and
    failing channels. `gap`, at most an hour, is the least time between two notices. `wakes` lets a
    critical incident through quiet hours; it always passes the gap, and nothing passes the cap.
    """

    name: str
    language: str
    zone: str
    channel: str
    shops: frozenset[str] = frozenset()
    rank: int = 0
    operator: bool = False
    quiet: QuietHours | None = None
    wakes: bool = False
    gap: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as the policy sees it; each relapse begins a new `episode` at `opened_at`.

    `for_operator` marks a seed's fault, which no shop owner is told of.
    """

    id: str
    shop: str
    opened_at: datetime
    cause: str
    episode: int = 1
    critical: bool = False
    for_operator: bool = False
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the log: in notice `key`, `contact` was told `kind` about `about`.

    `about` is an incident's id, or the channel of an operator's notice. A notice about several
    incidents has a line for each. `given_up` says that it never reached the contact.
    """

    key: str
    contact: str
    kind: Kind
    at: datetime
    about: str
    episode: int = 0
    cause: str = ""
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Notice `key` to `contact` was given up: `channel` did not take it."""

    key: str
    contact: str
    channel: str


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to make now; `about` holds the incidents' ids, or the channel that fails.

    `told` are the lines to log for it. Several incidents are one notice that says how many.
    """

    contact: str
    kind: Kind
    about: tuple[str, ...]
    key: str
    told: tuple[Told, ...]
