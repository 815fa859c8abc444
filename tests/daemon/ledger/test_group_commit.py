"""Jobs are carried out together, each gets its own outcome, and nobody is kept waiting for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert

from daemon.ledger import Ledger, LedgerError, probes, schema
from daemon.ledger.group_commit import MOST, GroupCommit
from tests.daemon.ledger.arrival_samples import count
from tests.daemon.ledger.samples import planned

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

BAD = "bad"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """SQLite alone: what differs on PostgreSQL is tested with arrivals."""
    return f"sqlite:///{tmp_path}/ledger.db"


class Tally:
    """Stores each job as a cursor's seed; notes how many came together."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, conn: Connection, jobs: Sequence[str]) -> list[int]:
        self.batches.append(len(jobs))
        rows = [{"seed": job, "folder": "", "uidvalidity": 1, "next_uid": 1} for job in jobs]
        conn.execute(insert(schema.cursors), rows)
        if BAD in jobs:
            raise ZeroDivisionError
        return [len(job) for job in jobs]


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
async def commits(ledger: Ledger, tally: Tally) -> AsyncIterator[GroupCommit[str, int]]:
    grouped: GroupCommit[str, int] = GroupCommit(ledger, tally)
    yield grouped
    await grouped.close()


async def test_everybody_gets_his_own_outcome(commits: GroupCommit[str, int]) -> None:
    jobs = ["x" * length for length in range(1, 30)]
    assert await asyncio.gather(*map(commits.submit, jobs)) == [len(job) for job in jobs]


async def test_those_who_wait_are_committed_together_but_never_too_many(
    ledger: Ledger, commits: GroupCommit[str, int], tally: Tally
) -> None:
    await asyncio.gather(*(commits.submit(str(n)) for n in range(2 * MOST)))
    assert sum(tally.batches) == 2 * MOST
    assert max(tally.batches) == MOST
    assert len(tally.batches) <= 3
    assert await count(ledger, schema.cursors) == 2 * MOST


async def test_one_bad_job_fails_alone(
    ledger: Ledger, commits: GroupCommit[str, int], tally: Tally
) -> None:
    jobs = ["a", BAD, "bb"]
    outcomes = await asyncio.gather(*map(commits.submit, jobs), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, ZeroDivisionError, int]
    assert tally.batches == [3, 1, 1, 1]
    assert await count(ledger, schema.cursors) == 2


async def test_jobs_without_an_outcome_each_are_undone(ledger: Ledger, tally: Tally) -> None:
    commits: GroupCommit[str, int] = GroupCommit(ledger, lambda c, jobs: tally(c, jobs)[1:])
    for failed in await asyncio.gather(*map(commits.submit, "ab"), return_exceptions=True):
        assert isinstance(failed, ValueError)
    assert await count(ledger, schema.cursors) == 0
    await commits.close()


async def test_who_gives_up_before_his_turn_is_not_carried_out(
    ledger: Ledger, commits: GroupCommit[str, int]
) -> None:
    impatient = asyncio.create_task(commits.submit("impatient"))
    patient = asyncio.create_task(commits.submit("patient"))
    asyncio.get_running_loop().call_soon(impatient.cancel)
    assert await patient == len("patient")
    assert impatient.cancelled()
    assert await count(ledger, schema.cursors) == 1


async def test_who_gives_up_during_the_commit_harms_nobody(
    commits: GroupCommit[str, int], tally: Tally
) -> None:
    impatient = asyncio.create_task(commits.submit("impatient"))
    patient = asyncio.create_task(commits.submit("patient"))

    async def is_being_carried_out() -> None:
        while not tally.batches:
            await asyncio.sleep(0)

    await asyncio.wait_for(is_being_carried_out(), 5)
    impatient.cancel()
    assert await patient == len("patient")


async def test_nothing_is_taken_after_closing(commits: GroupCommit[str, int]) -> None:
    await commits.close()
    with pytest.raises(LedgerError, match="being closed"):
        await commits.submit("late")


async def test_everybody_who_writes_gets_his_turn_in_order(
    ledger: Ledger, commits: GroupCommit[str, int], tally: Tally
) -> None:
    async def another() -> int:
        async with ledger.write():
            return len(tally.batches)

    async with ledger.write():
        first = asyncio.create_task(commits.submit("first"))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(another())
        await asyncio.sleep(0.01)
        assert not tally.batches
    assert await second == 1
    assert await first == len("first")


async def test_other_writers_get_their_turn_under_load(
    ledger: Ledger, commits: GroupCommit[str, int], tally: Tally
) -> None:
    others_are_done = asyncio.Event()

    async def flood(number: int) -> None:
        for n in range(5000):
            if others_are_done.is_set():
                return
            await commits.submit(f"{number}-{n}")
        raise AssertionError("the other writers never got a turn")

    async def others() -> None:
        for number in range(10):
            async with ledger.write() as conn:
                assert await probes.plan(conn, planned(route=f"route-{number}"))
        assert len(tally.batches) >= 9, "the flood got no turn in between"
        others_are_done.set()

    await asyncio.gather(*(flood(number) for number in range(20)), others())
