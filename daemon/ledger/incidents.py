"""Incidents: spans in which a standing was bad, with their cause and who was on it.

Every `mark_…` is a conditional UPDATE by the table in `lifecycles.incident`, and returns whether
it moved the row. `shop` None asks for everybody's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, or_, select, true, update

from daemon.ledger.conflict import insert
from daemon.ledger.schema import incidents
from daemon.lifecycles.incident import INCIDENT, STANDING, IncidentState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident; `seed` is named where the fault is a seed's, and then `shop` hears nothing.

    `facts` are what its sentences are made of, `evidence` the ids of the probes it rests on.
    `episode` is 1, and one more with each relapse; `opened_at` is this episode's.
    """

    id: str
    shop: str
    route: str
    provider: str
    seed: str | None
    state: IncidentState
    cause: str
    probability: float
    why: str
    facts: Mapping[str, Any]
    evidence: tuple[str, ...]
    opened_at: datetime
    changed_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    episode: int


@dataclass(frozen=True, slots=True)
class Outline:
    """As much of an incident as decides whom to tell."""

    id: str
    shop: str
    route: str
    state: IncidentState
    cause: str
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    episode: int


_OUTLINE = tuple(incidents.c[part.name] for part in fields(Outline))


async def open_(conn: AsyncConnection, row: IncidentRow) -> bool:
    """Store a new incident; False when it is on record already."""
    stored = await conn.execute(
        insert(conn, incidents)
        .values(**asdict(row))
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(incidents.c.id)
    )
    return stored.first() is not None


async def reopen(conn: AsyncConnection, row: IncidentRow) -> bool:
    """It came back: a new episode, which nobody has acknowledged."""
    facts = {"opened_at": row.opened_at, "episode": incidents.c.episode + 1}
    slate = dict.fromkeys(("acknowledged_at", "acknowledged_by", "resolved_at"))
    return await _move(
        conn, row.id, IncidentState.OPEN, row.changed_at, **facts, **slate, **_told(row)
    )


async def describe(conn: AsyncConnection, row: IncidentRow) -> None:
    """Store what is known of it now: cause, probability, sentence, facts, evidence."""
    told = update(incidents).where(incidents.c.id == row.id)
    await conn.execute(told.values(changed_at=row.changed_at, **_told(row)))


async def mark_acknowledged(conn: AsyncConnection, incident: str, *, at: datetime, by: str) -> bool:
    """Somebody is on it: no reminder and no escalation in this episode any more."""
    facts = {"acknowledged_at": at, "acknowledged_by": by}
    return await _move(conn, incident, IncidentState.ACKNOWLEDGED, at, **facts)


async def mark_recovering(conn: AsyncConnection, incident: str, *, at: datetime) -> bool:
    """Receipts begin to land again."""
    return await _move(conn, incident, IncidentState.RECOVERING, at)


async def mark_resolved(conn: AsyncConnection, incident: str, *, at: datetime) -> bool:
    """It is over."""
    return await _move(conn, incident, IncidentState.RESOLVED, at, resolved_at=at)


async def mark_dismissed(conn: AsyncConnection, incident: str, *, at: datetime, by: str) -> bool:
    """Somebody says that it was none."""
    facts = {"resolved_at": at, "acknowledged_at": at, "acknowledged_by": by}
    return await _move(conn, incident, IncidentState.DISMISSED, at, **facts)


async def get(
    conn: AsyncConnection, incident: str, *, shop: str | None = None
) -> IncidentRow | None:
    """The incident; None when there is none, or when it is another shop's."""
    found = await _all(conn, select(incidents).where(incidents.c.id == incident, _of(shop)))
    return found[0] if found else None


async def current(conn: AsyncConnection, *, shop: str | None = None) -> list[IncidentRow]:
    """Those not yet over, the oldest first."""
    lasting = select(incidents).where(incidents.c.state.in_(STANDING), _of(shop))
    return await _all(conn, lasting.order_by(incidents.c.opened_at, incidents.c.id))


async def since(
    conn: AsyncConnection, since: datetime, *, shop: str | None = None
) -> list[IncidentRow]:
    """Those not yet over, and those that ended since, the newest first."""
    newest = select(incidents).where(lasted_until(since), _of(shop))
    return await _all(conn, newest.order_by(incidents.c.opened_at.desc(), incidents.c.id))


async def outlines(conn: AsyncConnection, since: datetime) -> list[Outline]:
    """As `since`, of every shop, in outline and in no order: there may be very many."""
    rows = await conn.execute(select(*_OUTLINE).where(lasted_until(since)))
    return [Outline(*row) for row in rows]


def lasted_until(since: datetime) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    """The condition that an incident is not yet over, or ended since."""
    return or_(incidents.c.state.in_(STANDING), incidents.c.resolved_at >= since)


def _told(row: IncidentRow) -> dict[str, Any]:
    names = ("cause", "probability", "why", "facts", "evidence")
    return {name: getattr(row, name) for name in names}


def _of(shop: str | None) -> Any:  # noqa: ANN401 - SQLAlchemy's condition
    return true() if shop is None else incidents.c.shop == shop


async def _move(
    conn: AsyncConnection, incident: str, new: IncidentState, at: datetime, **facts: Any
) -> bool:
    moved = await conn.execute(
        update(incidents)
        .where(incidents.c.id == incident, incidents.c.state.in_(INCIDENT.sources(new)))
        .values(state=new, changed_at=at, **facts)
    )
    return moved.rowcount == 1


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[IncidentRow]:
    rows = (await conn.execute(query)).mappings()
    return [IncidentRow(**{**row, "evidence": tuple(row["evidence"])}) for row in rows]
