"""What came of each route's newest tries, what came back, and which mails wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, or_, select, type_coerce

from daemon.ledger.columns import Instant
from daemon.ledger.incidents import IncidentRow, lasted_until
from daemon.ledger.schema import STUCK, attempts, bounces, incidents, mails, tries
from daemon.ledger.states import AttemptCause
from daemon.lifecycles.order_mail import MailState
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

MOST = 500
"""Tries of one route, and bounces of one shop, that are read: the newest."""
MOST_COUNTED = 1_000
"""A larger number of mails is told as this."""
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


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """A mail that came back by the sender's fault; `provider` None where nobody knows it."""

    mail: str
    route: str
    provider: str | None
    recipient: str
    at: datetime
    status: str | None
    reason: str
    text: str


async def newest(
    conn: AsyncConnection, way: tuple[str, str], since: datetime, limit: int = MOST
) -> list[TryFact]:
    """The tries of a (shop, route) that ended since, and came to something; oldest first."""
    columns = (tries.c[c] for c in ("outcome", "stage", "code", "enhanced", "text", "fault"))
    wanted = select(attempts.c.mail, tries.c.n, tries.c.ended_at.label("at"), *columns)
    of_way = tries.c.shop == way[0], tries.c.route == way[1], tries.c.ended_at >= since
    query = wanted.join_from(tries, attempts).where(*of_way, tries.c.outcome.is_not(None))
    rows = await conn.execute(query.order_by(tries.c.ended_at.desc()).limit(limit))
    return [TryFact(**row) for row in reversed(rows.mappings().all())]


async def taken_over(
    conn: AsyncConnection, shop: str, others: Collection[str], since: datetime
) -> int:
    """How many mails the shop's other routes took over and sent since; 1,000 at the most."""
    of_others = tries.c.shop == shop, tries.c.route.in_(others), tries.c.ended_at >= since
    sent = tries.c.outcome == ACCEPTED, attempts.c.cause == AttemptCause.FAILOVER
    found = select(attempts.c.mail).join_from(tries, attempts).where(*of_others, *sent)
    # a mail is accepted once
    return await _counted(conn, found)


async def came_back(conn: AsyncConnection, shop: str, since: datetime) -> list[ReturnFact]:
    """The shop's mails that came back by the sender's fault since; oldest first.

    Only what is proven to be about a mail of this shop, that one of its routes sent.
    """
    sent = select(attempts.c.route).where(attempts.c.mail == bounces.c.mail)
    named = sent.where(attempts.c.id == bounces.c.attempt).scalar_subquery()
    last = sent.order_by(attempts.c.n.desc()).limit(1).scalar_subquery()
    columns = (bounces.c[c] for c in ("mail", "recipient", "status", "reason", "text"))
    wanted = select(
        *columns,
        bounces.c.received_at.label("at"),
        mails.c.provider,
        func.coalesce(named, last).label("route"),
    )
    about = bounces.c.moves_to == MailState.AT_RISK, bounces.c.fault == Fault.SENDER
    query = wanted.join_from(bounces, mails, mails.c.id == bounces.c.mail)
    query = query.where(bounces.c.shop == shop, bounces.c.received_at >= since, *about)
    rows = await conn.execute(query.order_by(bounces.c.received_at.desc()).limit(MOST))
    return [ReturnFact(**row) for row in reversed(rows.mappings().all()) if row["route"]]


async def accepted_at(
    conn: AsyncConnection, way: tuple[str, str], provider: str, since: datetime
) -> int:
    """How many mails to the provider's customers the (shop, route) handed over since."""
    of_way = tries.c.shop == way[0], tries.c.route == way[1], tries.c.ended_at > since
    there = or_(
        mails.c.provider == provider, mails.c.recipient.iendswith(f"@{provider}", autoescape=True)
    )
    found = select(mails.c.id).join_from(tries, attempts).join(mails)
    return await _counted(conn, found.where(*of_way, tries.c.outcome == ACCEPTED, there))


async def waiting(
    conn: AsyncConnection, shop: str, after: datetime | None = None
) -> tuple[int, datetime | None]:
    """How many of the shop's mails wait for a person, and since when the first does.

    Of those alone that began to wait `after`, if that is given.
    """
    began = type_coerce(func.min(mails.c.changed_at), Instant)
    stuck = select(func.count(), began).where(mails.c.shop == shop, STUCK)
    wanted = stuck if after is None else stuck.where(mails.c.changed_at > after)
    count, first = (await conn.execute(wanted)).one()
    return int(count), first


async def reports(conn: AsyncConnection, since: datetime, *kinds: str) -> list[IncidentRow]:
    """Incidents whose ids are of these kinds, not yet over or ended since; the oldest first."""
    own = or_(*(incidents.c.id.startswith(f"{kind}-") for kind in kinds))
    query = select(incidents).where(own, lasted_until(since))
    rows = (await conn.execute(query.order_by(incidents.c.opened_at))).mappings()
    return [IncidentRow(**{**row, "evidence": tuple(row["evidence"])}) for row in rows]


async def _counted(conn: AsyncConnection, found: Select[tuple[str]]) -> int:
    some = found.limit(MOST_COUNTED).subquery()
    return int((await conn.execute(select(func.count()).select_from(some))).scalar_one())
