"""Reports what goes wrong with order mail: routes that refuse it, and mail that waits for a person.

Each is one incident, told and ended like any other; never one notice for each mail.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from daemon.ledger import incidents, route_health, turns
from daemon.ledger.incidents import IncidentRow
from daemon.lifecycles.incident import IncidentState
from daemon.rulings.incidents import incident_id
from daemon.rulings.route_trouble import WINDOW, Took, Tried, trouble
from probes.observation import Fault
from probes.submission import Outcome, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.route_health import TryFact
    from daemon.rounds.surroundings import Surroundings
    from daemon.rulings.route_trouble import Trouble

log = structlog.get_logger()

REFUSED, HELD = "refused", "held"
NO_PROVIDER = ""
"""It is about no provider in particular."""
_BEFORE_THE_MAIL = frozenset({Stage.CONNECT, Stage.TLS, Stage.LOGIN})


class RouteWatcher:
    """Opens, describes and ends the incidents of `ways`, each a (shop, route)."""

    def __init__(self, around: Surroundings, ways: Iterable[tuple[str, str]]) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._ways = tuple(ways)

    async def run_once(self) -> None:
        """Look once; whatever it finds is one transaction."""
        now = self._clock.now()
        async with self._ledger.write() as conn:
            await turns.take(conn, turns.ROUTES)
            standing = {(row.shop, row.route, row.cause): row for row in await _ours(conn)}
            for way in self._ways:
                await self._look_at_route(conn, way, standing.get((*way, REFUSED)), now)
            for shop in dict.fromkeys(shop for shop, _ in self._ways):
                await self._look_at_held(conn, shop, standing.get((shop, "", HELD)), now)

    async def _look_at_route(
        self,
        conn: AsyncConnection,
        way: tuple[str, str],
        standing: IncidentRow | None,
        now: datetime,
    ) -> None:
        facts = await route_health.newest(conn, way, now - WINDOW)
        tried = [one for fact in facts if (one := said(fact))]
        found = trouble(tried, now, standing=standing is not None)
        if found:
            sent = await route_health.taken_over(conn, way, found.since)
            await self._tell(conn, _refusing(way, found, sent, now), standing)
        elif standing and tried:
            await self._end(conn, standing, now)

    async def _look_at_held(
        self, conn: AsyncConnection, shop: str, standing: IncidentRow | None, now: datetime
    ) -> None:
        count, since = await route_health.waiting(conn, shop)
        if count and since:
            await self._tell(conn, _holding(shop, count, since, now), standing)
        elif standing:
            await self._end(conn, standing, now)

    async def _tell(
        self, conn: AsyncConnection, row: IncidentRow, standing: IncidentRow | None
    ) -> None:
        if standing is None:
            if await incidents.open_(conn, row):
                self._metrics.incidents.labels(row.shop, row.cause).inc()
                log.warning("incident", what="opened", id=row.id, why=row.why)
            else:
                await incidents.reopen(conn, row)
        elif standing.why != row.why:
            await incidents.describe(conn, replace(row, id=standing.id))

    async def _end(self, conn: AsyncConnection, row: IncidentRow, now: datetime) -> None:
        await incidents.mark_recovering(conn, row.id, at=now)
        if await incidents.mark_resolved(conn, row.id, at=now):
            log.warning("incident", what="closed", id=row.id, why=row.why)


def said(fact: TryFact) -> Tried | None:
    """What a try says of its route; None when it says nothing."""
    words = " ".join(str(part) for part in (fact.code, fact.enhanced, fact.text) if part)
    if fact.outcome == Outcome.ACCEPTED:
        return Tried(fact.at, fact.mail, Took.TAKEN)
    if fact.outcome == Outcome.FAILED or fact.stage in _BEFORE_THE_MAIL:
        return Tried(fact.at, fact.mail, Took.FAILED, words)
    if fact.fault is Fault.SEED or (fact.outcome == Outcome.DEFERRED and fact.n < 2):
        return None
    return Tried(fact.at, fact.mail, Took.FAILED, words)


async def _ours(conn: AsyncConnection) -> list[IncidentRow]:
    return [row for row in await incidents.current(conn) if row.cause in {REFUSED, HELD}]


def _refusing(way: tuple[str, str], found: Trouble, sent: int, now: datetime) -> IncidentRow:
    shop, route = way
    share = f"{found.failed} of the last {found.tries} tries"
    why = f"The route {route} did not take order mail in {share}"
    if sent:
        why += f"; {sent} receipts went by another route"
    facts = {
        "since": found.since.isoformat(),
        "failed": found.failed,
        "tries": found.tries,
        "sent": sent,
        "reply": found.words,
    }
    key = incident_id((shop, route, REFUSED), found.since.timestamp(), "w")
    return _row(key, way, REFUSED, f"{why}. It said: {found.words}", facts, found.mails, now)


def _holding(shop: str, count: int, since: datetime, now: datetime) -> IncidentRow:
    receipts = "1 receipt waits" if count == 1 else f"{count} receipts wait"
    why = f"{receipts} for your decision: not sent, or nobody knows whether they arrived."
    key = incident_id((shop, HELD), since.timestamp(), "h")
    facts = {"since": since.isoformat(), "mails": count}
    return _row(key, (shop, ""), HELD, why, facts, (), now)


def _row(
    key: str,
    way: tuple[str, str],
    cause: str,
    why: str,
    facts: Mapping[str, Any],
    evidence: tuple[str, ...],
    now: datetime,
) -> IncidentRow:
    return IncidentRow(
        id=key,
        shop=way[0],
        route=way[1],
        provider=NO_PROVIDER,
        seed=None,
        state=IncidentState.OPEN,
        cause=cause,
        probability=1.0,
        why=why,
        facts=facts,
        evidence=evidence[-20:],
        opened_at=now,
        changed_at=now,
        acknowledged_at=None,
        acknowledged_by=None,
        resolved_at=None,
        episode=1,
    )
