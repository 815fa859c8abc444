"""Feeds what became of each probe to the watch, and keeps what it believes and what it says.

So it does with order mail that came back by the sender's fault. Belief, incidents and the mark that
a probe or a bounce was taken note of are one transaction: whoever dies in
between takes note again, and nothing is counted twice.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import bounce_evidence, findings, probes, standings
from daemon.rounds import happenings
from daemon.rounds.observations import for_each_shop, observation
from daemon.rulings.bounce_evidence import OrderBounce
from daemon.rulings.standing.cells import Cell
from daemon.rulings.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.bounce_evidence import SendersBounce
    from daemon.ledger.probes import ProbeRow
    from daemon.rounds.surroundings import Surroundings
    from daemon.rulings.incidents import Event
    from daemon.rulings.lanes import Lane
    from daemon.rulings.thresholds import Thresholds

log = structlog.get_logger()

AT_ONCE = 500
BOUNCE = "bounce"
"""The kind that counts: a delay or a complaint is no mail that came back."""
BOUNCES_COUNT = timedelta(hours=6)
"""An older bounce says nothing of how a route stands now; it is marked, and not counted."""


class StandingWatcher:
    """Advances the standings of every shop by what was learned since the last round."""

    def __init__(
        self, around: Surroundings, *, shops: Iterable[str], thresholds: Thresholds
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._shops, self._thresholds = tuple(shops), thresholds
        self.watch = Watch(thresholds)
        """The belief as it was when this process last looked; the ledger's is the truth."""

    async def run_once(self) -> list[Event]:
        """Take note of what is new; returns what the watch had to say."""
        async with self._ledger.read() as conn:
            news = await probes.unwatched(conn, limit=1) or await self._bounces(conn, limit=1)
        if not news and self.watch.lanes:
            return []
        async with self._ledger.write() as conn:
            events = await self._advance(conn)
        for event in events:
            happenings.count(self._metrics, event)
            log.warning("incident", what=event.event, id=event.incident, why=event.why)
        self._gauge()
        return events

    async def _advance(self, conn: AsyncConnection) -> list[Event]:
        await standings.take_turn(conn)
        watch = Watch(self._thresholds)
        watch.restore((await standings.load_all(conn)).values())
        rows = await probes.unwatched(conn, limit=AT_ONCE)
        events = await self._observe(conn, watch, rows)
        bounces = await self._bounces(conn, limit=AT_ONCE)
        events += self._count(watch, bounces)
        now = self._clock.now()
        for event in events:
            await happenings.store(conn, event, now)
        changed = {_name(lane["key"]): lane for lane in watch.changed_lanes()}
        await standings.store(conn, changed, now)
        await probes.mark_watched(conn, [row.id for row in rows], now)
        await bounce_evidence.mark_watched(conn, [row.id for row in bounces], now)
        self.watch = watch
        return events

    async def _observe(
        self, conn: AsyncConnection, watch: Watch, rows: Sequence[ProbeRow]
    ) -> list[Event]:
        events = []
        for row in rows:
            found = await findings.of_probe(conn, row.id)
            seen = observation(row, {f.finding.check: f.finding.status for f in found})
            await happenings.close_seed_faults(conn, seen)
            for told in for_each_shop(seen, self._shops):
                events += happenings.owned(watch.observe(told), watch.lanes, self._shops)
        return events

    async def _bounces(self, conn: AsyncConnection, *, limit: int) -> list[SendersBounce]:
        stale = self._clock.now() - BOUNCES_COUNT
        return await bounce_evidence.unwatched(conn, stale=stale, limit=limit)

    def _count(self, watch: Watch, rows: Iterable[SendersBounce]) -> list[Event]:
        events, stale = [], self._clock.now() - BOUNCES_COUNT
        for row in rows:
            bounce = _order_bounce(row)
            if bounce and bounce.at >= stale:
                events += watch.came_back(bounce)
        return happenings.owned(events, watch.lanes, self._shops)

    def _gauge(self) -> None:
        for lane in self.watch.lanes.values():
            self._gauge_lane(lane)

    def _gauge_lane(self, lane: Lane) -> None:
        labels = ("" if lane.control else lane.shop, lane.route, lane.provider)
        for cell, chance in zip(Cell, lane.standing.cells(), strict=True):
            self._metrics.standing.labels(*labels, cell.name.lower()).set(chance)
        self._metrics.standing_bad.labels(*labels).set(lane.standing.p_bad)


def _name(key: Sequence[str]) -> str:
    return "/".join(key)


def _order_bounce(row: SendersBounce) -> OrderBounce | None:
    """The bounce as the watch reads it; None for one that speaks about no lane."""
    if row.kind != BOUNCE or not row.proven:
        return None
    if row.mail is None or row.route is None or row.provider is None:
        return None
    lane = row.shop, row.route, row.provider
    return OrderBounce(lane, row.mail, row.sent_at, row.received_at, row.reason)
