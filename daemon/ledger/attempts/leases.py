"""Who holds what, and for how long; and what becomes of it when a sender stops or dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from daemon.ledger.among import among
from daemon.ledger.attempts.rows import Reaped
from daemon.ledger.bounces import apply_early
from daemon.ledger.schema import LEASED, attempts, mails
from daemon.lifecycles.attempt import ATTEMPT, IN_HAND, AttemptState
from daemon.lifecycles.order_mail import ORDER_MAIL, MailState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

NOT_HANDED_OVER = sorted(IN_HAND.intersection(ATTEMPT.sources(AttemptState.QUEUED)))
STOPPED = "The sender stopped before it handed the message over."
DIED = "The sender died before it handed the message over."
NO_WORD = (
    "The sender died after it handed the message over, before it read the answer: the message may "
    "have arrived."
)


async def heartbeat(
    conn: AsyncConnection, holder: str, until: datetime, *, held: Collection[str] | None = None
) -> int:
    """Make the leases of what `holder` has in hand last until then; returns how many there are.

    `held` names the attempts that it knows to be in its hand: one that it lost from sight, because
    the database failed it, must be allowed to run out.
    """
    mine = update(attempts).where(LEASED, attempts.c.holder == holder)
    terms = {}
    if held is not None:
        mine, terms = mine.where(among(attempts.c.id, "held")), {"held": sorted(held)}
    return (await conn.execute(mine.values(lease_until=until), terms)).rowcount


async def release(conn: AsyncConnection, holder: str) -> int:
    """The sender stops: what it has not handed over goes back into the queue; returns how many.

    What it handed over is left for its answer, or for its lease to run out.
    """
    mine = attempts.c.holder == holder, attempts.c.state.in_(NOT_HANDED_OVER)
    return (await conn.execute(_put_back(STOPPED).where(LEASED, *mine))).rowcount


async def reap(conn: AsyncConnection, now: datetime) -> Reaped:
    """Take from senders that died what their leases held; those that last are left alone."""
    return await conn.run_sync(_reap, now)


def _reap(conn: Connection, now: datetime) -> Reaped:
    over = LEASED, attempts.c.lease_until < now
    query = select(attempts.c.id, attempts.c.mail, attempts.c.state).where(*over)
    rows = conn.execute(query.with_for_update(skip_locked=True, key_share=True)).all()
    sent = [row for row in rows if row.state == AttemptState.DATA_SENT]
    ids = {row.id for row in rows} - {row.id for row in sent}
    if ids:
        conn.execute(_put_back(DIED).where(among(attempts.c.id, "ids")), {"ids": sorted(ids)})
    if sent:
        _doubt(conn, [row.id for row in sent], [row.mail for row in sent], now)
    return Reaped(len(ids), tuple(row.mail for row in sent))


def _put_back(why: str) -> Any:  # noqa: ANN401 - SQLAlchemy's statement
    back = update(attempts).values(state=AttemptState.QUEUED, why=why)
    return back.values(holder=None, lease_until=None)


def _doubt(conn: Connection, ids: list[str], of: list[str], now: datetime) -> None:
    facts = {"state": AttemptState.IN_DOUBT, "why": NO_WORD, "settled_at": now}
    query = update(attempts).where(among(attempts.c.id, "ids"))
    conn.execute(query.values(**facts, holder=None, lease_until=None), {"ids": ids})
    doubted = update(mails).where(among(mails.c.id, "of"), _may_be_doubted())
    conn.execute(doubted.values(state=MailState.IN_DOUBT, why=NO_WORD, changed_at=now), {"of": of})
    apply_early(conn, of, now)


def _may_be_doubted() -> ColumnElement[bool]:
    return mails.c.state.in_(ORDER_MAIL.sources(MailState.IN_DOUBT))
