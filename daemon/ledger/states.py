"""Words that only the ledger stores; all others are `probes.observation`'s."""

from __future__ import annotations

from enum import StrEnum


class SightingKind(StrEnum):
    """Why a probe was seen at a place."""

    FIRST = "first"
    MOVED = "moved"
    """A later look found it elsewhere."""
    AGAIN = "again"
    """A further copy in the same mailbox."""
    REPLAY = "replay"
    """Its token in a message that cannot be ours."""


class MailboxState(StrEnum):
    """Whether a seed's mailbox is being read."""

    OK = "ok"
    FAILING = "failing"
    """The last look failed; it is tried again at `next_try_at`."""
    STOPPED = "stopped"
    """Its login was refused twice: not tried again until its credential changes."""


class NoticeState(StrEnum):
    """What became of a notice."""

    PLANNED = "planned"
    """To be sent at `due_at`; a failed attempt comes back here."""
    SENDING = "sending"
    """Committed before the network is touched; after a crash the lease runs out."""
    SENT = "sent"
    FAILED = "failed"
    """Refused for good, or given up; the operator is told by another channel."""


class Reading(StrEnum):
    """Whether a message was read for what it is about; it is sent on either way."""

    PENDING = "pending"
    READ = "read"
    UNPARSED = "unparsed"
    """It breaks a cap or cannot be taken apart; `problem` says why."""


class AttemptCause(StrEnum):
    """Why an attempt was made."""

    FIRST = "first"
    FAILOVER = "failover"
    """An earlier one failed by its route."""
    PERSON = "person"
    """A person asked for it."""
    RESEND = "resend"
    """It was at risk of staying unseen."""
