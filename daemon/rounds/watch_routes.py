"""Reports what goes wrong with order mail: routes that refuse it, mail that comes back, or waits.

Each is one incident, told and ended like any other; never one notice for each mail. Nothing is
written, and nobody is kept waiting, while nothing changes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from daemon.ledger import incidents, route_health, turns
from daemon.rounds import mail_reports
from daemon.rounds.mail_reports import NO_PROVIDER, Move, Reports
from daemon.rulings.incidents import Happening
from daemon.rulings.route_trouble import (
    SEVERAL,
    SOON,
    WINDOW,
    Took,
    Tried,
    coming_back,
    trouble,
)
from probes.observation import Fault
from probes.submission import Outcome, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.route_health import ReturnFact, TryFact
    from daemon.rounds.mail_reports import Place
    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()

ENDED_WITHIN = timedelta(days=5)
"""How long it is remembered how an incident ended."""
_BEFORE_THE_MAIL = frozenset({Stage.CONNECT, Stage.TLS, Stage.LOGIN})


class RouteWatcher:
    """Opens, describes and ends the incidents of `ways`, each a (shop, route).

    `probed` are the providers where probes go: there, two bounces are not enough yet.
    """

    def __init__(
        self,
        around: Surroundings,
        ways: Iterable[tuple[str, str]],
        probed: Iterable[str] = (),
    ) -> None:
        self._ledger, self._clock, self._metrics = around.ledger, around.clock, around.metrics
        self._ways, self._probed = tuple(ways), frozenset(probed)
        self._shops = tuple(dict.fromkeys(shop for shop, _ in self._ways))

    async def run_once(self) -> list[Move]:
        """Look once; whatever it finds is one transaction."""
        now = self._clock.now()
        async with self._ledger.read() as conn:
            moves = await self._moves(conn, now)
        if not moves:
            return []
        async with self._ledger.write() as conn:
            await turns.take(conn, turns.ROUTES)
            moves = await self._moves(conn, now)  # another process may have been first
            for move in moves:
                await _make(conn, move)
        for move in moves:
            self._count(move)
        return moves

    async def _moves(self, conn: AsyncConnection, now: datetime) -> list[Move]:
        since = now - ENDED_WITHIN
        routes = Reports(await route_health.reports(conn, since, mail_reports.ROUTE))
        held = Reports(await route_health.reports(conn, since, mail_reports.HELD))
        found = [await self._of_route(conn, way, routes, now) for way in self._ways]
        for shop in self._shops:
            found += await self._of_returns(conn, shop, routes, now)
            found.append(await self._of_held(conn, shop, held, now))
        found += [_ended(routes, place, now) for place in routes.places() if self._gone(place)]
        return [move for move in found if move]

    def _gone(self, place: Place) -> bool:
        """Whether the settings know the route no longer."""
        return place[:2] not in self._ways

    async def _of_route(
        self, conn: AsyncConnection, way: tuple[str, str], known: Reports, now: datetime
    ) -> Move | None:
        place = (*way, NO_PROVIDER)
        standing, before = known.standing(place) is not None, known.before(place)
        facts = await route_health.newest(conn, way, now - WINDOW)
        tried = [one for fact in facts if (one := said(fact))]
        found = trouble(tried, now, standing=standing, before=before)
        if found is None:
            return _ended(known, place, now) if tried else None
        others = [route for shop, route in self._ways if (shop, route) != way and shop == way[0]]
        sent = await route_health.taken_over(conn, way[0], others, found.since)
        return known.move(
            mail_reports.refusing(place, found, _failures(facts, found.since), sent, now)
        )

    async def _of_returns(
        self, conn: AsyncConnection, shop: str, known: Reports, now: datetime
    ) -> list[Move | None]:
        """What comes back, by route and provider."""
        at: defaultdict[Place, list[ReturnFact]] = defaultdict(list)
        for fact in await route_health.came_back(conn, shop, now - WINDOW):
            at[shop, fact.route, fact.provider or _domain(fact.recipient)].append(fact)
        lasting = [p for p in known.places() if p[0] == shop and p[2] != NO_PROVIDER]
        places = [p for p in dict.fromkeys((*lasting, *at)) if not self._gone(p)]
        if not places:
            return []
        # where probes go, the standing speaks of bounces too: one trouble is told once
        lanes = Reports(reversed(await incidents.since(conn, now - WINDOW, shop=shop)))
        return [await self._of_place(conn, p, at[p], (known, lanes), now) for p in places]

    async def _of_place(
        self,
        conn: AsyncConnection,
        place: Place,
        facts: list[ReturnFact],
        reports: tuple[Reports, Reports],
        now: datetime,
    ) -> Move | None:
        """It is over when nothing came back for a while in which mail was handed over there."""
        known, lanes = reports
        standing = known.standing(place) is not None
        if not standing and lanes.standing(place):
            return None
        found = coming_back(
            [Tried(fact.at, fact.mail, Took.FAILED, fact.text) for fact in facts],
            now,
            standing=standing,
            before=known.before(place) or lanes.before(place),
            soon=SEVERAL if place[2] in self._probed else SOON,
        )
        if found:
            return known.move(mail_reports.returning(place, found, facts, now))
        taken = await route_health.accepted_at(conn, place[:2], place[2], now - WINDOW)
        return _ended(known, place, now) if standing and taken else None

    async def _of_held(
        self, conn: AsyncConnection, shop: str, known: Reports, now: datetime
    ) -> Move | None:
        """After one that a person dismissed, only what began to wait since then is told."""
        place = (shop, "", NO_PROVIDER)
        before = None if known.standing(place) else known.before(place)
        after = before.at if before and before.dismissed else None
        count, since = await route_health.waiting(conn, shop, after)
        if count and since:
            return known.move(mail_reports.holding(shop, count, since, now))
        return _ended(known, place, now)

    def _count(self, move: Move) -> None:
        row = move.row
        log.warning("incident", what=move.what, id=row.id, why=row.why)
        if move.what is Happening.OPENED:
            self._metrics.incidents.labels(row.shop, row.cause).inc()


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


def _failures(facts: Iterable[TryFact], since: datetime) -> list[TryFact]:
    tried = ((fact, said(fact)) for fact in facts if fact.at >= since)
    return [fact for fact, one in tried if one and one.took is Took.FAILED]


def _ended(known: Reports, place: Place, now: datetime) -> Move | None:
    row = known.standing(place)
    return Move(Happening.CLOSED, replace(row, changed_at=now)) if row else None


def _domain(address: str) -> str:
    """Who receives mail at a provider that nobody knows."""
    return address.rpartition("@")[2].lower()


async def _make(conn: AsyncConnection, move: Move) -> None:
    row = move.row
    match move.what:
        case Happening.OPENED:
            if not await incidents.open_(conn, row):
                await incidents.reopen(conn, row)
        case Happening.CAUSE:
            await incidents.describe(conn, row)
        case _:
            await incidents.mark_recovering(conn, row.id, at=row.changed_at)
            await incidents.mark_resolved(conn, row.id, at=row.changed_at)
