"""Killed while it takes mail in: nothing acknowledged is lost, nothing is stored or sent twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chaos import books
from tests.chaos.clients import Memory, clients, greeted
from tests.chaos.figures import Figure, at_least, exactly, merely
from tests.chaos.house import build
from tests.chaos.households import Households, opened
from tests.chaos.next_server import next_server
from tests.stories.programs import running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.chaos.house import House
    from tests.chaos.nursery import Nursery

CLIENTS = 8
LONGEST_LIFE_S = 0.4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all sides know in the end."""

    kills: int
    told: Memory
    books: books.Books
    came: Mapping[str, int]

    @property
    def lost(self) -> set[str]:
        """Acknowledged, and not stored."""
        return self.told.acknowledged - set(self.books.copies)


async def intake_kills(
    nursery: Nursery,
    folder: Path,
    kills: int,
    *,
    services: int = 0,
    database: str | None = None,
    hasty: bool = False,
    tell: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """Kill the house so many times at random moments while eight clients bring mail.

    Before that, `services` whole services, started as people do, are killed as well.
    """
    async with next_server() as further:
        house = build(folder, further.port, database)
        async with opened(house.database):
            pass
        children = Households(nursery, house, hasty=hasty)
        async with clients(house.intake, CLIENTS) as told:
            for _ in range(services):
                await _service(house)
            for number in range(kills):
                await children.begin()
                await asyncio.sleep(random.uniform(0, LONGEST_LIFE_S))
                await children.kill()
                if number % 20 == 19:
                    tell(f"{number + 1} kills, {len(told.acknowledged):,} acknowledged")
            await children.begin()
        if not hasty:
            await children.drain()
        await children.kill()
        found = await books.read(house.database)
        return Outcome(kills + services, told, found, dict(further.came))


async def _service(house: House) -> None:
    async with running(house.settings, "--no-probing") as process:
        await greeted(house.intake)
        await asyncio.sleep(random.uniform(0, LONGEST_LIFE_S))
        process.kill()


def figures(outcome: Outcome, where: str) -> list[Figure]:
    """Promises 1 and 2."""
    told, found = outcome.told, outcome.books
    n = f"{outcome.kills} kills, {len(told.acknowledged):,} acknowledged ({where})"
    again = told.again & told.acknowledged
    return [
        exactly("acknowledged and not stored", n, len(outcome.lost)),
        merely("brought again after no answer", n, len(again)),
        exactly("stored twice", f"{len(again):,} brought again ({where})", len(found.doubled())),
        exactly("orders with other than one outgoing mail", n, len(found.not_one_attempt())),
        exactly("arrived twice at the next server", n, len(books.twice(outcome.came))),
        exactly("neither sent nor in doubt", n, len(found.unsettled())),
        exactly("sent and not arrived", n, len(found.lost(outcome.came))),
        merely("in doubt", n, len(found.doubtful())),
    ]


def control(outcome: Outcome, where: str) -> list[Figure]:
    """The same, where the answer came before the commit: the harness must see it."""
    n = f"{outcome.kills} kills, {len(outcome.told.acknowledged):,} acknowledged ({where})"
    return [at_least("answered before the commit (control): lost", n, len(outcome.lost))]
