"""`receiptwatch demo`: the story comes true, and says so to people and machines."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import httpx2

from daemon.demo.story import ACTS
from tests.stories.programs import COMMAND, ENVIRONMENT, receiptwatch

if TYPE_CHECKING:
    from asyncio import StreamReader
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator


async def test_the_demo_tells_its_story_to_people_and_machines_and_it_comes_true() -> None:
    told = await receiptwatch("demo", "--once", "--json")
    assert told.code == 0, told.err
    assert "Status page" in told.err
    assert "The story came true" in told.err
    assert told.json["came_true"] is True
    assert [act["act"] for act in told.json["acts"]] == [act.name for act in ACTS]
    assert all(len(act["seen"]) == 27 for act in told.json["acts"])
    incidents = {
        act["act"]: {(i["provider"], i["cause"]) for i in act["incidents"]}
        for act in told.json["acts"]
    }
    assert incidents == {
        "all lands": set(),
        "yahoo files into spam": {("yahoo", "route")},
        "dkim breaks": {(p, "authentication") for p in ("gmail", "outlook", "yahoo")},
        "recovery": set(),
    }


@asynccontextmanager
async def telling(*words: str) -> AsyncIterator[tuple[Process, StreamReader]]:
    """A demo under way; killed at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(*COMMAND, "demo", "--once", *words),
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout
        async with asyncio.timeout(240):
            yield process, process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_a_demo_that_stays_goes_on_after_its_story_and_ends_well() -> None:
    async with telling("--stay") as (process, out):
        told = await out.readuntil(b"Ctrl-C ends it.")
        page = re.search(rb"Status page +(\S+)", told)
        assert page
        async with httpx2.AsyncClient(timeout=10) as http:
            assert (await http.get(page[1].decode())).status_code == 200
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_a_story_that_was_broken_off_did_not_come_true() -> None:
    async with telling() as (process, out):
        await out.readuntil("▶".encode())
        process.send_signal(signal.SIGINT)
        assert b"came true" not in await out.read()
        assert await process.wait() == 1
