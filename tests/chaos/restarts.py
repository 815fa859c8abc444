"""Ended and started again: a polite end leaves nothing in doubt, and a start is quick."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import httpx2
import psutil

from daemon.ledger.arrivals import Arrivals
from tests.chaos import books
from tests.chaos.clients import Client, Memory, amid_a_message, clients, greeted
from tests.chaos.figures import Figure, exactly, merely, within
from tests.chaos.house import HOST, ROUTE, SHOP, build
from tests.chaos.households import opened
from tests.chaos.letters import arrivals_of
from tests.chaos.next_server import next_server
from tests.stories.programs import running, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.chaos.house import House

DRAINED_WITHIN_S = 15.0
READY_WITHIN_S = 3.0
AT_ONCE = 1_000
SLOW_ANSWER_S = 0.05
CLIENTS = 8


@dataclass(frozen=True, slots=True)
class Ended:
    """A service under load that was asked to end."""

    seconds: float
    code: int
    acknowledged: int
    missing: int
    doubtful: int
    in_hand: int


async def polite_end(folder: Path, load_s: float, database: str | None = None) -> Ended:
    """SIGTERM while eight clients bring mail that the next server is slow to take."""
    async with next_server(SLOW_ANSWER_S) as further:
        house = build(folder, further.port, database)
        async with running(house.settings, "--no-probing") as process:
            await greeted(house.intake)
            async with clients(house.intake, CLIENTS, patient=False) as told:
                await asyncio.sleep(load_s)
                began = time.monotonic()
                process.terminate()
                code = await asyncio.wait_for(process.wait(), 60)
                seconds = time.monotonic() - began
        found = await books.read(house.database)
    missing = told.acknowledged - set(found.copies)
    counted = len(told.acknowledged), len(missing), len(found.doubtful())
    return Ended(seconds, code, *counted, in_hand=found.in_hand)


async def stubborn_end(folder: Path) -> float:
    """Seconds from SIGTERM to the end, with a client amid a message and a silent next server."""
    async with next_server(4 * DRAINED_WITHIN_S) as further:
        house = build(folder, further.port)
        async with running(house.settings, "--no-probing") as process:
            await greeted(house.intake)
            await Client("taken", house.intake, Memory()).bring("taken")
            async with amid_a_message(house.intake):
                await asyncio.sleep(1)  # the sender has written the final dot
                began = time.monotonic()
                process.terminate()
                await asyncio.wait_for(process.wait(), 90)
                return time.monotonic() - began


class Start(NamedTuple):
    """Seconds from the start of the program, and how many of them it had a processor."""

    to_220: float
    to_ready: float
    processor: float


async def starts(folder: Path, rows: int, times: int, database: str | None = None) -> list[Start]:
    """So many starts with so many mails due; each service is killed once it was ready."""
    async with next_server() as further:
        house = build(folder, further.port, database)
        await _fill(house, rows)
        return [await _start(house) for _ in range(times)]


async def _fill(house: House, rows: int) -> None:
    async with opened(house.database) as ledger:
        arrivals = Arrivals(ledger, routes={SHOP: ROUTE})
        for first in range(0, rows, AT_ONCE):
            new = arrivals_of(range(first, min(first + AT_ONCE, rows)), datetime.now(UTC))
            await asyncio.gather(*map(arrivals.take, new))
        await arrivals.close()


async def _start(house: House) -> Start:
    began = time.monotonic()
    async with running(house.settings, "--no-probing") as process, httpx2.AsyncClient() as http:
        await greeted(house.intake)
        to_220 = time.monotonic() - began

        async def ready() -> bool:
            url = f"http://{HOST}:{house.metrics}/-/ready"
            return bool((await http.get(url)).status_code == 200)

        await until(ready, within_s=30, every_s=0.01)
        to_ready = time.monotonic() - began
        times = psutil.Process(process.pid).cpu_times()
        process.kill()
    return Start(to_220, to_ready, times.user + times.system)


def figures_of_end(ended: Ended, where: str) -> list[Figure]:
    """Promise 9, politely."""
    n = f"{ended.acknowledged:,} acknowledged ({where})"
    return [
        within("SIGTERM under load: ended after", n, ended.seconds, DRAINED_WITHIN_S),
        exactly("  exit code", n, ended.code),
        exactly("  acknowledged and not stored", n, ended.missing),
        exactly("  in doubt", n, ended.doubtful),
        exactly("  left in a sender's hand", n, ended.in_hand),
    ]


def figures_of_stubborn_end(seconds: float) -> list[Figure]:
    """Promise 9, when nobody else does his part."""
    n = "a client amid a message, and a next server that does not answer"
    return [within("SIGTERM: ended after", n, seconds, DRAINED_WITHIN_S)]


def figures_of_starts(seconds: Sequence[Start], rows: int, where: str) -> list[Figure]:
    """Promise 9, after a kill."""
    n = f"{len(seconds)} starts, {rows:,} due ({where})"
    whole = [max(start.to_220, start.to_ready) for start in seconds]
    return [
        within("killed, started: 220 and ready, median", n, median(whole), READY_WITHIN_S),
        merely("the slowest", n, f"{max(whole):.2f} s"),
        merely("220 alone, median", n, f"{median(start.to_220 for start in seconds):.2f} s"),
        merely(
            "on a processor, median", n, f"{median(start.processor for start in seconds):.2f} s"
        ),
    ]
