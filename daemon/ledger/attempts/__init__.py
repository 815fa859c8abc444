"""Attempts: one sending of a mail by one route, claimed with a lease, moved with a fence.

async with ledger.write() as conn:
for claimed in await attempts.claim(conn, holder=…, now=…, lease_until=…, limit=100): ...
if await moves.begin(claimed, at=…, due_at=…):  # before connecting
...
if await moves.data_sent(claimed):  # before the final dot
...
await moves.settle(claimed, Settled(AttemptState.ACCEPTED, at=…, …))
"""

from daemon.ledger.attempts.again import again
from daemon.ledger.attempts.claim import any_due, claim, claim_now, ways
from daemon.ledger.attempts.leases import heartbeat, reap, release
from daemon.ledger.attempts.moves import Moves
from daemon.ledger.attempts.reads import counts, get, history, queue
from daemon.ledger.attempts.rows import (
    AttemptRow,
    Claimed,
    Counts,
    MailMove,
    NextAttempt,
    Past,
    Queue,
    QueuedRow,
    Reaped,
    Settled,
    TryRow,
)

__all__ = [
    "AttemptRow",
    "Claimed",
    "Counts",
    "MailMove",
    "Moves",
    "NextAttempt",
    "Past",
    "Queue",
    "QueuedRow",
    "Reaped",
    "Settled",
    "TryRow",
    "again",
    "any_due",
    "claim",
    "claim_now",
    "counts",
    "get",
    "heartbeat",
    "history",
    "queue",
    "reap",
    "release",
    "ways",
]
