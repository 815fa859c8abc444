"""Counts and times over many probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, type_coerce

from daemon.ledger import schema
from daemon.ledger.columns import Words
from daemon.ledger.probes.reads import of_shop

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

_probes = schema.probes


@dataclass(frozen=True, slots=True)
class Tally:
    """How many probes of one route and provider ended alike.

    `outcome` is the latest placement, or the state of a probe that has none yet.
    """

    shop: str
    route: str
    role: str
    provider: str
    outcome: str
    count: int


async def tally(conn: AsyncConnection, since: datetime, *, shop: str | None = None) -> list[Tally]:
    """Probes planned since, counted."""
    lane = _probes.c.shop, _probes.c.route, _probes.c.role, _probes.c.provider
    outcome = func.coalesce(
        type_coerce(_probes.c.placement, Words), type_coerce(_probes.c.state, Words)
    ).label("outcome")
    counts = select(*lane, outcome, func.count()).where(
        _probes.c.planned_at >= since, of_shop(shop)
    )
    rows = await conn.execute(counts.group_by(*lane, outcome).order_by(*lane, outcome))
    return [Tally(*row) for row in rows]


async def span(
    conn: AsyncConnection, shop: str, route: str, provider: str, begin: datetime, end: datetime
) -> dict[str, int]:
    """How a lane's probes planned within a span ended: first placement (or state) to count."""
    outcome = func.coalesce(
        type_coerce(_probes.c.first_placement, Words),
        type_coerce(_probes.c.placement, Words),
        type_coerce(_probes.c.state, Words),
    )
    lane = _probes.c.shop == shop, _probes.c.route == route, _probes.c.provider == provider
    within = _probes.c.planned_at.between(begin, end)
    rows = await conn.execute(select(outcome, func.count()).where(*lane, within).group_by(outcome))
    return {name: count for name, count in rows}  # noqa: C416 - a Row is no pair to mypy


async def latencies(
    conn: AsyncConnection, since: datetime, *, shop: str | None = None
) -> dict[tuple[str, str, str], list[float]]:
    """Seconds from 250 to arrival by (shop, route, provider), each list ascending."""
    found: dict[tuple[str, str, str], list[float]] = {}
    lane = _probes.c.shop, _probes.c.route, _probes.c.provider
    timed = _probes.c.planned_at >= since, _probes.c.latency_s.is_not(None), of_shop(shop)
    query = select(*lane, _probes.c.latency_s).where(*timed).order_by(_probes.c.latency_s)
    for shop_, route, provider, latency_s in await conn.execute(query):
        found.setdefault((shop_, route, provider), []).append(latency_s)
    return found


async def open_by_provider(conn: AsyncConnection) -> dict[str, int]:
    """How many probes are still looked for."""
    counts = select(_probes.c.provider, func.count()).where(schema.STILL_LOOKED_FOR)
    rows = await conn.execute(counts.group_by(_probes.c.provider))
    return {provider: count for provider, count in rows}  # noqa: C416 - a Row is no pair to mypy
