"""Killed while it sends: at each point of a delivery, nothing is sent twice and nothing lost."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from daemon.ledger.arrivals import Arrivals
from tests.chaos import books
from tests.chaos.clocks import Later
from tests.chaos.figures import Figure, at_least, exactly, merely
from tests.chaos.house import ROUTE, SHOP
from tests.chaos.households import DRAIN_STEP_S, STEP_S, STILL_S, opened
from tests.chaos.letters import arrivals_of
from tests.chaos.next_server import next_server
from tests.chaos.points import LATEST_VISIT, ONCE_A_LIFE, POINTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from daemon.ledger.database import Ledger
    from tests.chaos.next_server import NextServer
    from tests.chaos.nursery import Nursery

NEW_MAILS = 12
"""For each child."""
LONGEST_LIFE_S = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What both sides know in the end; `killed` by the point at which."""

    killed: Counter[str]
    elsewhere: int
    books: books.Books
    came: Mapping[str, int]


async def sending_kills(
    nursery: Nursery,
    folder: Path,
    kills: int,
    *,
    database: str | None = None,
    forgetful: bool = False,
    tell: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """Have so many children kill themselves at points chosen in turn, and others go on."""
    url = database or f"sqlite:///{folder}/ledger.db"
    async with opened(url) as ledger, next_server() as further:
        one = _Course(nursery, ledger, folder, url, further, forgetful=forgetful)
        for number in range(kills):
            await one.kill_at(list(POINTS)[number % len(POINTS)])
            if number % 50 == 49:
                tell(f"{number + 1} kills, {len(further.came):,} mails arrived")
        await one.finish()
        return Outcome(one.killed, one.elsewhere, await books.read(url), dict(further.came))


class _Course:
    """One sender after another on the same ledger, each a little later by its clock."""

    def __init__(
        self,
        nursery: Nursery,
        ledger: Ledger,
        folder: Path,
        url: str,
        further: NextServer,
        *,
        forgetful: bool,
    ) -> None:
        self._nursery, self._ledger, self._folder = nursery, ledger, folder
        self._arrivals = Arrivals(ledger, routes={SHOP: ROUTE})
        self._fixed = {"url": url, "port": further.port, "forgetful": forgetful}
        self._later_s = 0.0
        self._stored = 0
        self.killed: Counter[str] = Counter()
        self.elsewhere = 0

    async def kill_at(self, point: str) -> None:
        """One life."""
        visit = 1 if point in ONCE_A_LIFE else random.randint(1, LATEST_VISIT)
        self._later_s += STEP_S
        await self._store()
        death = (str(point), visit)
        child = await self._nursery.bear("sender", self._log, **self._terms, death=death)
        code = await child.ended(LONGEST_LIFE_S)
        if code == -signal.SIGKILL:
            self.killed[point] += 1
        elif code is None:  # the point was not visited so often: the moment is as good as any
            await child.kill()
            self.elsewhere += 1
        else:
            raise RuntimeError(f"a sender ended with {code}; see {self._log}")

    async def finish(self) -> None:
        """Let senders that nobody kills send what is left."""
        async with asyncio.timeout(120):
            while await books.waiting(self._ledger):
                self._later_s += DRAIN_STEP_S
                child = await self._nursery.bear("sender", self._log, **self._terms, death=None)
                await self._until_idle()
                await child.kill()

    async def _until_idle(self) -> None:
        before, left = -1, await books.waiting(self._ledger)
        while left and left != before:
            await asyncio.sleep(STILL_S)
            before, left = left, await books.waiting(self._ledger)

    async def _store(self) -> None:
        now = Later(self._later_s).now() - timedelta(seconds=1)
        new = arrivals_of(range(self._stored, self._stored + NEW_MAILS), now)
        self._stored += NEW_MAILS
        await asyncio.gather(*map(self._arrivals.take, new))

    @property
    def _log(self) -> Path:
        return self._folder / "senders.log"

    @property
    def _terms(self) -> dict[str, object]:
        return {**self._fixed, "later_s": self._later_s}


def figures(outcome: Outcome, where: str) -> list[Figure]:
    """Promise 3."""
    kills = outcome.killed.total() + outcome.elsewhere
    n = f"{kills} kills, {len(outcome.books.copies):,} mails ({where})"
    doubtful = outcome.books.doubtful()
    arrived = sum(1 for name in doubtful if outcome.came.get(name))
    return [
        exactly("sent twice", n, len(books.twice(outcome.came))),
        exactly("lost: not arrived and not in doubt", n, len(outcome.books.lost(outcome.came))),
        exactly("neither sent nor in doubt", n, len(outcome.books.unsettled())),
        merely("in doubt", n, len(doubtful)),
        merely("  of these arrived", f"{len(doubtful):,} in doubt", arrived),
        *(merely(f"killed: {name}", where, outcome.killed[p]) for p, name in POINTS.items()),
        merely("killed elsewhere, from outside", where, outcome.elsewhere),
    ]


def control(outcome: Outcome, where: str) -> list[Figure]:
    """The same, where what was handed over is taken for what was not."""
    n = f"{outcome.killed.total()} kills, {len(outcome.books.copies):,} mails ({where})"
    return [at_least("sent again blindly (control): sent twice", n, len(books.twice(outcome.came)))]
