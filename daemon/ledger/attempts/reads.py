"""What the sender's gauges, the command line and the pages ask about attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, select, true

from daemon.ledger.attempts.rows import AttemptRow, Counts, Past, Queue, QueuedRow, TryRow
from daemon.ledger.schema import AWAITED, LEASED, MAY_SEND, STUCK, attempts, mails, tries
from daemon.lifecycles.attempt import AttemptState
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


async def get(conn: AsyncConnection, attempt: str, *, shop: str | None = None) -> AttemptRow | None:
    """The attempt; None when there is none, or when it is another shop's."""
    rows = await conn.execute(select(attempts).where(attempts.c.id == attempt, _of(shop)))
    row = rows.mappings().first()
    return AttemptRow(**row) if row else None


async def history(conn: AsyncConnection, mail: str, *, shop: str | None = None) -> list[Past]:
    """Every attempt at the mail with its tries, all in order."""
    mine = attempts.c.mail == mail, _of(shop)
    # the attempts first: what is read of their tries is then never older than their states
    rows = await conn.execute(select(attempts).where(*mine).order_by(attempts.c.n))
    made = [AttemptRow(**row) for row in rows.mappings()]
    found = select(tries).join_from(tries, attempts).where(*mine)
    tried: dict[str, list[TryRow]] = {}
    for row in (await conn.execute(found.order_by(tries.c.n))).mappings():
        tried.setdefault(row["attempt"], []).append(TryRow(**row))
    return [Past(attempt, tuple(tried.get(attempt.id, ()))) for attempt in made]


async def queue(conn: AsyncConnection, shop: str | None, limit: int) -> Queue:
    """What may still be sent, by the time when it is due; the totals count what is in doubt too."""
    first = select(attempts, mails.c.recipient).join_from(attempts, mails).where(_of(shop))
    in_order = first.order_by(attempts.c.due_at).limit(limit)
    # each by its own index: what is in hand is little, what waits may be very much
    parts = [await conn.execute(in_order.where(part)) for part in (AWAITED, LEASED)]
    rows = sorted((_queued(row) for part in parts for row in part.mappings()), key=_when)[:limit]
    return Queue(tuple(rows), await _totals(conn, shop), await _next_due(conn, shop))


async def counts(conn: AsyncConnection, *, shop: str | None = None) -> Counts:
    """How much there is to do, for gauges; each number is found by its index."""
    waiting, in_hand, in_doubt = (
        select(func.count()).where(*conditions).scalar_subquery()
        for conditions in ((AWAITED, _of(shop)), (LEASED, _of(shop)), _doubted(shop))
    )
    row = (await conn.execute(select(waiting, in_hand, in_doubt))).one()
    return Counts(*row, oldest_due_at=await _next_due(conn, shop))


async def _totals(conn: AsyncConnection, shop: str | None) -> dict[AttemptState, int]:
    each = select(attempts.c.state, func.count()).where(MAY_SEND, _of(shop))
    totals = {state: count for state, count in await conn.execute(each.group_by(attempts.c.state))}  # noqa: C416 - a Row is no pair to mypy
    in_doubt = (await conn.execute(select(func.count()).where(*_doubted(shop)))).scalar_one()
    return totals | ({AttemptState.IN_DOUBT: in_doubt} if in_doubt else {})


def _doubted(shop: str | None) -> tuple[ColumnElement[bool], ...]:
    """A mail is in doubt as long as its newest attempt is."""
    whose = true() if shop is None else mails.c.shop == shop
    return STUCK, mails.c.state == MailState.IN_DOUBT, whose


async def _next_due(conn: AsyncConnection, shop: str | None) -> datetime | None:
    # a column of its own type: SQLite's MIN() would give the text
    first = select(attempts.c.due_at).where(AWAITED, _of(shop)).order_by(attempts.c.due_at)
    return (await conn.execute(first.limit(1))).scalar()


def _queued(row: Any) -> QueuedRow:  # noqa: ANN401 - SQLAlchemy's mapping
    columns = dict(row)
    recipient = columns.pop("recipient")
    return QueuedRow(AttemptRow(**columns), recipient)


def _when(row: QueuedRow) -> datetime:
    return row.attempt.due_at


def _of(shop: str | None) -> ColumnElement[bool]:
    return true() if shop is None else attempts.c.shop == shop
