"""Notices: planned with their log lines in one transaction, sent once, and what became of them.

A notice's key is its idempotency key. It is SENDING in the database before the network is touched;
a process that dies then leaves a lease behind, and when it runs out the same key is sent again:
channels that know keys drop the second, the others double one notice at the worst.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, case, exists, or_, select, update

from daemon.ledger import turns
from daemon.ledger.conflict import insert
from daemon.ledger.incidents import lasted_until
from daemon.ledger.schema import WAITING_NOTICE, incidents, notices, told
from daemon.ledger.states import NoticeState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice to one contact; `about` holds incidents' ids, or the channel that fails.

    Of `doubts` among its `attempts` nobody knows whether the contact got it. `settled_at` is when
    it was sent, or given up.
    """

    key: str
    contact: str
    channel: str
    kind: str
    about: tuple[str, ...]
    state: NoticeState
    attempts: int
    doubts: int
    planned_at: datetime
    due_at: datetime
    lease_until: datetime | None
    settled_at: datetime | None
    error: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class ToldRow:
    """One line of the log: what a contact was told about one subject.

    `given_up` says that the notice never reached the contact.
    """

    key: str
    about: str
    contact: str
    kind: str
    at: datetime
    episode: int
    cause: str
    given_up: bool = False


_LINE = tuple(part.name for part in fields(ToldRow) if part.name != "given_up")


async def take_turn(conn: AsyncConnection) -> None:
    """Until the transaction ends nobody else decides whom to tell what, in any process."""
    await turns.take(conn, turns.NOTICES)


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
            doubts=0,
            planned_at=at,
            due_at=at,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(notices.c.key)
    )
    if queued.first() is None:
        return False
    columns = [{column: getattr(line, column) for column in _LINE} for line in lines]
    await conn.execute(told.insert(), columns)
    return True


async def due(conn: AsyncConnection, now: datetime, *, limit: int) -> list[NoticeRow]:
    """Those to be sent now, and those whose sender died, the oldest first.

    A notice waits while its contact has not got an earlier one about the same subject: "solved"
    never comes before what it solves.
    """
    waiting = select(notices).where(_sendable(now), ~_behind_another())
    return await _all(conn, waiting.order_by(notices.c.due_at, notices.c.key).limit(limit))


async def claim(
    conn: AsyncConnection, key: str, *, now: datetime, until: datetime
) -> NoticeRow | None:
    """Take a notice for sending and return it; None when another process has it."""
    orphaned = case((notices.c.state == NoticeState.SENDING, 1), else_=0)
    facts = {"attempts": notices.c.attempts + 1, "doubts": notices.c.doubts + orphaned}
    taken = await conn.execute(
        update(notices)
        .where(notices.c.key == key, _sendable(now))
        .values(state=NoticeState.SENDING, lease_until=until, **facts)
        .returning(notices)
    )
    row = taken.mappings().first()
    return _row(row) if row else None


async def mark_sent(
    conn: AsyncConnection, key: str, *, at: datetime, reference: str | None
) -> bool:
    """The channel took it."""
    facts = {"settled_at": at, "reference": reference, "error": None}
    return await _settle(conn, key, NoticeState.SENT, **facts)


async def put_off(
    conn: AsyncConnection, key: str, *, until: datetime, error: str, in_doubt: bool
) -> bool:
    """The channel did not take it this time; or nobody knows, if `in_doubt`."""
    doubts = notices.c.doubts + int(in_doubt)
    return await _settle(conn, key, NoticeState.PLANNED, due_at=until, error=error, doubts=doubts)


async def mark_failed(conn: AsyncConnection, key: str, *, at: datetime, error: str) -> bool:
    """It is given up."""
    return await _settle(conn, key, NoticeState.FAILED, settled_at=at, error=error)


async def get(conn: AsyncConnection, key: str) -> NoticeRow | None:
    """The notice; None when there is none."""
    found = await _all(conn, select(notices).where(notices.c.key == key))
    return found[0] if found else None


async def failures(conn: AsyncConnection, since: datetime) -> list[NoticeRow]:
    """Those given up since, in order."""
    failed = notices.c.state == NoticeState.FAILED, notices.c.settled_at >= since
    return await _all(conn, select(notices).where(*failed).order_by(notices.c.settled_at))


async def recent(conn: AsyncConnection, *, limit: int) -> list[NoticeRow]:
    """The newest notices, the newest first."""
    newest = select(notices).order_by(notices.c.planned_at.desc(), notices.c.key)
    return await _all(conn, newest.limit(limit))


async def log(conn: AsyncConnection, since: datetime) -> list[ToldRow]:
    """Every line since, and every line about an incident that lasts or ended since, in order."""
    lasting = select(incidents.c.id).where(lasted_until(since))
    return await _lines(conn, or_(told.c.about.in_(lasting), told.c.at >= since))


async def lines(conn: AsyncConnection, contact: str, about: str) -> list[ToldRow]:
    """Every line that tells the contact about one subject, in order."""
    return await _lines(conn, and_(told.c.contact == contact, told.c.about == about))


async def shops(conn: AsyncConnection, key: str) -> set[str]:
    """The shops whose incidents the notice is about."""
    owners = select(incidents.c.shop).join_from(told, incidents, told.c.about == incidents.c.id)
    return set((await conn.execute(owners.where(told.c.key == key).distinct())).scalars())


def _sendable(now: datetime) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    planned = and_(notices.c.state == NoticeState.PLANNED, notices.c.due_at <= now)
    orphaned = and_(notices.c.state == NoticeState.SENDING, notices.c.lease_until < now)
    return and_(WAITING_NOTICE, or_(planned, orphaned))


def _behind_another() -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    mine, theirs, earlier = told.alias(), told.alias(), notices.alias()
    same_subject = and_(theirs.c.about == mine.c.about, theirs.c.contact == mine.c.contact)
    return exists().where(
        mine.c.key == notices.c.key,
        same_subject,
        earlier.c.key == theirs.c.key,
        earlier.c.state.in_([NoticeState.PLANNED, NoticeState.SENDING]),
        earlier.c.planned_at < notices.c.planned_at,
    )


async def _settle(conn: AsyncConnection, key: str, new: NoticeState, **facts: Any) -> bool:
    mine = notices.c.key == key, notices.c.state == NoticeState.SENDING
    moved = await conn.execute(
        update(notices).where(*mine).values(state=new, lease_until=None, **facts)
    )
    return moved.rowcount == 1


async def _lines(conn: AsyncConnection, wanted: Any) -> list[ToldRow]:  # noqa: ANN401 - SQLAlchemy's condition
    given_up = (notices.c.state == NoticeState.FAILED).label("given_up")
    columns = [*(told.c[name] for name in _LINE), given_up]
    query = select(*columns).join_from(told, notices).where(wanted)
    rows = await conn.execute(query.order_by(told.c.at, told.c.key, told.c.about))
    return [ToldRow(*row) for row in rows]


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[NoticeRow]:
    return [_row(row) for row in (await conn.execute(query)).mappings()]


def _row(row: Any) -> NoticeRow:  # noqa: ANN401 - SQLAlchemy's mapping
    return NoticeRow(**{**row, "about": tuple(row["about"])})
