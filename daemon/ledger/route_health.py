"""What came of the newest tries of each route, and which mails wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from daemon.ledger.schema import attempts, mails, tries
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.order_mail import MailState

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from probes.observation import Fault

MOST = 2_000
"""Tries of one route that are read: its newest."""
WAITING_FOR_A_PERSON = (MailState.HELD, MailState.IN_DOUBT)
ACCEPTED = "accepted"
"""The outcome of a try whose server took the mail."""


@dataclass(frozen=True, slots=True)
class TryFact:
    """One try that ended: the `n`th of its attempt, by which way, and what was said."""

    mail: str
    n: int
    at: datetime
    outcome: str
    stage: str | None
    code: int | None
    enhanced: str | None
    text: str | None
    fault: Fault | None


async def newest(conn: AsyncConnection, way: tuple[str, str], since: datetime) -> list[TryFact]:
    """The tries of a (shop, route) that ended since, oldest first; the newest 2,000."""
    columns = (tries.c[c] for c in ("outcome", "stage", "code", "enhanced", "text", "fault"))
    wanted = select(attempts.c.mail, tries.c.n, tries.c.ended_at.label("at"), *columns)
    of_way = tries.c.shop == way[0], tries.c.route == way[1], tries.c.ended_at >= since
    query = wanted.join_from(tries, attempts, tries.c.attempt == attempts.c.id).where(*of_way)
    rows = await conn.execute(query.order_by(tries.c.ended_at.desc()).limit(MOST))
    return [TryFact(**row) for row in reversed(rows.mappings().all())]


async def taken_over(conn: AsyncConnection, way: tuple[str, str], since: datetime) -> int:
    """How many mails the shop's other routes took over, and sent, since."""
    others = tries.c.shop == way[0], tries.c.route != way[1], tries.c.ended_at >= since
    sent = tries.c.outcome == ACCEPTED, attempts.c.cause == AttemptCause.FAILOVER
    wanted = select(func.count(attempts.c.mail.distinct()))
    query = wanted.join_from(tries, attempts, tries.c.attempt == attempts.c.id)
    return int((await conn.execute(query.where(*others, *sent))).scalar_one())


async def waiting(conn: AsyncConnection, shop: str) -> tuple[int, datetime | None]:
    """How many of the shop's mails wait for a person, and since when the first does."""
    wanted = select(func.count(), func.min(mails.c.changed_at)).where(
        mails.c.shop == shop, mails.c.state.in_(WAITING_FOR_A_PERSON)
    )
    count, first = (await conn.execute(wanted)).one()
    return int(count), first
