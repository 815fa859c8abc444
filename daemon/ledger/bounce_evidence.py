"""Bounces by the sender's fault, for the standings to take note of: each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select, update

from daemon.ledger.schema import attempts, bounces, mails
from daemon.ledger.schema.mail import BOUNCE_UNWATCHED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class SendersBounce:
    """What the standings ask of a bounce.

    `proven` says that it is surely about a mail of ours. `route` is None when it names no attempt,
    `provider` when nobody knows it; `sent_at` is when the attempt was settled, or failing that when
    the bounce came.
    """

    id: int
    shop: str
    mail: str | None
    route: str | None
    provider: str | None
    kind: str
    reason: str
    proven: bool
    sent_at: datetime
    received_at: datetime


_same_attempt = and_(attempts.c.id == bounces.c.attempt, attempts.c.mail == bounces.c.mail)
_columns = (
    bounces.c.id,
    bounces.c.shop,
    bounces.c.mail,
    attempts.c.route,
    mails.c.provider,
    bounces.c.kind,
    bounces.c.reason,
    bounces.c.moves_to.is_not(None).label("proven"),
    func.coalesce(attempts.c.settled_at, bounces.c.received_at).label("sent_at"),
    bounces.c.received_at,
)


async def unwatched(conn: AsyncConnection, *, stale: datetime, limit: int) -> list[SendersBounce]:
    """Those that no standing took note of, in order of time.

    One whose recipient's provider is still being looked up waits for that, or until it is stale.
    """
    ready = or_(
        bounces.c.mail.is_(None), mails.c.provider.is_not(None), bounces.c.received_at < stale
    )
    news = (
        select(*_columns)
        .select_from(bounces)
        .outerjoin(mails, mails.c.id == bounces.c.mail)
        .outerjoin(attempts, _same_attempt)
        .where(BOUNCE_UNWATCHED, ready)
        .order_by(bounces.c.received_at, bounces.c.id)
    )
    rows = (await conn.execute(news.limit(limit))).mappings()
    return [SendersBounce(**row) for row in rows]


async def mark_watched(conn: AsyncConnection, ids: Iterable[int], at: datetime) -> None:
    """The standings took note of these."""
    await conn.execute(update(bounces).where(bounces.c.id.in_(list(ids))).values(watched_at=at))
