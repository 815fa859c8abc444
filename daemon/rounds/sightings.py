"""Writes down what a look found: a first sighting settles a probe, any other only adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import probes
from daemon.ledger.states import SightingKind
from daemon.rulings.settling import latency_s, next_look

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.probes import ProbeRow
    from daemon.metrics import Metrics
    from probes.observation import Sighting

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """A sighting as it went into the ledger; `row` is the probe as it was before."""

    sighting: Sighting
    row: ProbeRow
    kind: SightingKind
    latency_s: float | None


async def store(
    conn: AsyncConnection,
    found: Iterable[Sighting],
    kinds: Mapping[str, SightingKind],
    now: datetime,
) -> list[Stored]:
    """Store sightings of probes that the ledger knows; returns those that were news.

    `kinds` tells, for probes sighted before, whether they were moved or merely copied. A sighting
    at the place already on record is none.
    """
    sightings = list(found)
    rows = await probes.by_ids(conn, [sighting.probe for sighting in sightings])
    stored = []
    for sighting in sightings:
        row = rows.get(sighting.probe)
        news = row and await _store(conn, sighting, row, kinds.get(sighting.probe), now)
        if news:
            stored.append(news)
    return stored


async def _store(
    conn: AsyncConnection,
    sighting: Sighting,
    row: ProbeRow,
    kind: SightingKind | None,
    now: datetime,
) -> Stored | None:
    latency = latency_s(row.submitted_at, sighting.received_at, sighting.internal_date)
    due = next_look(row.submitted_at or row.planned_at, 0)
    if await probes.mark_sighted(conn, sighting, latency_s=latency, next_look_at=due):
        return Stored(sighting, row, SightingKind.FIRST, latency)
    kind = kind or SightingKind.AGAIN
    if sighting.location == row.location or not await _further(conn, sighting, row, kind, now):
        return None
    return Stored(sighting, row, kind, None)


async def _further(
    conn: AsyncConnection, sighting: Sighting, row: ProbeRow, kind: SightingKind, now: datetime
) -> bool:
    if kind is not SightingKind.MOVED:
        return await probes.record_again(conn, sighting, kind)
    return await probes.record_look(
        conn,
        row.id,
        placement=sighting.placement,
        tab=sighting.tab,
        location=sighting.location,
        at=now,
        looks_done=row.looks_done,
        next_look_at=row.next_look_at,
    )


def count(metrics: Metrics, stored: Iterable[Stored]) -> None:
    """Tell the metrics and the log, once the transaction is through."""
    for news in stored:
        row, placement = news.row, news.sighting.placement
        lane = (row.shop, row.route, row.provider)
        if news.kind is SightingKind.FIRST:
            metrics.placements.labels(*lane, placement).inc()
            if news.latency_s is not None:
                metrics.latency.labels(*lane).observe(news.latency_s)
        elif news.kind is SightingKind.MOVED:
            metrics.moves.labels(*lane, placement).inc()
        else:
            metrics.copies.labels(row.seed).inc()
        log.info("probe seen", probe=row.id, kind=news.kind, placement=placement, seed=row.seed)
