"""The clock jumps by a day, or summer time begins: no mail goes out twice, and none too early."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from daemon.clock import Clock
from daemon.ledger import schema
from daemon.ledger.arrivals import Arrivals
from daemon.ledger.attempts import Moves
from daemon.rounds import send_mail
from tests.chaos import books
from tests.chaos.children import sender_of
from tests.chaos.house import ROUTE, SHOP
from tests.chaos.households import opened
from tests.chaos.letters import arrivals_of
from tests.chaos.next_server import next_server
from tests.stories.programs import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from daemon.ledger import Ledger

MAILS = 12
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SOONEST = timedelta(minutes=4.5)
"""The first retry: after five minutes, a tenth less."""
MAY_BE_EARLY = timedelta(seconds=60)


class Settable(Clock):
    """Somebody sets it."""

    def __init__(self, at: datetime | None = None) -> None:
        self._ahead = at - datetime.now(UTC) if at else timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def jump(self, by: timedelta) -> None:
        self._ahead += by


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_mail, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(send_mail, "LOOK_S", 0.1)


@asynccontextmanager
async def sending(ledger: Ledger, port: int, clock: Clock) -> AsyncIterator[None]:
    """A sender at work; two of them on one ledger are rivals."""
    moves = Moves(ledger)
    one = sender_of(ledger, moves, port, clock, lambda _point: None)
    one._holder += f" {id(one)}"
    working = asyncio.create_task(one.run(lambda: None))
    try:
        yield
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await moves.close()


async def take(ledger: Ledger, clock: Clock) -> None:
    arrivals = Arrivals(ledger, routes={SHOP: ROUTE})
    await asyncio.gather(*map(arrivals.take, arrivals_of(range(MAILS), clock.now())))
    await arrivals.close()


async def gaps(ledger: Ledger) -> list[timedelta]:
    """The times between two tries of the same mail, by the clock that they were made by."""
    tries = schema.tries
    query = select(tries.c.attempt, tries.c.started_at).order_by(tries.c.attempt, tries.c.n)
    async with ledger.read() as conn:
        rows = (await conn.execute(query)).all()
    return [b.started_at - a.started_at for a, b in pairwise(rows) if a.attempt == b.attempt]


async def until_put_off(ledger: Ledger) -> None:
    """Every mail was tried once and waits."""

    async def deferred() -> bool:
        state = schema.attempts.c.state
        async with ledger.read() as conn:
            states = list((await conn.execute(select(state))).scalars())
        return states == ["deferred"] * MAILS

    await until(deferred, within_s=20)


async def until_sent(ledger: Ledger) -> None:
    async def sent() -> bool:
        return not await books.waiting(ledger)

    await until(sent, within_s=20)


@pytest.mark.parametrize("there", [DAY, -DAY], ids=["forth", "back"])
async def test_a_jump_by_a_day_and_back_sends_each_mail_once_and_none_early(
    tmp_path: Path, there: timedelta
) -> None:
    clock = Settable()
    async with (
        opened(f"sqlite:///{tmp_path}/ledger.db") as ledger,
        next_server(put_off_first=True) as further,
        sending(ledger, further.port, clock),
        sending(ledger, further.port, clock),
    ):
        await take(ledger, clock)
        await until_put_off(ledger)
        clock.jump(there)
        await asyncio.sleep(0.5)  # time for several looks: what is wrong would be done by now
        assert set(further.came.values()) <= {1}
        clock.jump(-there)
        await asyncio.sleep(0.5)
        assert there > timedelta() or not further.came, "too early"
        clock.jump(6 * MINUTE)
        await until_sent(ledger)
        assert set(further.came.values()) == {1}
        assert len(further.came) == MAILS
        assert min(await gaps(ledger)) >= SOONEST - MAY_BE_EARLY


async def test_a_jump_while_mail_is_on_the_wire_sends_none_twice(tmp_path: Path) -> None:
    """To a rival, every lease has run out; its holder finds that it lost what it held."""
    clock = Settable()
    async with (
        opened(f"sqlite:///{tmp_path}/ledger.db") as ledger,
        next_server(0.1) as further,
        sending(ledger, further.port, clock),
        sending(ledger, further.port, clock),
    ):
        await take(ledger, clock)
        await until(lambda: _began(further.came), within_s=20, every_s=0.01)
        for jump in (DAY, -DAY, DAY):
            clock.jump(jump)
            await asyncio.sleep(0.15)
        await until_sent(ledger)
        found = await books.read(f"sqlite:///{tmp_path}/ledger.db")
        assert not books.twice(further.came)
        assert not found.lost(further.came)


async def _began(came: dict[str, int]) -> bool:
    return bool(came)


@pytest.mark.parametrize("change", ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"])
async def test_summer_time_begins_and_ends_and_no_retry_notices(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    clock = Settable(datetime.fromisoformat(change) - 2 * MINUTE)
    async with (
        opened(f"sqlite:///{tmp_path}/ledger.db") as ledger,
        next_server(put_off_first=True) as further,
        sending(ledger, further.port, clock),
    ):
        await take(ledger, clock)
        await until_put_off(ledger)
        clock.jump(3 * MINUTE)  # over the change
        await asyncio.sleep(0.5)
        assert not further.came, "too early"
        clock.jump(3 * MINUTE)
        await until_sent(ledger)
        assert sorted(further.came.values()) == [1] * MAILS
        assert min(await gaps(ledger)) >= SOONEST - MAY_BE_EARLY
    monkeypatch.undo()
    time.tzset()
