"""Reads what came back, rules on it, and has it done: once, and to nobody else's mail.

What is no bounce is marked with the reason and does nothing. Nothing is ever answered: whoever
forges a sender would have us write to a stranger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.intake.bounces.verdict import Bounce, NoBounce, NoBounceKind
from daemon.ledger import bounces, findings, messages
from daemon.ledger.bounces import Recorded
from daemon.ledger.states import Reading
from daemon.rounds import bounce_records
from daemon.rounds.bounce_links import LONGEST, Linked, Paths, linked
from daemon.rulings.bounces import rule
from probes.observation import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.intake.bounces.reader import BounceReader
    from daemon.ledger.messages import Unread
    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()

BATCH = 100
MOST_BATCHES = 20
MOST_AN_HOUR = 20
"""Bounces of one attempt that are read; honest servers send one, and some warnings before it."""

FLOOD = "flood"
FORGED = "forged"
UNLINKED = "unlinked"
_NOBODYS = "It names no mail that this shop sent to this recipient."
_FORGED = "It came to a return path that we did not sign."
_FLOODED = f"More than {MOST_AN_HOUR} bounces of one mail came within an hour: not read."


@dataclass(frozen=True, slots=True)
class _Told:
    """What is counted once it is committed: of what kind, and whose fault."""

    kind: str
    fault: Fault = Fault.NONE


class BounceRound:
    """Reads unread bounces with `reader`, which it does not close.

    `key` signs the return paths; `shops` are each shop's.
    """

    def __init__(
        self, around: Surroundings, reader: BounceReader, key: bytes, shops: Mapping[str, Paths]
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._reader, self._key, self._shops = reader, key, dict(shops)

    async def run_once(self) -> int:
        """Read what waits, two thousand at the most; how many were read.

        Raises WorkerNotStarted, when the rest waits for the next time; LedgerError.
        """
        read = 0
        for _ in range(MOST_BATCHES):
            async with self._ledger.read() as conn:
                waiting = await messages.unread_bounces(conn, limit=BATCH)
            for message in waiting:
                await self._take(message)
            read += len(waiting)
            if not waiting:
                break
        return read

    async def _take(self, message: Unread) -> None:
        paths = self._shops.get(message.shop, Paths())
        if paths.forged(message, self._key):
            await self._set_aside(message, FORGED, _FORGED)
            self._metrics.mail.forged(message.shop)
            return
        attempt = paths.named_by(message, self._key)
        if attempt and await self._is_flood(message, attempt):
            await self._set_aside(message, FLOOD, _FLOODED)
            return
        verdict = await self._read(message, paths)
        if isinstance(verdict, NoBounce):
            await self._set_aside(message, verdict.kind, f"No bounce: {verdict.why}")
        else:
            await self._apply(message, paths, verdict, attempt)

    async def _is_flood(self, message: Unread, attempt: str) -> bool:
        since = message.received_at - timedelta(hours=1)
        async with self._ledger.read() as conn:
            known = await bounces.how_many(conn, message.shop, attempt, since=since)
        return known >= MOST_AN_HOUR

    async def _read(self, message: Unread, paths: Paths) -> Bounce | NoBounce:
        ours = [*paths.own, *([paths.base] if paths.base else [])]
        return await self._reader.read(message.raw[:LONGEST], ours, message.mail_from)

    async def _set_aside(self, message: Unread, kind: str, why: str) -> None:
        """Mark it with the reason; it does nothing."""
        reading = Reading.UNPARSED if kind == NoBounceKind.UNREADABLE else Reading.READ
        at = self._clock.now()
        async with self._ledger.write() as conn:
            new = await messages.mark_read(conn, message.id, at=at, reading=reading, problem=why)
        if new:
            self._count(message.shop, _Told(kind))
            log.info("nothing came of what came back", message=message.id, kind=kind, why=why)

    async def _apply(
        self, message: Unread, paths: Paths, bounce: Bounce, attempt: str | None
    ) -> None:
        """All that one bounce does, in one transaction with its being read."""
        async with self._ledger.write() as conn:
            about = await linked(conn, message.shop, paths, bounce, attempt)
            problem = None if any(one.mail for one in about) else _NOBODYS
            at = self._clock.now()
            if not await messages.mark_read(conn, message.id, at=at, problem=problem):
                return
            told = [await self._record(conn, message, bounce, one) for one in about]
        for one in told:
            self._count(message.shop, one)

    async def _record(
        self, conn: AsyncConnection, message: Unread, bounce: Bounce, one: Linked
    ) -> _Told:
        ruling = rule(bounce_records.returned(bounce, one))
        row, effect = bounce_records.record(message, bounce, one), bounce_records.effect(ruling)
        done = await bounces.record(conn, row, effect, at=self._clock.now())
        log.info("bounce", message=message.id, mail=row.mail, done=done, why=ruling.sentence)
        if ruling.finding and done in {Recorded.APPLIED, Recorded.EARLY}:
            found = [bounce_records.finding(one, ruling)]
            at, shop = self._clock.now(), message.shop
            await findings.add(conn, shop=shop, at=at, route=one.route, findings=found)
        if done is Recorded.DUPLICATE:
            return _Told(done)
        return _Told(bounce.kind if one.mail else UNLINKED, one.failure.fault)

    def _count(self, shop: str, told: _Told) -> None:
        self._metrics.mail.bounces.labels(shop, told.kind, told.fault).inc()
