"""Notices: planned with their log lines in one transaction, sent once, and what became of them.

A notice's key is its idempotency key. It is SENDING in the database before the network is touched;
a process that dies then leaves a lease behind, and when it runs out the same key is sent again:
channels that know keys drop the second, the others double one notice at the worst.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, or_, select, update

from daemon.ledger.conflict import insert
from daemon.ledger.schema import notices, told
from daemon.ledger.states import NoticeState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice to one contact; `about` holds incidents' ids, or the channel that fails."""

    key: str
    contact: str
    channel: str
    kind: str
    about: tuple[str, ...]
    state: NoticeState
    attempts: int
    planned_at: datetime
    due_at: datetime
    lease_until: datetime | None
    sent_at: datetime | None
    error: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class ToldRow:
    """One line of the log: what a contact was told about one subject."""

    key: str
    about: str
    contact: str
    kind: str
    at: datetime
    episode: int
    cause: str


async def plan(  # noqa: PLR0913 - the columns of a notice
    conn: AsyncConnection,
    lines: Iterable[ToldRow],
    *,
    key: str,
    contact: str,
    channel: str,
    kind: str,
    about: tuple[str, ...],
    at: datetime,
) -> bool:
    """Queue a notice with its lines; False when its key is planned already."""
    values = {"key": key, "contact": contact, "channel": channel, "kind": kind}
    queued = await conn.execute(
        insert(conn, notices)
        .values(
            **values,
            about=list(about),
            state=NoticeState.PLANNED,
            attempts=0,
            planned_at=at,
            due_at=at,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(notices.c.key)
    )
    if queued.first() is None:
        return False
    for line in lines:
        await conn.execute(insert(conn, told).values(**asdict(line)))
    return True


async def due(conn: AsyncConnection, now: datetime, *, limit: int) -> list[NoticeRow]:
    """Those to be sent now, and those whose sender died, the oldest first."""
    waiting = select(notices).where(_sendable(now)).order_by(notices.c.due_at, notices.c.key)
    return await _all(conn, waiting.limit(limit))


async def claim(conn: AsyncConnection, key: str, *, now: datetime, until: datetime) -> bool:
    """Take a notice for sending; False when another process has it."""
    taken = await conn.execute(
        update(notices)
        .where(notices.c.key == key, _sendable(now))
        .values(state=NoticeState.SENDING, attempts=notices.c.attempts + 1, lease_until=until)
    )
    return taken.rowcount == 1


async def mark_sent(
    conn: AsyncConnection, key: str, *, at: datetime, reference: str | None
) -> bool:
    """The channel took it."""
    facts = {"sent_at": at, "reference": reference, "error": None}
    return await _settle(conn, key, NoticeState.SENT, **facts)


async def put_off(conn: AsyncConnection, key: str, *, until: datetime, error: str) -> bool:
    """The channel did not take it this time."""
    return await _settle(conn, key, NoticeState.PLANNED, due_at=until, error=error)


async def mark_failed(conn: AsyncConnection, key: str, *, at: datetime, error: str) -> bool:
    """It is given up."""
    return await _settle(conn, key, NoticeState.FAILED, sent_at=at, error=error)


async def failures(conn: AsyncConnection, since: datetime) -> list[NoticeRow]:
    """Those given up since."""
    failed = notices.c.state == NoticeState.FAILED, notices.c.sent_at >= since
    return await _all(conn, select(notices).where(*failed).order_by(notices.c.sent_at))


async def recent(conn: AsyncConnection, *, limit: int) -> list[NoticeRow]:
    """The newest notices, the newest first."""
    newest = select(notices).order_by(notices.c.planned_at.desc(), notices.c.key)
    return await _all(conn, newest.limit(limit))


async def log(conn: AsyncConnection, about: Iterable[str], since: datetime) -> list[ToldRow]:
    """Every line about these subjects, and every line since, in order."""
    wanted = or_(told.c.about.in_(list(about)), told.c.at >= since)
    rows = await conn.execute(select(told).where(wanted).order_by(told.c.at, told.c.key))
    return [ToldRow(**row) for row in rows.mappings()]


async def failed_keys(conn: AsyncConnection, keys: Iterable[str]) -> set[str]:
    """Of these notices, those that never reached their contact."""
    failed = notices.c.state == NoticeState.FAILED, notices.c.key.in_(list(keys))
    rows = await conn.execute(select(notices.c.key).where(*failed))
    return set(rows.scalars())


def _sendable(now: datetime) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    planned = and_(notices.c.state == NoticeState.PLANNED, notices.c.due_at <= now)
    orphaned = and_(notices.c.state == NoticeState.SENDING, notices.c.lease_until < now)
    return or_(planned, orphaned)


async def _settle(conn: AsyncConnection, key: str, new: NoticeState, **facts: Any) -> bool:
    mine = notices.c.key == key, notices.c.state == NoticeState.SENDING
    moved = await conn.execute(
        update(notices).where(*mine).values(state=new, lease_until=None, **facts)
    )
    return moved.rowcount == 1


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[NoticeRow]:
    rows = (await conn.execute(query)).mappings()
    return [NoticeRow(**{**row, "about": tuple(row["about"])}) for row in rows]
