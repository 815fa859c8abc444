"""What was found and not yet judged: the judge's queue is the probes' own rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import exists, select

from daemon.ledger.schema import findings, probes, raws

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


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
    """Probes whose message is stored and has no findings, those found first first."""
    judged = exists().where(findings.c.probe == probes.c.id)
    columns = select(
        probes.c.id,
        probes.c.shop,
        probes.c.route,
        probes.c.provider,
        probes.c.seed,
        probes.c.sighted_at,
        probes.c.received_at,
        raws.c.raw,
        raws.c.truncated,
    )
    waiting = columns.join(raws, raws.c.probe == probes.c.id).where(~judged)
    rows = await conn.execute(waiting.order_by(raws.c.stored_at, probes.c.id).limit(limit))
    return [Unjudged(*row) for row in rows]
