"""Houses one after another on the same ledger, and the end of it, when all mail is sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from daemon.ledger.database import Ledger
from tests.chaos import books
from tests.chaos.clients import greeted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chaos.house import House
    from tests.chaos.nursery import Child, Nursery

STEP_S = 360.0
"""How far each child's clock is ahead of that of the one before it: leases have run out, and what
was tried once is due again."""
DRAIN_STEP_S = 5 * 3_600.0
DRAINED_WITHIN_S = 180
STILL_S = 0.6
"""Who has sent nothing for so long has nothing to send."""


class Households:
    """Children of a nursery that live in the house, never two at a time."""

    def __init__(self, nursery: Nursery, house: House, *, hasty: bool = False) -> None:
        self._nursery, self._house, self._hasty = nursery, house, hasty
        self._later_s = 0.0
        self._child: Child | None = None

    async def begin(self, step_s: float = STEP_S) -> Child:
        """The next one, once it takes mail in."""
        self._later_s += step_s
        terms = {"settings": str(self._house.settings), "later_s": self._later_s}
        self._child = await self._nursery.bear("house", self._house.log, **terms, hasty=self._hasty)
        await greeted(self._house.intake)
        return self._child

    async def kill(self) -> None:
        """SIGKILL for the one that lives."""
        if self._child:
            await self._child.kill()
            self._child = None

    async def drain(self) -> None:
        """Let ones that nobody kills send what is left; nobody lives when nothing is."""
        async with opened(self._house.database) as ledger, asyncio.timeout(DRAINED_WITHIN_S):
            left = await books.waiting(ledger)
            while left:
                await asyncio.sleep(STILL_S)
                before, left = left, await books.waiting(ledger)
                if left == before:  # what is not yet due by this clock
                    await self.kill()
                    await self.begin(DRAIN_STEP_S)
        await self.kill()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Ledger]:
    """A ledger with its schema."""
    ledger = await Ledger.open(url)
    try:
        await ledger.migrate()
        yield ledger
    finally:
        await ledger.close()
