"""Decides whom to tell what, writes that down, and lets it be delivered."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.ledger import incidents, notices
from daemon.ledger.notices import ToldRow
from daemon.lifecycles.incident import IncidentState
from daemon.rounds.deliveries import Courier
from daemon.rounds.mail_reports import WAITS
from daemon.rounds.parties import OPERATOR
from daemon.rulings.alerting import Due, Failure, Incident, Kind, Policy, Told, due
from daemon.rulings.attribution import Cause

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    import httpx2
    from sqlalchemy.ext.asyncio import AsyncConnection

    from daemon.ledger.incidents import Outline
    from daemon.rounds.addressees import Addressee
    from daemon.rounds.stories import Names
    from daemon.rounds.surroundings import Surroundings

ENDED_WITHIN = timedelta(days=2)
"""How long after its end an incident may still be told as solved: quiet hours pass in between."""
FAILED_WITHIN = timedelta(days=1)
KINDS = {str(kind): kind for kind in Kind}
SHARE = 20
LONGEST_REST = timedelta(minutes=1)
"""Planning takes at most one part in twenty of the time, however many incidents there are."""
AT_ONCE = 20
"""Deliveries under way; a slow channel holds up nobody else's."""
DRAIN_S = 15.0


class Notifier:
    """Makes the notices that are due and has them delivered; waits for no delivery.

    `primaries` are the (shop, route) by which customers' receipts leave now.
    """

    def __init__(
        self,
        around: Surroundings,
        *,
        addressees: Iterable[Addressee],
        policy: Policy,
        primaries: Collection[tuple[str, str]],
        names: Names,
        http: httpx2.AsyncClient,
    ) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        self._addressees = {one.contact.name: one for one in addressees}
        self._policy, self._primaries = policy, primaries
        self._courier = Courier(around, self._addressees, names, http)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._rest = (self._clock.now(),) * 2

    async def run_once(self) -> None:
        """Plan what is due, and begin to deliver what is planned.

        Raises what went wrong with a delivery that was begun before.
        """
        if not self._addressees:
            return
        ended = [key for key, task in self._under_way.items() if task.done()]
        outcomes = [self._under_way.pop(key) for key in ended]
        if not self._rests():
            await self._plan()
        await self._begin()
        for task in outcomes:
            task.result()

    async def close(self) -> None:
        """Let what is under way end, for a while; the lease sees to the rest."""
        tasks = self._under_way.values()
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _rests(self) -> bool:
        """Whether planning took so long that others come first; a clock set back ends that."""
        begin, end = self._rest
        return begin <= self._clock.now() < end

    async def _plan(self) -> None:
        began = self._clock.now()
        async with self._ledger.read() as conn:
            wanted = await self._due(conn, began)
        if wanted:
            await self._store_all()
        ended = self._clock.now()
        self._rest = ended, ended + min(SHARE * (ended - began), LONGEST_REST)

    async def _store_all(self) -> None:
        async with self._ledger.write() as conn:
            await notices.take_turn(conn)  # and look again: another process may have been first
            now = self._clock.now()
            for one in await self._due(conn, now):
                await self._store(conn, one, now)

    async def _begin(self) -> None:
        room = AT_ONCE - len(self._under_way)
        async with self._ledger.read() as conn:
            waiting = await notices.due(conn, self._clock.now(), limit=AT_ONCE)
        fresh = [row.key for row in waiting if row.key not in self._under_way]
        for key in fresh[:room]:
            self._under_way[key] = asyncio.create_task(self._courier.carry(key))

    async def _due(self, conn: AsyncConnection, now: datetime) -> list[Due]:
        rows = await incidents.outlines(conn, now - ENDED_WITHIN)
        failed = await self._failures(conn, now)
        if not rows and not failed:
            return []
        told = [_told(line) for line in await notices.log(conn, now - ENDED_WITHIN)]
        known = [self._incident(row) for row in rows if row.state is not IncidentState.DISMISSED]
        contacts = [one.contact for one in self._addressees.values()]
        return due(known, contacts, told, failed, now=now, policy=self._policy)

    async def _failures(self, conn: AsyncConnection, now: datetime) -> list[Failure]:
        rows = await notices.failures(conn, now - FAILED_WITHIN)
        return [
            Failure(row.key, row.contact, row.channel)
            for row in rows
            if row.contact in self._addressees
        ]

    def _incident(self, row: Outline) -> Incident:
        # nothing that the owner could do brings a provider back: no reason to wake anybody
        acute = (row.shop, row.route) in self._primaries and row.cause != Cause.PROVIDER
        # customers wait until somebody decides
        acute = acute or row.cause == WAITS
        return Incident(
            id=row.id,
            shop=row.shop,
            opened_at=row.opened_at,
            cause=row.cause,
            episode=row.episode,
            critical=acute,
            for_operator=row.shop == OPERATOR,
            acknowledged_at=row.acknowledged_at,
            resolved_at=row.resolved_at,
        )

    async def _store(self, conn: AsyncConnection, one: Due, now: datetime) -> None:
        await notices.plan(
            conn,
            [_line(told) for told in one.told],
            key=one.key,
            contact=one.contact,
            channel=self._addressees[one.contact].channel.name,
            kind=one.kind,
            about=one.about,
            at=now,
        )


def _told(line: ToldRow) -> Told:
    return Told(
        line.key,
        line.contact,
        KINDS[line.kind],
        line.at,
        line.about,
        line.episode,
        line.cause,
        line.given_up,
    )


def _line(told: Told) -> ToldRow:
    return ToldRow(told.key, told.about, told.contact, told.kind, told.at, told.episode, told.cause)
