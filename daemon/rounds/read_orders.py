"""Reads what was taken in: which order it belongs to, and whose mail a copy is.

It comes after the 250 and apart from the sending: nothing that a message holds can lose or delay
it. A message over its budget costs the worker its life, is marked with the reason, and is never
tried again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.intake.orders.terms import OrderTerms
from daemon.intake.orders.verdict import Reading
from daemon.intake.orders.work import BEGIN
from daemon.ledger import messages
from daemon.ledger.orders import FoundOrder
from daemon.ledger.states import Reading as ReadingState
from daemon.lifecycles.arrival import IntakeMode
from probes.parts import MAX_WALK
from probes.worker import Worker, WorkerLost, WorkerTooSlow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from daemon.ledger.messages import Unread, WhatWasRead
    from daemon.rounds.surroundings import Surroundings

log = structlog.get_logger()

BATCH = 50
MOST_BATCHES = 40
BUDGET_S = 2.0
MEMORY = 512 * 1024**2


class OrderReader:
    """Reads unread messages in a worker, and stores what it read, batch by batch.

    `terms` are each shop's; `own` are our own addresses and domains, which are nobody's customers.
    """

    def __init__(
        self,
        around: Surroundings,
        terms: Mapping[str, OrderTerms],
        *,
        own: Iterable[str] = (),
        budget_s: float = BUDGET_S,
    ) -> None:
        self._ledger, self._clock = around.ledger, around.clock
        ours = tuple(own)
        shops = {shop: replace(t, own=(*t.own, *ours)).as_json() for shop, t in terms.items()}
        settings = {"shops": shops, "strangers": OrderTerms(own=ours).as_json()}
        self._worker = Worker(BEGIN, settings, budget_s=budget_s, memory=MEMORY)

    async def run_once(self) -> int:
        """Read what waits, two thousand messages at the most; how many were read.

        Raises WorkerNotStarted, when nothing was read that could be; LedgerError.
        """
        read = 0
        for _ in range(MOST_BATCHES):
            waiting = await self._waiting()
            read += await self._read(waiting)
            if not waiting:
                break
        return read

    async def close(self) -> None:
        """End the worker."""
        await self._worker.close()

    async def _waiting(self) -> list[Unread]:
        async with self._ledger.read() as conn:
            return await messages.unread(conn, limit=BATCH)

    async def _read(self, waiting: list[Unread]) -> int:
        readings: list[tuple[Unread, Reading]] = []
        try:
            for message in waiting:
                readings.append((message, await self._reading(message)))  # noqa: PERF401 - those before an error are kept
        finally:
            await self._store(readings)
        return len(readings)

    async def _reading(self, message: Unread) -> Reading:
        try:
            return await self._ask_twice(message)
        except WorkerLost as lost:
            log.warning("message not read", message=message.id, shop=message.shop, why=str(lost))
            return Reading(problem=str(lost))

    async def _ask_twice(self, message: Unread) -> Reading:
        try:
            return await self._ask(message)
        except WorkerTooSlow:
            raise
        except WorkerLost:
            # Somebody else may have killed it; whoever kills two is to blame.
            return await self._ask(message)

    async def _ask(self, message: Unread) -> Reading:
        relayed = message.mode is IntakeMode.RELAY
        job = {"shop": message.shop, "envelope": message.recipients if relayed else ()}
        return Reading.from_json(await self._worker.ask(job, message.raw[:MAX_WALK]))

    async def _store(self, readings: list[tuple[Unread, Reading]]) -> None:
        if readings:
            store = partial(_store, readings=readings, at=self._clock.now())
            async with self._ledger.turn() as transact:
                await transact(store)


def _store(conn: Connection, readings: list[tuple[Unread, Reading]], at: datetime) -> None:
    for message, reading in readings:
        messages.keep_read(conn, message.id, at=at, what=_told(message, reading))


def _told(message: Unread, reading: Reading) -> WhatWasRead:
    return {
        "reading": ReadingState.UNPARSED if reading.problem else ReadingState.READ,
        "problem": reading.problem,
        "subject": reading.subject,
        "sender": reading.sender,
        "order": _order(reading),
        # a copy's envelope is our own address
        "recipients": [r for r in reading.recipients if r not in message.recipients],
    }


def _order(reading: Reading) -> FoundOrder | None:
    found = reading.order
    if found is None:
        return None
    return FoundOrder(found.number, found.by, found.customer, found.customer_name)
