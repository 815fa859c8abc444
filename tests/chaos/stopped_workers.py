"""Stopped beyond its lease while another takes over: what it writes afterwards comes too late."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from daemon.ledger.arrivals import Arrivals
from daemon.ledger.schema import LEASED
from daemon.ledger.schema import attempts as rows
from tests.chaos import books
from tests.chaos.clocks import FACTOR, Shared
from tests.chaos.figures import Figure, at_least, exactly, merely
from tests.chaos.house import ROUTE, SHOP
from tests.chaos.households import opened
from tests.chaos.letters import arrivals_of
from tests.chaos.next_server import next_server
from tests.chaos.points import POINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from daemon.ledger.database import Ledger
    from tests.chaos.nursery import Child, Nursery

NEW_MAILS = 12
TAKEN_OVER_WITHIN_S = 2.0
STOPS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the record of the worker that was stopped says, and what arrived."""

    at: Counter[str]
    amid_a_transaction: int
    late: int
    refused: int
    books: books.Books
    came: Mapping[str, int]

    @property
    def stops(self) -> int:
        """How often the peer took over."""
        return self.at.total()


async def stopped_workers(
    nursery: Nursery,
    folder: Path,
    stops: int,
    *,
    database: str | None = None,
    careless: bool = False,
    tell: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """One worker stops itself so many times; its peer works on."""
    url = database or f"sqlite:///{folder}/ledger.db"
    record, stopping = folder / "stopped.record", folder / "stopped.stops"
    log = folder / "workers.log"
    async with opened(url) as ledger, next_server() as further:
        began = time.monotonic()
        terms = {"url": url, "port": further.port, "began": began}
        alone = {**terms, "record": str(record), "stops": str(stopping), "careless": careless}
        with_peer = {**terms, "record": str(folder / "peer.record"), "stops": None}
        peer = await nursery.bear("worker", log, **with_peer)
        one = await nursery.bear("worker", log, **alone)
        course = _Course(ledger, one, stopping, Shared(FACTOR, began))
        while (done := sum(course.taken_over)) < stops:
            await course.stop_once()
            if course.taken_over[-1] and done % 20 == 19:
                tell(f"{done + 1} stops, {len(further.came):,} mails arrived")
        await one.kill()
        await course.settle()
        await peer.kill()
        found, came = await books.read(url), dict(further.came)
    return _outcome(course.taken_over, _events(stopping), _events(record), found, came)


class _Course:
    """New mails, a stop, the peer's taking over, and on."""

    def __init__(self, ledger: Ledger, one: Child, stopping: Path, clock: Shared) -> None:
        self._ledger, self._one, self._stopping, self._clock = ledger, one, stopping, clock
        self._arrivals = Arrivals(ledger, routes={SHOP: ROUTE})
        self._stored = 0
        self.taken_over: list[bool] = []
        """For each stop; one amid a transaction, which nobody can take from it, has no peer."""

    async def stop_once(self) -> None:
        """Go on once nothing is left to the one that was stopped."""
        async with asyncio.timeout(STOPS_WITHIN_S):
            while not self._one.is_stopped():
                await self._store()
                await asyncio.sleep(0.1)
        self.taken_over.append(await self._is_taken_over())
        self._one.send(signal.SIGCONT)
        async with asyncio.timeout(STOPS_WITHIN_S):
            while len(_events(self._stopping)) < len(self.taken_over):
                await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Let the peer send what is left."""
        async with asyncio.timeout(120):
            while await books.waiting(self._ledger):
                await asyncio.sleep(0.2)

    async def _is_taken_over(self) -> bool:
        ends = time.monotonic() + TAKEN_OVER_WITHIN_S
        while time.monotonic() < ends:
            if not await self._in_its_hand():
                return True
            await asyncio.sleep(0.05)
        return False

    async def _in_its_hand(self) -> int:
        held = select(func.count()).where(LEASED, rows.c.holder == f"child {self._one.pid}")
        async with self._ledger.read() as conn:
            return int((await conn.execute(held)).scalar_one())

    async def _store(self) -> None:
        if self._one.is_stopped() or await books.waiting(self._ledger) > 4 * NEW_MAILS:
            return
        new = arrivals_of(range(self._stored, self._stored + NEW_MAILS), self._clock.now())
        self._stored += NEW_MAILS
        await asyncio.gather(*map(self._arrivals.take, new), return_exceptions=True)


def _events(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def _outcome(
    taken_over: Sequence[bool],
    every: Sequence[dict[str, Any]],
    events: Sequence[dict[str, Any]],
    found: books.Books,
    came: Mapping[str, int],
) -> Outcome:
    stops = [stop for stop, taken in zip(every, taken_over, strict=True) if taken]
    claims = {(e["claimed"], e["fence"]): e["at"] for e in events if "claimed" in e}
    moves = [e for e in events if "moved" in e]
    late = [e["made"] for e in moves if _is_late(e, claims[e["moved"], e["fence"]], stops)]
    at = Counter(stop["point"] for stop in stops)
    amid = len(taken_over) - len(stops)
    return Outcome(at, amid, sum(late), len(late) - sum(late), found, came)


def _is_late(move: dict[str, Any], claimed: float, stops: Iterable[dict[str, Any]]) -> bool:
    """Whether the lease ran out between the claim and the move."""
    return any(claimed < stop["stopped"] and stop["resumed"] < move["asked"] for stop in stops)


def figures(outcome: Outcome, where: str) -> list[Figure]:
    """Promise 4."""
    n = f"{outcome.stops} stops, {len(outcome.books.copies):,} mails ({where})"
    return [
        exactly("late writes accepted", n, outcome.late),
        at_least("late writes refused", n, outcome.refused),
        exactly("sent twice", n, len(books.twice(outcome.came))),
        exactly("lost: not arrived and not in doubt", n, len(outcome.books.lost(outcome.came))),
        merely("in doubt", n, len(outcome.books.doubtful())),
        *(merely(f"stopped: {name}", where, outcome.at[point]) for point, name in POINTS.items()),
        merely("stopped amid a transaction, not counted", where, outcome.amid_a_transaction),
    ]


def control(outcome: Outcome, where: str) -> list[Figure]:
    """The same, by one who does not heed that he lost the lease."""
    n = f"{outcome.stops} stops, {len(outcome.books.copies):,} mails ({where})"
    return [
        at_least("lost lease not heeded (control): sent twice", n, len(books.twice(outcome.came)))
    ]
