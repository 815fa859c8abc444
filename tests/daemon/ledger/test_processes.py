"""Several real processes on one ledger: one wins, and a killed one takes back no promise."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from daemon.ledger import Ledger, probes, schema
from daemon.lifecycles.probe import ProbeState

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

ROOT = Path(__file__).resolve().parents[3]
KILLS = 15


async def run(verb: str, url: str, times: int) -> list[str]:
    """The lines that the children said; they must all have done well."""
    argv = [sys.executable, "-m", "tests.daemon.ledger.children", verb, url, str(times)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(60):
        said, complaints = await child.communicate()
    assert child.returncode == 0, complaints.decode()
    return said.decode().split()


async def test_of_four_processes_exactly_one_gets_each_slot(ledger: Ledger, url: str) -> None:
    won = Counter(await run("rivals", url, 4))
    assert won == Counter({str(slot): 1 for slot in range(25)})
    async with ledger.read() as conn:
        assert len(await probes.recent(conn, shop=None, limit=100)) == 25


async def test_four_processes_that_start_on_an_empty_database_all_get_going(url: str) -> None:
    await run("migrants", url, 4)
    ledger = await Ledger.open(url)
    async with ledger.read() as conn:
        assert await probes.recent(conn, shop=None, limit=1) == []
    await ledger.close()


async def test_a_killed_process_has_stored_all_that_it_acknowledged(
    ledger: Ledger, url: str
) -> None:
    acknowledged = await run("mortals", url, KILLS)
    async with ledger.read() as conn:
        stored = await probes.by_ids(conn, acknowledged)
        assert acknowledged
        assert set(acknowledged) - set(stored) == set()
        assert await torn(conn) == set()
        states = {row.state for row in await probes.recent(conn, shop=None, limit=100_000)}
    assert states == {ProbeState.PLANNED, ProbeState.SIGHTED}


async def test_the_same_harness_catches_who_acknowledges_before_the_commit(
    ledger: Ledger, url: str
) -> None:
    acknowledged = await run("hasty-mortals", url, KILLS)
    async with ledger.read() as conn:
        stored = await probes.by_ids(conn, acknowledged)
    assert set(acknowledged) - set(stored)


async def torn(conn: AsyncConnection) -> set[str]:
    """Probes whose state, message, sighting and cursor were not committed together."""
    sighted = schema.probes.c.state == ProbeState.SIGHTED
    parts = [
        select(schema.probes.c.id).where(sighted),
        select(schema.raws.c.probe),
        select(schema.sightings.c.probe),
        select(schema.cursors.c.seed),
        select(schema.mailboxes.c.seed),
    ]
    found = [set((await conn.execute(part)).scalars()) for part in parts]
    return set.union(*found) - set.intersection(*found)
