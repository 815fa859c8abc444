"""Settles the probes that were not seen in time, and forgets what is older than it need be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import mailboxes, probes, retention
from daemon.lifecycles.probe import ProbeState
from daemon.rulings import patience
from daemon.rulings.settling import LOST_AFTER, settle
from probes.observation import Fault, Placement

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.probes import ProbeRow
    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()

DEDUPED_FOR = timedelta(days=7)
"""How long the same message is known when it comes again (facts: promise 2)."""
IN_DOUBT = "The process ended between planning this probe and recording the route's answer."


class Sweeper:
    """Moves probes along when time passes and nothing is seen."""

    def __init__(self, around: Surroundings, *, deadline: timedelta) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        # a look follows at the latest one interval after the deadline, and takes a while itself
        looks = 2 * patience.look_every(deadline, expecting=True)
        self._patience = timedelta(seconds=looks + 5) + deadline / 12

    async def run_once(self) -> list[str]:
        """Settle what is past its deadline; returns the probes that moved."""
        now = self._clock.now()
        async with self._ledger.read() as conn:
            late = await probes.past_deadline(conn, now)
            overdue = await probes.overdue_before(conn, now - LOST_AFTER)
            looked = {row.seed: row.last_look_at for row in await mailboxes.all(conn)}
        moved = []
        for row in [*late, *overdue]:
            new = settle(row.state, row.deadline_at, looked.get(row.seed), now, self._patience)
            if new is not None and await self._move(row, new):
                moved.append(row.id)
        return moved

    async def forget(self, messages: timedelta, kept: timedelta) -> None:
        """Drop raw messages older than `messages` and probes older than `kept`.

        How order mail would be known if it came again is forgotten after seven days.
        """
        now = self._clock.now()
        async with self._ledger.write() as conn:
            await retention.forget(conn, raws_before=now - messages, probes_before=now - kept)
            await retention.forget_messages(conn, now - messages)
            await retention.forget_dedupe(conn, now - DEDUPED_FOR)

    async def _move(self, row: ProbeRow, new: ProbeState) -> bool:
        async with self._ledger.write() as conn:
            moved = await self._mark(conn, row, new)
        if moved:
            self._count(row, new)
            log.info("probe settled", probe=row.id, route=row.route, seed=row.seed, state=new)
        return moved

    async def _mark(self, conn: AsyncConnection, row: ProbeRow, new: ProbeState) -> bool:
        now = self._clock.now()
        if new is ProbeState.UNSENT:
            nothing = dict.fromkeys(("code", "enhanced", "text", "stage"))
            return await probes.mark_unsent(
                conn, row.id, at=now, fault=Fault.UNKNOWN, reason=IN_DOUBT, **nothing
            )
        mark = {
            ProbeState.OVERDUE: probes.mark_overdue,
            ProbeState.UNOBSERVED: probes.mark_unobserved,
            ProbeState.LOST: probes.mark_lost,
        }[new]
        return await mark(conn, row.id, at=now)

    def _count(self, row: ProbeRow, new: ProbeState) -> None:
        placement = {
            ProbeState.OVERDUE: Placement.MISSING,
            ProbeState.UNOBSERVED: Placement.UNOBSERVED,
        }.get(new)
        if placement:
            counter = self._metrics.placements
            counter.labels(row.shop, row.route, row.provider, placement).inc()
