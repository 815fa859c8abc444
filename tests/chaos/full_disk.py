"""The disk full while mail comes in: put off at once, red, and soon as if nothing had been."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from tests.chaos import books
from tests.chaos.clients import Memory, clients, greeted
from tests.chaos.figures import Figure, exactly, within
from tests.chaos.house import HOST, build
from tests.chaos.next_server import next_server
from tests.chaos.troubles import intact
from tests.stories.programs import running, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.chaos.house import House

DISK_MB = 32
CLIENTS = 4
BEFORE = 50
"""Mails that are taken before the disk is full."""
FULL_S = 4.0
TOLD_WITHIN_S = 1.0
RED_WITHIN_S = 2.0
BACK_WITHIN_S = 5.0
NO_ROOM = {"452 4.3.1", "421 4.3.1"}
"""To who has a connection, and to who asks for one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What all sides know in the end; times in seconds."""

    told: Memory
    books: books.Books
    came: Mapping[str, int]
    intact: bool
    slowest_full_s: float
    other_replies: int
    red_after_s: float
    back_after_s: float
    green_after_s: float


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of its own, mounted within `folder`; only root can."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(place)], check=True
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


async def full_disk(folder: Path, full_s: float = FULL_S) -> Outcome:
    """The whole service, whose disk is full for so long."""
    with small_disk(folder) as disk:
        async with next_server() as further:
            house = build(disk, further.port)
            async with running(house.settings, "--no-probing"):
                await greeted(house.intake)
                async with clients(house.intake, CLIENTS) as told, httpx2.AsyncClient() as http:
                    outcome = await _through_it(house, full_s, told, http)
            found = await books.read(house.database)
            return Outcome(told, found, dict(further.came), intact(house.file), *outcome)


async def _through_it(
    house: House, full_s: float, told: Memory, http: httpx2.AsyncClient
) -> tuple[float, int, float, float, float]:
    health = f"http://{HOST}:{house.metrics}/-/healthy"

    async def color(code: int) -> bool:
        return bool((await http.get(health)).status_code == code)

    async def taken_since(count: int) -> bool:
        return len(told.acknowledged) > count

    await until(lambda: taken_since(BEFORE))
    told.put_off.clear()
    told.slowest_s = 0.0
    full = time.monotonic()
    ballast = _fill(house.settings.parent)
    await until(lambda: color(503), every_s=0.02)
    red_after_s = time.monotonic() - full
    await asyncio.sleep(full_s)
    slowest_s, others = told.slowest_s, told.put_off.total() - _no_room(told)
    count = len(told.acknowledged)
    free = time.monotonic()
    ballast.unlink()
    await until(lambda: taken_since(count), every_s=0.02)
    back_after_s = time.monotonic() - free
    await until(lambda: color(200), every_s=0.02)
    return slowest_s, others, red_after_s, back_after_s, time.monotonic() - free


def _fill(disk: Path) -> Path:
    """Take all the room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), bytes(4096))
    return ballast


def _no_room(told: Memory) -> int:
    return sum(told.put_off[reply] for reply in NO_ROOM)


def figures(outcome: Outcome) -> list[Figure]:
    """Promise 7, and a part of 8."""
    told, found = outcome.told, outcome.books
    n = f"{len(told.acknowledged):,} mails"
    put_off = f"{_no_room(told):,} put off"
    ok = outcome.intact
    return [
        exactly("other replies than 452 and 421 4.3.1 while full", put_off, outcome.other_replies),
        within("slowest reply while full", put_off, outcome.slowest_full_s, TOLD_WITHIN_S),
        within("/-/healthy red after", "1", outcome.red_after_s, RED_WITHIN_S),
        within("first 250 after there was room again", "1", outcome.back_after_s, BACK_WITHIN_S),
        within("/-/healthy green after", "1", outcome.green_after_s, BACK_WITHIN_S),
        exactly("lost: acknowledged and not stored", n, len(told.acknowledged - set(found.copies))),
        exactly("stored twice", n, len(found.doubled())),
        exactly("arrived twice at the next server", n, len(books.twice(outcome.came))),
        Figure("the database's own check", "1", "ok" if ok else "damaged", "ok", ok),
    ]
