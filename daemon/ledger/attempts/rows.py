"""What a sender gets, what it hands back, and what the pages show of an attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.lifecycles.attempt import AttemptState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daemon.ledger.states import AttemptCause
    from daemon.lifecycles.order_mail import MailState
    from probes.observation import Fault

_OVER = frozenset({AttemptState.CANCELLED, AttemptState.REJECTED})
_ENDS = _OVER | {AttemptState.ACCEPTED, AttemptState.DEFERRED, AttemptState.IN_DOUBT}


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt in a sender's hand, with all that sending needs but the message's text.

    `tries` counts those before this one. `fence` is this claim's number, which every write names.
    `suppressed`: the recipient is on the shop's suppression list, so it is not to be sent. `text`:
    the message as it was taken in, when that was asked for.
    """

    attempt: str
    mail: str
    message: str
    shop: str
    route: str
    n: int
    tries: int
    fence: int
    cause: AttemptCause
    recipient: str
    generation: int
    mail_from: str
    message_id: str | None
    smtputf8: bool
    size: int
    received_at: datetime
    expires_at: datetime
    suppressed: bool
    text: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MailMove:
    """Where the mail goes with its attempt, and why, in words for people."""

    state: MailState
    why: str | None = None


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """A further attempt at the same mail, in place of the one that ends."""

    route: str
    due_at: datetime
    cause: AttemptCause


@dataclass(frozen=True, slots=True)
class Settled:
    """How an attempt's try ended, or an attempt that was not tried at all (CANCELLED).

    `outcome` and `stage` are `probes.submission`'s words; `text` is the server's reply, `why` ours.
    DEFERRED leaves the attempt due at the time that was written when the try began. `next` is for
    an attempt that ends here: CANCELLED or REJECTED.
    """

    state: AttemptState
    at: datetime
    why: str | None = None
    outcome: str | None = None
    stage: str | None = None
    code: int | None = None
    enhanced: str | None = None
    text: str | None = None
    fault: Fault | None = None
    meaning: str | None = None
    remedy: str | None = None
    tls_version: str | None = None
    host: str | None = None
    queue_id: str | None = None
    mail: MailMove | None = None
    next: NextAttempt | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for a state that ends no try, or that leaves no room for a `next`."""
        if self.state not in _ENDS:
            raise ValueError(f"a try does not end with the attempt {self.state}")
        if self.next and self.state not in _OVER:
            raise ValueError(f"an attempt that is {self.state} may have no other in its place")


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt as it stands; see `schema.attempts`."""

    id: str
    mail: str
    n: int
    shop: str
    route: str
    cause: AttemptCause
    state: AttemptState
    why: str | None
    queued_at: datetime
    due_at: datetime
    expires_at: datetime
    tries: int
    fence: int
    holder: str | None
    lease_until: datetime | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class TryRow:
    """One time that the network was touched; nothing but its beginning, when a crash ended it."""

    attempt: str
    n: int
    shop: str
    route: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    stage: str | None
    code: int | None
    enhanced: str | None
    text: str | None
    fault: Fault | None
    meaning: str | None
    remedy: str | None
    tls_version: str | None
    host: str | None
    queue_id: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """An attempt with its tries, in order."""

    attempt: AttemptRow
    tries: tuple[TryRow, ...]


@dataclass(frozen=True, slots=True)
class QueuedRow:
    """An attempt that is not over, and whom it is for."""

    attempt: AttemptRow
    recipient: str


@dataclass(frozen=True, slots=True)
class Queue:
    """What is not over: the first due, how many there are by state, when the next is due."""

    rows: tuple[QueuedRow, ...]
    totals: Mapping[AttemptState, int]
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many attempts wait, are in hand, are in doubt; and since when the oldest one is due."""

    waiting: int
    in_hand: int
    in_doubt: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reaped:
    """What senders that died have left: back in the queue, and in doubt (the mails' ids)."""

    queued: int
    in_doubt: tuple[str, ...]
