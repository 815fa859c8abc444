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
