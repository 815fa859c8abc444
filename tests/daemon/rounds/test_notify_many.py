"""Ten thousand incidents at once are told in a handful of notices."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from daemon.ledger import schema
from daemon.rulings.alerting import Policy
from tests.daemon.ledger.watch_samples import incident
from tests.daemon.rounds.conftest import HeldClock
from tests.daemon.rounds.reception import Reception, reception

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from daemon.rounds.surroundings import Surroundings

MANY = 10_000
SHOPS = [f"shop-{n}" for n in range(500)]


@pytest.fixture
async def storm(around: Surroundings, tmp_path: Path) -> AsyncIterator[Reception]:
    (tmp_path / "secrets").mkdir()
    async with reception(around, tmp_path / "secrets") as made:
        at = made.clock.now()
        rows = [
            incident(shop=SHOPS[n % len(SHOPS)], opened_at=at, changed_at=at) for n in range(MANY)
        ]
        columns = [column.name for column in schema.incidents.c]
        async with around.ledger.write() as conn:
            values = [{c: getattr(row, c) for c in columns} for row in rows]
            await conn.execute(insert(schema.incidents), [v | {"evidence": []} for v in values])
        yield made


async def test_ten_thousand_incidents_do_not_send_ten_thousand_messages(storm: Reception) -> None:
    everything = frozenset(SHOPS)
    people = [storm.contact(name, shops=everything) for name in ("sara", "omid")]
    boss = storm.contact("boss", shops=everything, rank=1)
    policy = Policy()
    notifier = storm.notifier(*people, boss, policy=policy)
    for _ in range(5):
        await notifier.run_once()
        await notifier.close()
        storm.clock.pass_(minutes=11)
    told = await storm.notices()
    sent = Counter(notice.contact for notice in told)
    assert max(sent.values()) <= policy.cap
    assert len(storm.bodies) == sum(sent.values())
    [first, *_] = [body for body in storm.bodies if body["type"] == "notice.grouped"]
    assert first["data"]["subject"] == "Your shops: 10,000 problems with receipts"
    assert first["data"]["facts"]["total"] == MANY
    assert "And 9,990 more." in first["data"]["text"]
    storm.clock.pass_(hours=24)
    await storm.round(notifier)
    assert len(storm.bodies) < 20


class SlowClock(HeldClock):
    """Each look at it costs a second: planning seems to take long."""

    def now(self) -> datetime:
        return self.pass_(seconds=1)


async def test_planning_that_takes_long_leaves_most_of_the_time_to_others(
    around: Surroundings, tmp_path: Path
) -> None:
    async with reception(replace(around, clock=SlowClock()), tmp_path) as slow:
        notifier = slow.notifier(slow.contact())
        await notifier.run_once()
        await slow.open()
        for _ in range(5):
            await notifier.run_once()
        assert await slow.notices() == []
        slow.clock.pass_(seconds=20)
        assert len(await slow.round(notifier)) == 1


async def test_a_clock_that_is_set_back_ends_the_rest(around: Surroundings, tmp_path: Path) -> None:
    async with reception(replace(around, clock=SlowClock()), tmp_path) as slow:
        notifier = slow.notifier(slow.contact())
        await notifier.run_once()
        await slow.open()
        slow.clock.pass_(hours=-3)
        await slow.open(opened_at=slow.clock.at)
        assert await slow.round(notifier)
