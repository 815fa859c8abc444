"""What was found and not yet judged: the judge's queue is the rows of the messages themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from daemon.ledger.schema import UNJUDGED, probes, raws

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

SUBMISSION = "submission"
"""The finding on a refused submission, made before the message is ever seen."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """A probe's message as it was found, with what the judge must know of the probe."""

    probe: str
    shop: str
    route: str
    provider: str
    seed: str
    sighted_at: datetime
    received_at: datetime | None
    raw: bytes = field(repr=False)
    truncated: bool


async def unjudged(conn: AsyncConnection, *, limit: int) -> list[Unjudged]:
    """Probes whose message waits for the checks, those found first first.

    `findings.add` takes a probe out of the queue.
    """
    whose = probes.c.shop, probes.c.route, probes.c.provider, probes.c.seed
    when = probes.c.sighted_at, probes.c.received_at
    columns = select(raws.c.probe, *whose, *when, raws.c.raw, raws.c.truncated)
    waiting = columns.join_from(raws, probes).where(UNJUDGED)
    rows = await conn.execute(waiting.order_by(raws.c.stored_at, raws.c.probe).limit(limit))
    return [Unjudged(*row) for row in rows]
