"""Several real processes take messages in: each is one row, and a kill takes nothing back."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from daemon.ledger import Ledger, schema
from tests.daemon.ledger.arrival_children import SAME
from tests.daemon.ledger.arrival_samples import arrival, count

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

ROOT = Path(__file__).resolve().parents[3]
KILLS = 8


async def run(verb: str, url: str, times: int) -> list[str]:
    """The lines that the children said; they must all have done well."""
    argv = [sys.executable, "-m", "tests.daemon.ledger.arrival_children", verb, url, str(times)]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(60):
        said, complaints = await child.communicate()
    assert child.returncode == 0, complaints.decode()
    return said.decode().split()


async def test_what_comes_to_three_processes_at_once_is_taken_by_one(
    ledger: Ledger, url: str
) -> None:
    told = defaultdict(list)
    for line in await run("rivals", url, 3):
        name, message, how = line.split(":")
        told[name].append((message, how))
    assert len(told) == SAME
    for answers in told.values():
        assert len({message for message, _ in answers}) == 1
        assert sorted(how for _, how in answers) == ["again", "again", "new"]
    assert await count(ledger, schema.messages) == await count(ledger, schema.attempts) == SAME


async def test_a_killed_process_has_stored_all_that_it_acknowledged(
    ledger: Ledger, url: str
) -> None:
    acknowledged = await run("mortals", url, KILLS)
    assert acknowledged
    async with ledger.read() as conn:
        assert lost(acknowledged, await stored(conn)) == set()
        assert await torn(conn) == set()


async def test_the_same_harness_catches_who_acknowledges_before_the_commit(
    ledger: Ledger, url: str
) -> None:
    acknowledged = await run("hasty-mortals", url, KILLS)
    async with ledger.read() as conn:
        assert lost(acknowledged, await stored(conn))
        assert await torn(conn) == set()


def lost(acknowledged: list[str], found: set[bytes]) -> set[str]:
    return {name for name in acknowledged if arrival(name).dedupe not in found}


async def stored(conn: AsyncConnection) -> set[bytes]:
    return {bytes(d) for d in (await conn.execute(select(schema.messages.c.dedupe))).scalars()}


async def torn(conn: AsyncConnection) -> set[str]:
    """Messages whose text, mail and attempt were not committed together."""
    attempted = select(schema.mails.c.message).join_from(schema.mails, schema.attempts)
    parts = [
        select(schema.messages.c.id),
        select(schema.message_raws.c.message),
        select(schema.mails.c.message),
        attempted,
    ]
    found = [set((await conn.execute(part)).scalars()) for part in parts]
    return set.union(*found) - set.intersection(*found)
