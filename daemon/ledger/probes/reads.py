"""What the rounds and the pages ask about probes.

Wherever a shop may be asking, `shop` is its name; None asks for everybody, as the operator does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Select, exists, func, select, true

from daemon.ledger import schema
from daemon.ledger.probes.rows import ProbeRow
from daemon.lifecycles.probe import ProbeState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from typing import Any

    from sqlalchemy.ext.asyncio import AsyncConnection

_probes, _raws = schema.probes, schema.raws


async def get(conn: AsyncConnection, probe: str, *, shop: str | None = None) -> ProbeRow | None:
    """The probe; None when there is none, or when it is another shop's."""
    found = await _all(conn, select(_probes).where(_probes.c.id == probe, of_shop(shop)))
    return found[0] if found else None


async def by_ids(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, ProbeRow]:
    """The probes that there are, by id."""
    found = await _all(conn, select(_probes).where(_probes.c.id.in_(set(ids))))
    return {row.id: row for row in found}


async def unsettled(conn: AsyncConnection, seed: str) -> list[ProbeRow]:
    """What is still looked for in the seed's mailbox, the oldest first."""
    wanted = select(_probes).where(_probes.c.seed == seed, schema.STILL_LOOKED_FOR)
    return await _all(conn, wanted.order_by(_probes.c.planned_at))


async def past_deadline(conn: AsyncConnection, now: datetime) -> list[ProbeRow]:
    """Probes neither found nor overdue whose deadline has passed, the oldest first."""
    late = _probes.c.deadline_at < now, _probes.c.state != ProbeState.OVERDUE
    query = select(_probes).where(schema.STILL_LOOKED_FOR, *late)
    return await _all(conn, query.order_by(_probes.c.deadline_at))


async def overdue_before(conn: AsyncConnection, before: datetime) -> list[ProbeRow]:
    """Overdue probes whose deadline was before `before`, the oldest first."""
    late = _probes.c.deadline_at < before, _probes.c.state == ProbeState.OVERDUE
    query = select(_probes).where(schema.STILL_LOOKED_FOR, *late)
    return await _all(conn, query.order_by(_probes.c.deadline_at))


async def due_looks(conn: AsyncConnection, now: datetime, seed: str) -> list[ProbeRow]:
    """Sighted probes whose place in the seed's mailbox is to be looked up again."""
    due = _probes.c.seed == seed, _probes.c.next_look_at <= now, schema.LOOK_AGAIN
    return await _all(conn, select(_probes).where(*due).order_by(_probes.c.next_look_at))


async def planned_since(conn: AsyncConnection, since: datetime) -> dict[str, int]:
    """How many probes were planned for each seed."""
    counts = select(_probes.c.seed, func.count()).where(_probes.c.planned_at >= since)
    rows = await conn.execute(counts.group_by(_probes.c.seed))
    return {seed: count for seed, count in rows}  # noqa: C416 - a Row is no pair to mypy


async def last_slots(conn: AsyncConnection) -> dict[tuple[str, str, str], datetime]:
    """The newest slot of each (shop, route, seed)."""
    key = _probes.c.shop, _probes.c.route, _probes.c.seed
    rows = await conn.execute(select(*key, func.max(_probes.c.slot)).group_by(*key))
    return {(shop, route, seed): slot for shop, route, seed, slot in rows}


async def last_planned(conn: AsyncConnection) -> dict[tuple[str, str, str], datetime]:
    """When the newest probe of each (shop, route, seed) was planned."""
    key = _probes.c.shop, _probes.c.route, _probes.c.seed
    rows = await conn.execute(select(*key, func.max(_probes.c.planned_at)).group_by(*key))
    return {(shop, route, seed): at for shop, route, seed, at in rows}


async def recent(conn: AsyncConnection, *, shop: str | None, limit: int) -> list[ProbeRow]:
    """The newest probes, the newest first."""
    newest_first = _probes.c.planned_at.desc(), _probes.c.id
    return await _all(
        conn, select(_probes).where(of_shop(shop)).order_by(*newest_first).limit(limit)
    )


async def newest(
    conn: AsyncConnection, *, shop: str | None, since: datetime, depth: int
) -> list[ProbeRow]:
    """The newest `depth` probes of every (shop, route, provider), the newest first."""
    lane = _probes.c.shop, _probes.c.route, _probes.c.provider
    newest_first = _probes.c.planned_at.desc(), _probes.c.id
    place = func.row_number().over(partition_by=lane, order_by=newest_first).label("place")
    ranked = select(_probes.c.id, place).where(of_shop(shop), _probes.c.planned_at >= since)
    placed = ranked.subquery()
    ids = select(placed.c.id).where(placed.c.place <= depth)
    return await _all(conn, select(_probes).where(_probes.c.id.in_(ids)).order_by(*newest_first))


async def unwatched(conn: AsyncConnection, *, limit: int) -> list[ProbeRow]:
    """Probes of which something is known that no standing took note of, in order of time.

    One that was sighted is known once it was judged too.
    """
    waits = exists().where(_raws.c.probe == _probes.c.id, schema.UNJUDGED)
    known = _probes.c.state.not_in((ProbeState.PLANNED, ProbeState.SUBMITTED)), ~waits
    when = func.coalesce(_probes.c.sighted_at, _probes.c.settled_at, _probes.c.deadline_at)
    news = select(_probes).where(schema.UNWATCHED, *known)
    return await _all(conn, news.order_by(when, _probes.c.id).limit(limit))


def of_shop(shop: str | None) -> ColumnElement[bool]:
    """The shop's own probes, or everybody's for None."""
    return true() if shop is None else _probes.c.shop == shop


async def _all(conn: AsyncConnection, query: Select[Any]) -> list[ProbeRow]:
    return [ProbeRow(**row) for row in (await conn.execute(query)).mappings()]
